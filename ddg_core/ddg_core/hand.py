"""A multi-fingered hand: its URDF plus one YAML that says what a URDF cannot."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ddg_core.arrays import Array
from ddg_core.errors import BadInput, UnknownName
from ddg_core.kinematics import KinematicTree
from ddg_core.settings import load
from ddg_core.shapes import Shape


@dataclass(frozen=True)
class HandSettings:
    """What a URDF does not say of a hand; one YAML file per hand in `config/hands`.

    Attributes:
        name: Name of the hand, e.g. "svh".
        urdf: The hand's URDF or xacro, as `package://<package>/<path>`.
        wrist_link: The link that is {wrist} in every Grasp.
        joint_names: The D driven joints in the order used everywhere.
        palm_links: Links that count as palm.
        thumb_links: Links that count as thumb.
        finger_links: Links that may carry an object besides palm and thumb.
        palm_normal: Direction out of the palm towards a grasped object, in {wrist}.
        poses: Named joint vectors; "open" and "closed" must be there.
        max_effort: Force limit per driven joint as torque at the joint, shape (D,), in [N m].
        squeeze: How far beyond contact a closing joint is commanded, in [rad].
        joint_prefix: What the real driver puts before joint names.
        fit_meshes: The URDF has meshes: enclose those of palm, thumb and finger links in fitted
            primitives, and let all other links have no shape.
    """

    name: str
    urdf: str
    wrist_link: str
    joint_names: tuple[str, ...]
    palm_links: tuple[str, ...]
    thumb_links: tuple[str, ...]
    finger_links: tuple[str, ...]
    palm_normal: tuple[float, float, float]
    poses: dict[str, tuple[float, ...]]
    max_effort: tuple[float, ...]
    squeeze: float = 0.25
    joint_prefix: str = ""
    fit_meshes: bool = False

    def __post_init__(self) -> None:
        """Check that vectors have one value per driven joint."""
        for missing in {"open", "closed"} - set(self.poses):
            raise ValueError(f"poses: missing {missing!r}")
        vectors = {**self.poses, "max_effort": self.max_effort}
        for key, values in vectors.items():
            if len(values) != len(self.joint_names):
                raise ValueError(
                    f"{key}: expected {len(self.joint_names)} values, got {len(values)}"
                )


class Hand:
    """A hand with D driven joints, J moving joints, and L links that have a shape.

    Frames: {wrist} is `settings.wrist_link`; link frames are those of the URDF.
    """

    def __init__(self, settings: HandSettings, tree: KinematicTree) -> None:
        """Join settings and URDF (whose subtree from `wrist_link` is the hand).

        Raises:
            UnknownName: A joint or link named in the settings is not in the URDF.
        """
        self.settings = settings
        self.tree = tree.subtree(settings.wrist_link)
        for name in settings.joint_names:
            self.tree.joint(name)
        left = set(self.tree.driven) - set(settings.joint_names)
        if left:
            raise BadInput(
                f"hand {settings.name!r}: joint_names lacks driven joints {sorted(left)}"
            )
        for link in (*settings.palm_links, *settings.thumb_links, *settings.finger_links):
            if link not in self.tree.link_names:
                raise UnknownName(f"link of hand {settings.name!r}", link, self.tree.link_names)

    @property
    def name(self) -> str:
        """Name of the hand."""
        return self.settings.name

    @property
    def joint_names(self) -> tuple[str, ...]:
        """The D driven joints, in order."""
        return self.settings.joint_names

    @cached_property
    def limits(self) -> Array:
        """Lower and upper limit per driven joint, shape (D, 2), in [rad]."""
        joints = [self.tree.joint(name) for name in self.joint_names]
        return np.array([[j.lower, j.upper] for j in joints])

    @cached_property
    def velocity_limits(self) -> Array:
        """Largest speed per driven joint, shape (D,), in [rad/s]."""
        return np.array([self.tree.joint(name).velocity for name in self.joint_names])

    @cached_property
    def moving_joint_names(self) -> tuple[str, ...]:
        """All J moving joints, coupled ones included, parents first."""
        return tuple(j.name for j in self.tree.joints if j.kind != "fixed")

    @cached_property
    def coupling(self) -> tuple[Array, Array]:
        """Matrix (J, D) and offset (J,) that take driven joints to all moving joints."""
        matrix = np.zeros((len(self.moving_joint_names), len(self.joint_names)))
        offset = np.zeros(len(self.moving_joint_names))
        for row, name in enumerate(self.moving_joint_names):
            source, multiplier, shift = self.tree.joint(name).mimic or (name, 1.0, 0.0)
            matrix[row, self.joint_names.index(source)], offset[row] = multiplier, shift
        return matrix, offset

    def expand(self, joints: Array) -> Array:
        """All moving joints (..., J) from the driven ones (..., D), in [rad]."""
        matrix, offset = self.coupling
        return joints @ matrix.T + offset

    def clip(self, joints: Array) -> Array:
        """Driven joints (..., D) moved to within their limits."""
        return np.clip(joints, self.limits[:, 0], self.limits[:, 1])

    @cached_property
    def link_names(self) -> tuple[str, ...]:
        """The L links that have a shape."""
        return tuple(name for name in self.tree.link_names if self.tree.shapes[name])

    @cached_property
    def surfaces(self) -> tuple[tuple[int, Shape], ...]:
        """Every primitive with the index of its link in `link_names`, in the link's frame."""
        return tuple(
            (i, shape) for i, name in enumerate(self.link_names) for shape in self.tree.shapes[name]
        )

    def link_poses(self, joints: Array) -> Array:
        """Poses `T_wrist_link` (..., L, 4, 4) for driven joints (..., D) in [rad]."""
        rows = [self.tree.link_names.index(name) for name in self.link_names]
        return self.tree.forward(self.joint_names, joints)[..., rows, :, :]

    def pose(self, name: str) -> Array:
        """Return the named joint vector, shape (D,), in [rad]."""
        if name not in self.settings.poses:
            raise UnknownName(f"pose of hand {self.name!r}", name, self.settings.poses)
        return np.array(self.settings.poses[name])


def load_hand_settings(path: Path | str) -> HandSettings:
    """Read `config/hands/<name>.yaml`; SettingsError if it is not as documented."""
    return load(path, HandSettings)
