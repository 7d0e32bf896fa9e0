"""A hand posed on an object by numbers: it closes, touches, and becomes a demonstration."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ddg_core.arrays import Array, frozen_array
from ddg_core.hand import Hand
from ddg_core.view import FeatureCloud
from ddg_planning.generate.closing import ClosingSettings
from ddg_planning.generate.demonstration import Demonstration
from ddg_planning.generate.hand_model import HandModel
from ddg_planning.generate.surface_closing import Surface, close_on_surface
from ddg_planning.teach.shown import Posture, TeachSettings, Touch, demonstrate, touch

BACK = 0.09  # the pre-grasp is this far back, away from the object's middle, in [m]
CLOSING = ClosingSettings(steps=40, reach=1.0)


@dataclass(frozen=True, eq=False)
class Pose:
    """Where the hand closes, and how.

    Attributes:
        T_base_wrist: Wrist pose, shape (4, 4).
        start, end: Joints where the closing starts and where it aims, shape (D,), in [rad].
    """

    T_base_wrist: Array
    start: Array
    end: Array

    def __post_init__(self) -> None:
        """Check and freeze the arrays."""
        T = frozen_array("Pose.T_base_wrist", self.T_base_wrist, 4, 4)
        start = frozen_array("Pose.start", self.start, None)
        object.__setattr__(self, "T_base_wrist", T)
        object.__setattr__(self, "start", start)
        object.__setattr__(self, "end", frozen_array("Pose.end", self.end, len(start)))


class Stage:
    """An object that a hand is posed on."""

    def __init__(self, hand: Hand, cloud: FeatureCloud, settings: TeachSettings) -> None:
        """Take the surface of the object, z up."""
        self.hand, self.cloud = hand, cloud
        self.middle: Array = (cloud.points.min(axis=0) + cloud.points.max(axis=0)) / 2
        self._settings = settings
        self._model, self._surface = HandModel(hand), Surface(cloud)

    def closed(self, pose: Pose) -> Array:
        """Joints where the fingers rest, shape (D,), in [rad]."""
        return close_on_surface(
            self._model, self._surface, pose.T_base_wrist, pose.start, pose.end, CLOSING
        )

    def touch(self, T_base_wrist: Array, joints: Array) -> Touch:
        """What the hand touches, by what would be learned."""
        posture = Posture(T_base_wrist, joints)
        return touch(self.cloud, self.hand, posture, self._settings.contact)

    def demonstration(self, kind: str, pose: Pose, provenance: Mapping[str, str]) -> Demonstration:
        """Make a demonstration of the closed hand; BadInput if it does not hold the object."""
        shaped = Posture(pose.T_base_wrist, pose.start)
        before = pose.T_base_wrist.copy()
        away = before[:3, 3] - self.middle
        before[:3, 3] += BACK * away / np.linalg.norm(away)
        postures = [
            replace(shaped, T_base_wrist=before),
            shaped,
            replace(shaped, joints=self.closed(pose)),
        ]
        return demonstrate(kind, self.hand, self.cloud, postures, provenance, self._settings)


def during(pose: Pose, closed: Array, share: float) -> Array:
    """Joints (D,) when a share in [0, 1] of the closing is done: each moves until it rests."""
    way = pose.end - pose.start
    least, most = np.minimum(pose.start, closed), np.maximum(pose.start, closed)
    joints: Array = np.clip(pose.start + share * way, least, most)
    return joints


def posed_like(shown: Demonstration, middle: Array) -> Pose:
    """The pose of a demonstration, about the middle (3,) of another object, in [m]."""
    points = shown.cloud.points
    T = shown.T_base_wrist[-2].copy()
    T[:3, 3] += middle - (points.min(axis=0) + points.max(axis=0)) / 2
    return Pose(T, shown.joints[-3], shown.joints[-1])
