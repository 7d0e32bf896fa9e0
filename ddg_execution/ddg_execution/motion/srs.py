r"""Closed-form inverse kinematics of arms with spherical shoulder, revolute elbow, spherical wrist.

For a wrist pose the elbow can still turn about the line from shoulder to wrist by the arm angle
:math:`\psi`; per angle there are up to eight configurations (signs of joints 2, 4 and 6). See
Shimizu et al., "Analytical Inverse Kinematic Computation for 7-DOF Redundant Manipulators With
Joint Limits", IEEE T-RO 24(5), 2008. The KUKA LBR iiwa is such an arm.
"""

from dataclasses import dataclass

import numpy as np

from ddg_core.arrays import Array
from ddg_core.transforms import apply, inverse
from ddg_execution.motion.arm import Arm

_PARALLEL = 1e-6  # axes that agree to this are taken as equal


@dataclass(frozen=True, eq=False)
class SrsGeometry:
    """What the closed form needs, taken from the arm stretched out at q = 0.

    Attributes:
        R_base_arm: Rotation whose z is along the stretched arm and y is joint 2's axis, (3, 3).
        shoulder: Where the axes of joints 1 to 3 meet, in {base}, shape (3,), in [m].
        upper_arm: Distance from shoulder to elbow, in [m].
        forearm: Distance from elbow to wrist centre, in [m].
        centre_in_wrist: Where the axes of joints 5 to 7 meet, in {wrist}, shape (3,), in [m].
        R_arm_wrist: Rotation of {wrist} at q = 0 seen from the stretched arm, shape (3, 3).
        signs: +1 or -1 per joint: whether it turns about +z, +y, +z, +y, +z, +y, +z, shape (7,).
    """

    R_base_arm: Array
    shoulder: Array
    upper_arm: float
    forearm: float
    centre_in_wrist: Array
    R_arm_wrist: Array
    signs: Array


def srs_geometry(arm: Arm) -> SrsGeometry | None:
    """Measure the arm at q = 0; None if it is no such arm (then the closed form does not hold)."""
    if len(arm) != 7:
        return None
    frames = arm.joint_frames(np.zeros(7))
    T_base_wrist = arm.forward(np.zeros(7))
    turning = (frames[:, :3, :3] @ arm.axes[:, :, None])[..., 0]
    z, y = turning[0], turning[1]
    R = np.stack([np.cross(y, z), y, z], axis=1)
    wanted = np.where(np.arange(7)[:, None] % 2 == 0, z, y)
    signs = np.round(np.sum(turning * wanted, axis=1))
    origins = frames[:, :3, 3]
    straight = np.allclose(turning, signs[:, None] * wanted, atol=_PARALLEL)
    # Seen along the arm all z axes must be one line, which the y axes cross.
    across = (origins - origins[0]) @ R
    centred = np.allclose(across[::2, :2], 0.0, atol=_PARALLEL) and np.allclose(
        across[1::2, 0], 0.0, atol=_PARALLEL
    )
    if not (straight and abs(y @ z) < _PARALLEL and centred):
        return None
    height = across[:, 2]
    centre = origins[0] + height[5] * z
    return SrsGeometry(
        R_base_arm=R,
        shoulder=origins[0] + height[1] * z,
        upper_arm=float(height[3] - height[1]),
        forearm=float(height[5] - height[3]),
        centre_in_wrist=apply(inverse(T_base_wrist), centre[None])[0],
        R_arm_wrist=R.T @ T_base_wrist[:3, :3],
        signs=signs,
    )


