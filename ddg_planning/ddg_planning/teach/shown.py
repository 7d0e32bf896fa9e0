"""What was shown becomes a demonstration, or is refused with the reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ddg_core.arrays import Array, frozen_array
from ddg_core.errors import BadInput
from ddg_core.hand import Hand
from ddg_core.transforms import apply, inverse
from ddg_core.view import FeatureCloud
from ddg_planning.generate.closing import ClosingSettings, squeezed
from ddg_planning.generate.contact_model import ContactSettings, touched_surface
from ddg_planning.generate.demonstration import Demonstration
from ddg_planning.generate.object_model import ObjectSettings


@dataclass(frozen=True)
class TeachSettings:
    """What is accepted as a demonstration.

    Attributes:
        contact: What touches.
        closing: How far the squeeze goes beyond the grip.
        object: How the object's unseen back is guessed.
        links: Fewest links that touch, one of them of thumb or palm.
        beyond: Measured joints may be this far beyond their limits, in [rad].
    """

    contact: ContactSettings = field(default_factory=ContactSettings)
    closing: ClosingSettings = field(default_factory=ClosingSettings)
    object: ObjectSettings = field(default_factory=ObjectSettings)
    links: int = 2
    beyond: float = 0.1


@dataclass(frozen=True, eq=False)
class Posture:
    """Where a hand is and how it is shaped.

    Attributes:
        T_base_wrist: Wrist pose, shape (4, 4).
        joints: Driven joints, shape (D,), in [rad].
    """

    T_base_wrist: Array
    joints: Array

    def __post_init__(self) -> None:
        """Check and freeze the arrays."""
        for name, shape in (("T_base_wrist", (4, 4)), ("joints", (None,))):
            array = frozen_array(f"Posture.{name}", getattr(self, name), *shape)
            object.__setattr__(self, name, array)


@dataclass(frozen=True, eq=False)
class Touch:
    """What a hand touches, by what would be learned.

    Attributes:
        links: Links that a contact model would be learned for, in the order of `hand.link_names`.
        weights: Weight of every surface point in the nearest contact, shape (N,), in [0, 1].
    """

    links: tuple[str, ...]
    weights: Array


def touch(cloud: FeatureCloud, hand: Hand, posture: Posture, settings: ContactSettings) -> Touch:
    """Tell what a hand touches."""
    weights = touched_surface(cloud, hand, posture.T_base_wrist, posture.joints, settings)
    counts = np.count_nonzero(weights, axis=1)
    names = zip(hand.link_names, counts.tolist(), strict=True)
    links = tuple(name for name, count in names if count >= settings.points)
    return Touch(links, weights.max(axis=0))


def gap(cloud: FeatureCloud, hand: Hand, posture: Posture) -> float:
    """Distance from the hand to the surface, in [m]; negative where they overlap."""
    T_base_link = posture.T_base_wrist @ hand.link_poses(posture.joints)
    return min(
        float(shape.signed_distance(apply(inverse(T_base_link[link]), cloud.points)).min())
        for link, shape in hand.surfaces
    )


def demonstrate(
    kind: str,
    hand: Hand,
    cloud: FeatureCloud,
    postures: Sequence[Posture],
    provenance: Mapping[str, str],
    settings: TeachSettings,
) -> Demonstration:
    """Make a demonstration of three postures; the squeeze follows from the closing.

    What squeezed joints measure does not tell how hard they were told to press, so their targets
    are computed as for all other demonstrations, see `squeezed`.

    Args:
        kind: Grasp type.
        hand: The hand.
        cloud: Surface of the object, z up.
        postures: Pre-grasp (before the object, open), pre-shape (around it, open), and closed
            (fingers at the surface).
        provenance: Who showed it how.
        settings: What is accepted.

    Raises:
        BadInput: The joints are not those of this hand, did not close, or the closed hand does
            not hold the object.
    """
    if len(postures) != 3:
        raise BadInput(f"needs pre-grasp, pre-shape and closed, got {len(postures)} postures")
    for posture in postures:
        _check_joints(hand, posture.joints, settings.beyond)
    start, grip = (hand.clip(posture.joints) for posture in postures[1:])
    if (np.abs(grip - start) <= settings.closing.still).all():
        raise BadInput("no finger closed between pre-shape and closed")
    links = _check_touch(cloud, hand, postures[2], settings)
    joints = [hand.clip(postures[0].joints), start, grip]
    squeeze = squeezed(grip, grip - start, hand.limits, settings.closing)
    poses = [posture.T_base_wrist for posture in postures]
    return Demonstration(
        kind=kind,
        hand=hand.name,
        joint_names=hand.joint_names,
        cloud=cloud,
        T_base_wrist=np.stack([*poses, poses[2]]),
        joints=np.stack([*joints, squeeze]),
        provenance={**provenance, "touching": " ".join(links)},
    )


def _check_joints(hand: Hand, joints: Array, beyond: float) -> None:
    if joints.shape != (len(hand.joint_names),):
        raise BadInput(f"{len(joints)} joints; hand {hand.name!r} has {len(hand.joint_names)}")
    off = np.maximum(hand.limits[:, 0] - joints, joints - hand.limits[:, 1])
    worst = int(np.argmax(off))
    if off[worst] > beyond:
        low, high = hand.limits[worst]
        raise BadInput(
            f"joint {hand.joint_names[worst]!r} is at {joints[worst]:.2f} rad, its limits are "
            f"{low:.2f} and {high:.2f}; is it hand {hand.name!r}?"
        )


def _check_touch(
    cloud: FeatureCloud, hand: Hand, closed: Posture, settings: TeachSettings
) -> tuple[str, ...]:
    links = touch(cloud, hand, closed, settings.contact).links
    opposing = {*hand.settings.thumb_links, *hand.settings.palm_links}
    if len(links) >= settings.links and opposing & set(links):
        return links
    away = gap(cloud, hand, closed)
    near = f"the nearest link is {1e3 * away:.0f} mm from its surface" if away > 0.0 else ""
    found = f"{', '.join(links)} touch it" if links else near or "it stands in the object"
    raise BadInput(
        f"the closed hand does not hold the object: {found}; needed are {settings.links} links, "
        "one of them of thumb or palm"
    )
