"""Rigid transforms as plain (..., 4, 4) arrays; `T_a_b` takes coordinates in b to those in a."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import Rotation

from ddg_core.arrays import Array
from ddg_core.errors import BadInput


def compose(rotation: ArrayLike, translation: ArrayLike) -> Array:
    """Join rotations (..., 3, 3) and translations (..., 3) in [m] to transforms (..., 4, 4)."""
    R, t = np.asarray(rotation, float), np.asarray(translation, float)
    T = np.zeros((*np.broadcast_shapes(R.shape[:-2], t.shape[:-1]), 4, 4))
    T[..., :3, :3], T[..., :3, 3], T[..., 3, 3] = R, t, 1.0
    return T


def inverse(T_a_b: Array) -> Array:
    """Invert rigid transforms (..., 4, 4): `T_b_a`."""
    R = np.swapaxes(T_a_b[..., :3, :3], -1, -2)
    return compose(R, -(R @ T_a_b[..., :3, 3:])[..., 0])


def apply(T_a_b: Array, points_b: Array) -> Array:
    """Take points (..., N, 3) in frame b to frame a."""
    return points_b @ np.swapaxes(T_a_b[..., :3, :3], -1, -2) + T_a_b[..., None, :3, 3]


def from_xyz_quaternion(xyz: ArrayLike, xyzw: ArrayLike) -> Array:
    """Transforms (..., 4, 4) from positions (..., 3) in [m] and quaternions x, y, z, w (..., 4).

    Raises:
        BadInput: A quaternion is (almost) zero or not finite.
    """
    q = np.asarray(xyzw, float)
    norm = np.linalg.norm(q, axis=-1)
    if not np.isfinite(norm).all() or (norm < 1e-6).any():
        raise BadInput(f"not a rotation: quaternion (x, y, z, w) = {np.array2string(q)}")
    R = Rotation.from_quat(q.reshape(-1, 4)).as_matrix().reshape(*q.shape[:-1], 3, 3)
    return compose(R, xyz)


def quaternion(T_a_b: Array) -> Array:
    """Quaternions x, y, z, w (..., 4) of transforms (..., 4, 4), with w >= 0."""
    R = T_a_b[..., :3, :3]
    return (
        Rotation.from_matrix(R.reshape(-1, 3, 3)).as_quat(canonical=True).reshape(*R.shape[:-2], 4)
    )


def from_xyz_rpy(xyz: ArrayLike, rpy: ArrayLike) -> Array:
    """Transform (4, 4) from a URDF origin: position in [m], roll, pitch, yaw in [rad]."""
    return compose(Rotation.from_euler("xyz", np.asarray(rpy, float)).as_matrix(), xyz)


def exp(twist: ArrayLike) -> Array:
    """Transforms (..., 4, 4) that shift by v [m] and turn by w [rad] (axis-angle): twist = (v, w).

    The shift is not coupled to the turn (the product of R^3 and SO(3), not the screw of SE(3)).
    """
    xi = np.asarray(twist, float)
    R = Rotation.from_rotvec(xi[..., 3:].reshape(-1, 3)).as_matrix()
    return compose(R.reshape(*xi.shape[:-1], 3, 3), xi[..., :3])


def angle_between(R_a: Array, R_b: Array) -> Array:
    """Angle in [rad] between rotations (..., 3, 3), exact down to zero, shape (...)."""
    relative = np.swapaxes(R_a, -1, -2) @ R_b
    shape = relative.shape[:-2]
    return Rotation.from_matrix(relative.reshape(-1, 3, 3)).magnitude().reshape(shape)


def look_at(eye: ArrayLike, target: ArrayLike, up: ArrayLike = (0.0, 0.0, 1.0)) -> Array:
    """Pose `T_base_camera` (4, 4) of a camera at `eye` looking at `target`: z forward, y down.

    Raises:
        BadInput: `eye` and `target` coincide, or the gaze is along `up`.
    """
    eye_, z = np.asarray(eye, float), np.asarray(target, float) - np.asarray(eye, float)
    x = np.cross(z, np.asarray(up, float))
    if np.linalg.norm(z) < 1e-9 or np.linalg.norm(x) < 1e-9:
        raise BadInput(f"look_at: no view from {eye_} to {target!r} with up = {up!r}")
    z, x = z / np.linalg.norm(z), x / np.linalg.norm(x)
    return compose(np.stack([x, np.cross(z, x), z], axis=1), eye_)
