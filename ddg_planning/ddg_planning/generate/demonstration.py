"""A demonstrated grasp: the object's whole surface, the hand's motion, and who made it how."""

from dataclasses import dataclass, field
from pathlib import Path

from ddg_core.arrays import Array, frozen_array
from ddg_core.errors import BadInput
from ddg_core.view import FeatureCloud
from ddg_planning.generate import archive

VERSION = 1


@dataclass(frozen=True, eq=False)
class Demonstration:
    """One demonstrated reach-to-grasp motion on one object, in a frame with z up.

    Attributes:
        kind: Grasp type, e.g. "pinch".
        hand: Name of the hand.
        joint_names: Driven joints, in the order of `joints`.
        cloud: The object's surface, seen from several views.
        T_base_wrist: Wrist pose per waypoint, as in `Grasp`, shape (K, 4, 4).
        joints: Driven joints per waypoint, shape (K, D), in [rad].
        provenance: Who made it how: object, tool, settings, seed, outcome of the tests.
    """

    kind: str
    hand: str
    joint_names: tuple[str, ...]
    cloud: FeatureCloud
    T_base_wrist: Array
    joints: Array
    provenance: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check and freeze the arrays."""
        T = frozen_array("Demonstration.T_base_wrist", self.T_base_wrist, None, 4, 4)
        if len(T) < 3:
            raise BadInput(f"Demonstration: needs pre-grasp, grasp and squeeze, got {len(T)}")
        shape = (len(T), len(self.joint_names))
        object.__setattr__(self, "T_base_wrist", T)
        joints = frozen_array("Demonstration.joints", self.joints, *shape)
        object.__setattr__(self, "joints", joints)

    def save(self, path: Path) -> None:
        """Write it to a .npz file."""
        header = {
            "kind": self.kind,
            "hand": self.hand,
            "joint_names": list(self.joint_names),
            "provenance": dict(self.provenance),
        }
        arrays = {
            "points": self.cloud.points,
            "frames": self.cloud.frames,
            "curvatures": self.cloud.curvatures,
            "T_base_wrist": self.T_base_wrist,
            "joints": self.joints,
        }
        archive.write(path, "demonstration", VERSION, header, arrays)


def load_demonstration(path: Path) -> Demonstration:
    """Read a demonstration.

    Raises:
        BadInput: It is no demonstration, or one of another version.
    """
    header, arrays = archive.read(path, "demonstration", VERSION)
    try:
        return Demonstration(
            kind=header["kind"],
            hand=header["hand"],
            joint_names=tuple(header["joint_names"]),
            cloud=FeatureCloud(arrays["points"], arrays["frames"], arrays["curvatures"]),
            T_base_wrist=arrays["T_base_wrist"],
            joints=arrays["joints"],
            provenance=header["provenance"],
        )
    except KeyError as error:
        raise BadInput(f"{path.name}: lacks {error}") from error
