"""The arm as a chain of revolute joints from {base} to {wrist}, vectorised over configurations."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ddg_core.arrays import Array, BoolArray, frozen_array
from ddg_core.errors import BadInput
from ddg_core.kinematics import KinematicTree
from ddg_core.transforms import compose


@dataclass(frozen=True, eq=False)
class Arm:
    """A chain of A revolute joints that carries the hand.

    Attributes:
        joint_names: The joints from {base} outwards.
        T_before: Fixed transform before each joint, shape (A, 4, 4), in [m].
        axes: Joint axes in the joint frames, unit vectors, shape (A, 3).
        T_last_wrist: Fixed transform behind the last joint, shape (4, 4), in [m].
        lower: Lower position limits, shape (A,), in [rad].
        upper: Upper position limits, shape (A,), in [rad].
        velocity: Largest speeds, shape (A,), in [rad/s].
        acceleration: Largest accelerations, shape (A,), in [rad/s^2].
    """

    joint_names: tuple[str, ...]
    T_before: Array
    axes: Array
    T_last_wrist: Array
    lower: Array
    upper: Array
    velocity: Array
    acceleration: Array

    def __post_init__(self) -> None:
        """Check and freeze the arrays."""
        n = len(self.joint_names)
        shapes: dict[str, tuple[int, ...]] = {
            "T_before": (n, 4, 4), "axes": (n, 3), "T_last_wrist": (4, 4),
            "lower": (n,), "upper": (n,), "velocity": (n,), "acceleration": (n,),
        }  # fmt: skip
        for name, shape in shapes.items():
            object.__setattr__(self, name, frozen_array(f"Arm.{name}", getattr(self, name), *shape))
        if not (self.lower < self.upper).all():
            raise BadInput("Arm: every lower limit must be below the upper one")

    def __len__(self) -> int:
        """Return the number of joints."""
        return len(self.joint_names)

    def forward(self, q: Array) -> Array:
        """Wrist poses `T_base_wrist` (..., 4, 4) at configurations (..., A) in [rad]."""
        R, p, _, _ = self._chain(q)
        return compose(R, p)

    def joint_frames(self, q: Array) -> Array:
        """Poses in {base} of every joint's moving frame, shape (..., A, 4, 4)."""
        _, _, rotations, origins = self._chain(q)
        return compose(rotations, origins)

    def jacobian(self, q: Array) -> Array:
        """Jacobians (..., 6, A) of the wrist: linear over angular velocity, both in {base}."""
        _, p, rotations, origins = self._chain(q)
        turning = (rotations @ self.axes[:, :, None])[..., 0]  # (..., A, 3)
        linear = np.cross(turning, p[..., None, :] - origins)
        return np.swapaxes(np.concatenate([linear, turning], axis=-1), -1, -2)

    def manipulability(self, q: Array) -> Array:
        """Yoshikawa's measure sqrt(det(J J^T)) at configurations (..., A), shape (...)."""
        J = self.jacobian(q)
        det: Array = np.linalg.det(J @ np.swapaxes(J, -1, -2))
        return np.sqrt(np.maximum(det, 0.0))

    def margin(self, q: Array) -> Array:
        """Least distance to a limit as share of the half range, shape (...); negative outside."""
        half = (self.upper - self.lower) / 2.0
        share: Array = 1.0 - np.abs(q - (self.lower + self.upper) / 2.0) / half
        least: Array = share.min(axis=-1)
        return least

    def within(self, q: Array, tolerance: float = 1e-9) -> BoolArray:
        """Say whether configurations (..., A) are within the position limits, shape (...)."""
        inside = np.logical_and(q >= self.lower - tolerance, q <= self.upper + tolerance)
        every: BoolArray = np.all(inside, axis=-1)
        return every

    def _chain(self, q: Array) -> tuple[Array, Array, Array, Array]:
        """Wrist rotation and position, joint rotations (..., A, 3, 3) and origins (..., A, 3)."""
        K = _cross_matrices(self.axes)
        s, c = np.sin(q)[..., None, None], np.cos(q)[..., None, None]
        turned = np.eye(3) + s * K + (1.0 - c) * (K @ K)  # Rodrigues
        R, p = np.eye(3), np.zeros(3)
        rotations, origins = [], []
        for i in range(len(self)):
            p = p + (R @ self.T_before[i, :3, 3:])[..., 0]
            R = R @ (self.T_before[i, :3, :3] @ turned[..., i, :, :])
            rotations.append(R)
            origins.append(np.broadcast_to(p, R.shape[:-1]))
        p = p + (R @ self.T_last_wrist[:3, 3:])[..., 0]
        return R @ self.T_last_wrist[:3, :3], p, np.stack(rotations, -3), np.stack(origins, -2)


def arm_from_tree(
    tree: KinematicTree, joint_names: Sequence[str], wrist_link: str, acceleration: Sequence[float]
) -> Arm:
    """Cut the arm out of a robot's tree.

    Args:
        tree: The robot; its root link is {base}.
        joint_names: The arm's joints from {base} outwards.
        wrist_link: The hand's mounting link.
        acceleration: Largest acceleration per joint, in [rad/s^2].

    Raises:
        BadInput: The moving joints on the way to `wrist_link` are not `joint_names`.
    """
    by_child = {joint.child: joint for joint in tree.joints}
    way = []
    link = wrist_link
    while link in by_child:
        way.append(by_child[link])
        link = by_child[link].parent
    way.reverse()
    moving = tuple(j.name for j in way if j.kind != "fixed")
    if not way or moving != tuple(joint_names):
        raise BadInput(
            f"robot {tree.name!r}: the way to {wrist_link!r} moves by {list(moving)},"
            f" not by {list(joint_names)}"
        )
    T, before = np.eye(4), []
    for joint in way:
        T = T @ joint.T_parent_child
        if joint.kind != "fixed":
            before.append(T)
            T = np.eye(4)
    joints = [j for j in way if j.kind != "fixed"]
    return Arm(
        joint_names=moving,
        T_before=np.stack(before),
        axes=np.stack([j.axis for j in joints]),
        T_last_wrist=T,
        lower=np.array([j.lower for j in joints]),
        upper=np.array([j.upper for j in joints]),
        velocity=np.array([j.velocity for j in joints]),
        acceleration=np.asarray(acceleration, float),
    )


def _cross_matrices(axes: Array) -> Array:
    K = np.zeros((len(axes), 3, 3))
    K[:, 2, 1], K[:, 0, 2], K[:, 1, 0] = axes.T
    return K - np.swapaxes(K, 1, 2)
