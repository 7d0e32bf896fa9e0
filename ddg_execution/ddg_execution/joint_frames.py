"""Poses of every moving joint's child in its parent, all at once: what /tf carries."""

from collections.abc import Mapping

import numpy as np
from scipy.spatial.transform import Rotation

from ddg_core.arrays import Array
from ddg_core.kinematics import KinematicTree
from ddg_core.transforms import compose


class JointFrames:
    """The frames of a robot, fixed and moving.

    Attributes:
        fixed: Joints that do not move.
        moving: Joints that move, coupled ones included.
    """

    def __init__(self, tree: KinematicTree) -> None:
        """Take the joints apart."""
        self.fixed = tuple(j for j in tree.joints if j.kind == "fixed")
        self.moving = tuple(j for j in tree.joints if j.kind != "fixed")
        self._T_zero = np.stack([j.T_parent_child for j in self.moving])
        self._axes = np.stack([j.axis for j in self.moving])
        self._slides = np.array([j.kind == "prismatic" for j in self.moving])[:, None]
        self._sources = [j.mimic or (j.name, 1.0, 0.0) for j in self.moving]

    def poses(self, positions: Mapping[str, float]) -> Array:
        """Poses `T_parent_child` of the moving joints, shape (J, 4, 4), in [m].

        Args:
            positions: Positions of driven joints in [rad] or [m]; others are at 0.
        """
        q = np.array([m * positions.get(name, 0.0) + c for name, m, c in self._sources])
        motion = self._axes * q[:, None]
        turn = Rotation.from_rotvec(np.where(self._slides, 0.0, motion)).as_matrix()
        T: Array = self._T_zero @ compose(turn, np.where(self._slides, motion, 0.0))
        return T
