"""A learned grasp type: contact models, the closing and the way in; one file each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ddg_core.arrays import Array, frozen_array
from ddg_core.errors import BadInput
from ddg_core.hand import Hand
from ddg_core.transforms import inverse
from ddg_planning.generate import archive
from ddg_planning.generate.contact_model import ContactModel, ContactSettings, learn_contacts
from ddg_planning.generate.demonstration import Demonstration

VERSION = 1


@dataclass(frozen=True, eq=False)
class GraspModel:
    """What was learned from one demonstration.

    Attributes:
        kind: Grasp type, e.g. "pinch".
        hand: Name of the hand.
        joint_names: Driven joints, in the order of `joints`.
        contacts: One contact model per touching link.
        T_grasp_wrist: Wrist pose per waypoint relative to that at the grasp, shape (K, 4, 4).
        joints: Driven joints per waypoint, shape (K, D), in [rad].
        provenance: Who made it how.
        absent: Share of the grasp's contacts that are left out because a training view does not
            show them; 0 for a whole grasp. A model with some left out goes by seen surface only.
        source: Id of what it was made of, for models that are in no file of their own.
        variant: What tells its scores' worth from that of others of its type: "found", "view".
    """

    kind: str
    hand: str
    joint_names: tuple[str, ...]
    contacts: tuple[ContactModel, ...]
    T_grasp_wrist: Array
    joints: Array
    provenance: dict[str, str] = field(default_factory=dict)
    absent: float = 0.0
    source: str = ""
    variant: str = ""

    def __post_init__(self) -> None:
        """Check and freeze the arrays."""
        T = frozen_array("GraspModel.T_grasp_wrist", self.T_grasp_wrist, None, 4, 4)
        object.__setattr__(self, "T_grasp_wrist", T)
        joints = frozen_array("GraspModel.joints", self.joints, len(T), len(self.joint_names))
        object.__setattr__(self, "joints", joints)
        if len(T) < 3 or not self.contacts:
            raise BadInput(f"grasp model {self.kind!r}: needs 3 waypoints and a contact")

    @property
    def label(self) -> str:
        """Type and variant: by this the worth of its scores is measured and told."""
        return f"{self.kind} {self.variant}".rstrip()

    @property
    def grip(self) -> Array:
        """Joints with the fingers at the surface, shape (D,), in [rad]."""
        grip: Array = self.joints[-2]
        return grip

    @property
    def start(self) -> Array:
        """Joints when the closing starts, shape (D,), in [rad]."""
        start: Array = self.joints[-3]
        return start

    @property
    def squeeze(self) -> Array:
        """How far each joint was told to go beyond the grip, shape (D,), in [rad]."""
        squeeze: Array = self.joints[-1] - self.grip
        return squeeze

    @cached_property
    def id(self) -> str:
        """Content hash of what it was learned from, or of itself."""
        return self.source or archive.content_hash(self.header(), self.arrays())

    def header(self) -> dict[str, Any]:
        """What is not an array, for a file."""
        return {
            "kind": self.kind,
            "hand": self.hand,
            "joint_names": list(self.joint_names),
            "links": [contact.link for contact in self.contacts],
            "provenance": dict(self.provenance),
        }

    def arrays(self) -> dict[str, Array]:
        """The arrays, for a file, by name."""
        arrays = {"T_grasp_wrist": self.T_grasp_wrist, "joints": self.joints}
        for contact in self.contacts:
            for name in ("positions", "quaternions", "curvatures", "weights"):
                arrays[f"{contact.link}.{name}"] = getattr(contact, name)
        return arrays

    def save(self, path: Path) -> None:
        """Write it to a .npz file."""
        archive.write(path, "grasp model", VERSION, self.header(), self.arrays())


def learn(demonstration: Demonstration, hand: Hand, settings: ContactSettings) -> GraspModel:
    """Learn a grasp type from one demonstration; the object's cloud is not kept.

    Raises:
        BadInput: The demonstration is of another hand, or its hand touches nothing.
    """
    check_hand(f"demonstration {demonstration.kind!r}", demonstration, hand)
    T_base_grasp = demonstration.T_base_wrist[-2]
    contacts = learn_contacts(
        demonstration.cloud, hand, T_base_grasp, demonstration.joints[-2], settings
    )
    if not contacts:
        raise BadInput(f"demonstration {demonstration.kind!r}: no link touches the object")
    return GraspModel(
        kind=demonstration.kind,
        hand=demonstration.hand,
        joint_names=demonstration.joint_names,
        contacts=contacts,
        T_grasp_wrist=inverse(T_base_grasp) @ demonstration.T_base_wrist,
        joints=demonstration.joints,
        provenance=demonstration.provenance,
    )


def load_model(path: Path, hand: Hand) -> GraspModel:
    """Read a learned grasp type for `hand`.

    Raises:
        BadInput: It is no grasp model, of another version, or of another hand.
    """
    header, arrays = archive.read(path, "grasp model", VERSION)
    return from_file(path.name, header, arrays, hand)


def from_file(
    where: str, header: Mapping[str, Any], arrays: Mapping[str, Array], hand: Hand
) -> GraspModel:
    """Put a model together from what a file says; `where` is named in errors.

    Raises:
        BadInput: Something is missing, or it is of another hand.
    """
    try:
        names = ("positions", "quaternions", "curvatures", "weights")
        contacts = tuple(
            ContactModel(link, *(arrays[f"{link}.{name}"] for name in names))
            for link in header["links"]
        )
        model = GraspModel(
            kind=header["kind"],
            hand=header["hand"],
            joint_names=tuple(header["joint_names"]),
            contacts=contacts,
            T_grasp_wrist=arrays["T_grasp_wrist"],
            joints=arrays["joints"],
            provenance=header["provenance"],
        )
    except KeyError as error:
        raise BadInput(f"{where}: lacks {error}") from error
    check_hand(where, model, hand)
    for contact in model.contacts:
        if contact.link not in hand.link_names:
            raise BadInput(f"{where}: hand {hand.name!r} has no link {contact.link!r}")
    return model


def check_hand(what: str, made_for: Demonstration | GraspModel, hand: Hand) -> None:
    """Raise BadInput if `made_for` is of another hand, or orders its joints differently."""
    if made_for.hand != hand.name:
        raise BadInput(f"{what}: made for hand {made_for.hand!r}, this is {hand.name!r}")
    if made_for.joint_names != hand.joint_names:
        raise BadInput(
            f"{what}: its joints are {', '.join(made_for.joint_names)}; "
            f"hand {hand.name!r} has {', '.join(hand.joint_names)}"
        )


def load_models(folder: Path, hand: Hand) -> tuple[GraspModel, ...]:
    """All learned grasp types of `hand` in a folder, by file name.

    Raises:
        BadInput: There is none, or one cannot be used.
    """
    models = tuple(load_model(path, hand) for path in sorted(folder.glob("*.npz")))
    if not models:
        raise BadInput(f"{folder}: holds no grasp model (*.npz)")
    return models