def solve_srs(geometry: SrsGeometry, T_base_wrist: Array, arm_angles: Array) -> Array:
    """All configurations at the given arm angles, limits not yet considered.

    Args:
        geometry: From `srs_geometry`.
        T_base_wrist: Wanted wrist poses, shape (N, 4, 4), in [m].
        arm_angles: Turns of the elbow about the line from shoulder to wrist, shape (P,), in [rad].

    Returns:
        Configurations in (-pi, pi], shape (N, P, 8, 7), in [rad]; NaN where the wrist centre is
        too far from or too near to the shoulder.
    """
    R_arm_wrist = geometry.R_base_arm.T @ T_base_wrist[:, :3, :3]  # (N, 3, 3)
    centre = T_base_wrist[:, :3, :3] @ geometry.centre_in_wrist + T_base_wrist[:, :3, 3]
    p = (centre - geometry.shoulder) @ geometry.R_base_arm  # (N, 3)
    a, b = geometry.upper_arm, geometry.forearm
    distance = np.maximum(np.linalg.norm(p, axis=1), 1e-9)
    cos4 = (distance**2 - a**2 - b**2) / (2.0 * a * b)
    bend = np.arccos(np.where(np.abs(cos4) <= 1.0, cos4, np.nan))  # (N,)
    q4 = np.stack([bend, -bend], axis=1)  # (N, 2)
    lean = np.arctan2(b * np.sin(q4), a + b * np.cos(q4))
    azimuth = np.arctan2(p[:, 1], p[:, 0])
    polar = np.arccos(np.clip(p[:, 2] / distance, -1.0, 1.0))
    R_reference = _rz(azimuth)[:, None] @ _ry(polar[:, None] - lean)  # (N, 2, 3, 3)
    swing = _about(p / distance[:, None], arm_angles)  # (N, P, 3, 3)
    R03 = swing[:, :, None] @ R_reference[:, None]  # (N, P, 2, 3, 3)
    R04 = R03 @ _ry(q4)[:, None]
    R_wrist = R_arm_wrist @ geometry.R_arm_wrist.T
    R47 = np.swapaxes(R04, -1, -2) @ R_wrist[:, None, None]
    shoulder, wrist = _zyz(R03), _zyz(R47)  # (N, P, 2, 2, 3)
    shape = (*R03.shape[:3], 2, 2, 7)
    q = np.zeros(shape)
    q[..., 0:3] = shoulder[..., :, None, :]
    q[..., 3] = q4[:, None, :, None, None]
    q[..., 4:7] = wrist[..., None, :, :]
    return (q * geometry.signs).reshape(len(p), len(arm_angles), 8, 7)


def _zyz(R: Array) -> Array:
    """Both sets of angles (..., 2, 3) with R = Rz(a) Ry(b) Rz(c)."""
    b = np.arctan2(np.hypot(R[..., 0, 2], R[..., 1, 2]), R[..., 2, 2])
    a = np.arctan2(R[..., 1, 2], R[..., 0, 2])
    c = np.arctan2(R[..., 2, 1], -R[..., 2, 0])
    first = np.stack([a, b, c], axis=-1)
    second = np.stack([_wrap(a + np.pi), -b, _wrap(c + np.pi)], axis=-1)
    return np.stack([first, second], axis=-2)


def _wrap(angle: Array) -> Array:
    return np.where(angle > np.pi, angle - 2.0 * np.pi, angle)


def _rz(angle: Array) -> Array:
    return _plane_rotation(angle, 0, 1)


def _ry(angle: Array) -> Array:
    return _plane_rotation(angle, 2, 0)


def _plane_rotation(angle: Array, u: int, v: int) -> Array:
    """Rotations (..., 3, 3) that take axis u towards axis v."""
    R = np.zeros((*angle.shape, 3, 3))
    R[...] = np.eye(3)
    R[..., u, u] = R[..., v, v] = np.cos(angle)
    R[..., v, u] = np.sin(angle)
    R[..., u, v] = -np.sin(angle)
    return R


def _about(axes: Array, angles: Array) -> Array:
    """Rotations (N, P, 3, 3) about N unit axes (N, 3) by P angles (P,)."""
    K = np.zeros((len(axes), 3, 3))
    K[:, 2, 1], K[:, 0, 2], K[:, 1, 0] = axes.T
    K = K - np.swapaxes(K, 1, 2)
    s, c = np.sin(angles)[None, :, None, None], np.cos(angles)[None, :, None, None]
    rotations: Array = np.eye(3) + s * K[:, None] + (1.0 - c) * (K @ K)[:, None]
    return rotations
