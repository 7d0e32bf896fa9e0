"""Closing on a surface that is known from all around, as that of a demonstration."""

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from ddg_core.arrays import Array
from ddg_core.transforms import quaternion
from ddg_core.view import FeatureCloud
from ddg_planning.generate.closing import ClosingSettings, close
from ddg_planning.generate.hand_model import HandModel
from ddg_planning.generate.transfer import Candidates


class Surface:
    """The body of an object by the points of its surface: inside is where normals point away."""

    def __init__(self, cloud: FeatureCloud) -> None:
        """Sort the points."""
        self._cloud, self._tree = cloud, cKDTree(cloud.points)

    def distance(self, points: Tensor) -> Tensor:
        """Signed distance of points (..., 3) to the surface, in [m], shape (...)."""
        at = points.reshape(-1, 3).numpy()
        distance, nearest = self._tree.query(at)
        away = ((at - self._cloud.points[nearest]) * self._cloud.normals[nearest]).sum(axis=-1)
        signed = torch.as_tensor(np.where(away >= 0.0, distance, -distance), dtype=points.dtype)
        return signed.reshape(points.shape[:-1])


def close_on_surface(
    hand: HandModel,
    surface: Surface,
    T_base_wrist: Array,
    start: Array,
    end: Array,
    settings: ClosingSettings,
) -> Array:
    """Joints (D,) in [rad] where a hand rests that closes from `start` towards `end`, see `close`.

    Args:
        hand: The hand.
        surface: What stops the fingers.
        T_base_wrist: Wrist pose, shape (4, 4).
        start: Joints where the closing starts, shape (D,), in [rad].
        end: Joints where it aims.
        settings: How it closes.
    """

    def one(values: Array) -> Tensor:
        return torch.as_tensor(np.array(values)[None], dtype=hand.dtype)

    state = Candidates(one(T_base_wrist[:3, 3]), one(quaternion(T_base_wrist)), one(start))
    closed = close(state, one(start), one(end), hand, surface, settings)
    return hand.hand.clip(closed.joints[0].double().numpy())
