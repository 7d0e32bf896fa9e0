"""What the features are of one small fixed case: weights learned from other features are useless.

Features come through code that the generative model shares. Whoever changes it, changes them, and
weights would then judge by numbers that mean something else. So a card keeps what the features of
this case were, and weights are refused where they come out differently.
"""

import numpy as np
import torch

from ddg_core.arrays import Array
from ddg_core.grasp import Grasp
from ddg_core.hand import Hand
from ddg_core.transforms import compose, exp
from ddg_core.view import FeatureCloud, ObjectView, Plane
from ddg_planning.evaluate.features import features
from ddg_planning.evaluate.motions import motions
from ddg_planning.evaluate.volume import Volume, VolumeSettings
from ddg_planning.generate.hand_model import HandModel

TOLERANCE = 0.02  # features are about 1; other processors round differently
_HALF = np.array([0.03, 0.04, 0.06])  # of the box, in [m]
_PLACE = np.array([0.55, 0.0, 0.06])
_EYE = np.array([0.95, 0.35, 0.50])


def fingerprint(hand: Hand, settings: VolumeSettings) -> tuple[float, ...]:
    """Mean features of four grasps of a box: those per link, then those per grasp."""
    volume = Volume(box_view(), settings)
    with torch.inference_mode():
        seen = features(volume, motions(box_grasps(hand), volume.T_base_local), HandModel(hand))
    means = torch.cat([seen.links.mean(dim=(0, 1)), seen.whole.mean(dim=0)])
    return tuple(round(value, 4) for value in means.tolist())


def box_view() -> ObjectView:
    """The three faces of a standing box that a camera sees."""
    points, frames = [], []
    for axis in range(3):
        a, b = (axis + 1) % 3, (axis + 2) % 3
        grid = np.stack(np.meshgrid(*(_steps(_HALF[k]) for k in (a, b))), axis=-1).reshape(-1, 2)
        face = np.zeros((len(grid), 3))
        face[:, [a, b]], face[:, axis] = grid, _HALF[axis]
        points.append(face)
        frames.append(np.tile(np.eye(3)[:, [a, b, axis]], (len(grid), 1, 1)))
    cloud = np.concatenate(points) + _PLACE
    return ObjectView(
        FeatureCloud(cloud, np.concatenate(frames), np.zeros((len(cloud), 2))),
        _EYE,
        Plane(np.array([0.0, 0.0, 1.0]), 0.0),
    )


def box_grasps(hand: Hand) -> list[Grasp]:
    """Four hands around the box, their palms to it; all fingers bend the same share."""
    z = np.array([1.0, 0.0, 0.0])  # fingers point away from the robot, the palm to the left
    y = np.array([0.0, 1.0, 0.0])
    R = np.stack([np.cross(y, z), y, z], axis=1)
    low, high = hand.limits.T
    joints = np.stack([low + share * (high - low) for share in (0.1, 0.1, 0.5, 0.6)])
    found = []
    for number, twist in enumerate(0.02 * np.array([[0, 0, 0], [1, 0, 1], [0, 1, -1], [-1, 1, 0]])):
        T = compose(R, _PLACE - R @ [0.0, 0.08, 0.12]) @ exp([*twist, *(5.0 * twist)])
        before = T @ compose(np.eye(3), [0.0, 0.0, -0.1])
        way = np.stack([before, T, T, T])
        found.append(Grasp(way, joints, hand.name, "fixed", float(number)))
    return found


def _steps(half: float) -> Array:
    return np.arange(-half + 0.0015, half, 0.003)
