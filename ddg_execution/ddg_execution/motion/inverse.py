"""Inverse kinematics with all branches: closed form where the arm allows it, else by descent."""

from collections.abc import Callable

import numpy as np
from scipy.spatial.transform import Rotation

from ddg_core.arrays import Array
from ddg_core.transforms import inverse
from ddg_execution.motion.arm import Arm
from ddg_execution.motion.srs import SrsGeometry, solve_srs, srs_geometry

InverseKinematics = Callable[[Array], Array]
"""Wrist poses (N, 4, 4) -> configurations (N, B, A) within the limits; NaN where there is none."""

_SEEDS = 24  # starts of the descent per pose
_POSITION, _ROTATION = 1e-6, 1e-6  # a configuration counts as solution to this, in [m], [rad]


def inverse_kinematics(arm: Arm, *, arm_angles: int = 32) -> InverseKinematics:
    """Choose how to solve: in closed form for S-R-S arms, by descent for all others.

    Args:
        arm: The arm.
        arm_angles: Number of elbow turns tried by the closed form; it yields eight times as many
            configurations, before limits.
    """
    geometry = srs_geometry(arm)
    if geometry is None:
        return lambda T_base_wrist: by_descent(arm, T_base_wrist)
    return lambda T_base_wrist: in_closed_form(arm, geometry, T_base_wrist, arm_angles)


def in_closed_form(arm: Arm, geometry: SrsGeometry, T_base_wrist: Array, arm_angles: int) -> Array:
    """Configurations (N, 8 arm_angles, 7) of an S-R-S arm; NaN beyond limits or reach."""
    angles: Array = np.arange(arm_angles, dtype=np.float64) * (2.0 * np.pi / arm_angles)
    q = solve_srs(geometry, T_base_wrist, angles).reshape(len(T_base_wrist), -1, 7)
    return np.where(arm.within(q)[..., None], q, np.nan)


def by_descent(arm: Arm, T_base_wrist: Array) -> Array:
    """Configurations (N, B, A) of any arm by damped least squares from spread starts; NaN if none.

    The starts are a fixed low-discrepancy set, so the same question has the same answer.
    """
    share = np.modf(np.outer(np.arange(1, _SEEDS + 1), np.sqrt(_primes(len(arm)))))[0]
    starts = arm.lower + (0.1 + 0.8 * share) * (arm.upper - arm.lower)
    q = np.repeat(starts[None], len(T_base_wrist), axis=0)
    target = np.repeat(T_base_wrist[:, None], _SEEDS, axis=1)
    for _ in range(60):
        q = descend(arm, q, target, most=0.5)
    q = (q + np.pi) % (2.0 * np.pi) - np.pi
    error = pose_error(arm.forward(q), target)
    solved = (
        (np.linalg.norm(error[..., :3], axis=-1) < _POSITION)
        & (np.linalg.norm(error[..., 3:], axis=-1) < _ROTATION)
        & arm.within(q)
    )
    return np.where(solved[..., None], q, np.nan)


def descend(
    arm: Arm, q: Array, T_base_wrist: Array, *, most: float, damping: float = 1e-4
) -> Array:
    """One step of damped least squares towards wrist poses.

    Args:
        arm: The arm.
        q: Configurations, shape (..., A), in [rad].
        T_base_wrist: Wanted wrist poses, shape (..., 4, 4), in [m].
        most: Largest change of a joint, in [rad].
        damping: Added to the diagonal of J J^T; keeps steps finite near singularities.

    Returns:
        Configurations (..., A); limits are not looked at.
    """
    error = pose_error(arm.forward(q), T_base_wrist)
    J = arm.jacobian(q)
    Jt = np.swapaxes(J, -1, -2)
    # Damping fades with the error, so that the last steps are full Newton steps.
    size = np.minimum(np.sum(error**2, axis=-1), 1.0)[..., None, None]
    damped = J @ Jt + (damping * size + 1e-12) * np.eye(6)
    step = (Jt @ np.linalg.solve(damped, error[..., None]))[..., 0]
    largest = np.abs(step).max(axis=-1, keepdims=True)
    moved: Array = q + step * np.minimum(1.0, most / np.maximum(largest, 1e-12))
    return moved


def pose_error(T_now: Array, T_wanted: Array) -> Array:
    """Shift and turn from poses (..., 4, 4) to others, in {base}, shape (..., 6), [m] and [rad]."""
    R = T_wanted[..., :3, :3] @ np.swapaxes(T_now[..., :3, :3], -1, -2)
    axis = np.stack(
        [R[..., 2, 1] - R[..., 1, 2], R[..., 0, 2] - R[..., 2, 0], R[..., 1, 0] - R[..., 0, 1]], -1
    )
    sine = np.linalg.norm(axis, axis=-1) / 2.0
    cosine = (np.trace(R, axis1=-2, axis2=-1) - 1.0) / 2.0
    angle = np.arctan2(sine, cosine)
    turn = axis * (angle / np.maximum(2.0 * sine, 1e-9))[..., None]
    return np.concatenate([T_wanted[..., :3, 3] - T_now[..., :3, 3], turn], axis=-1)


def straight_poses(T_from: Array, T_to: Array, *, step: float, turn: float) -> Array:
    """Poses (S, 4, 4) from one to another, both included, evenly along a straight line.

    Args:
        T_from: First pose, shape (4, 4), in [m].
        T_to: Last pose, shape (4, 4), in [m].
        step: Largest shift between neighbours, in [m].
        turn: Largest turn between neighbours, in [rad].
    """
    relative = inverse(T_from) @ T_to
    rotation = Rotation.from_matrix(relative[:3, :3]).as_rotvec()
    n = max(
        1,
        int(np.ceil(np.linalg.norm(relative[:3, 3]) / step)),
        int(np.ceil(np.linalg.norm(rotation) / turn)),
    )
    share = np.linspace(0.0, 1.0, n + 1)
    poses = np.tile(T_from, (n + 1, 1, 1))
    poses[:, :3, 3] = T_from[:3, 3] + share[:, None] * (T_to[:3, 3] - T_from[:3, 3])
    poses[:, :3, :3] = T_from[:3, :3] @ Rotation.from_rotvec(np.outer(share, rotation)).as_matrix()
    return poses


def _primes(n: int) -> Array:
    return np.array([2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0, 19.0][:n])
