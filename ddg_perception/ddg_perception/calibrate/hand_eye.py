"""Where the camera is: closed form first, then the pose that explains all corners best."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from ddg_core.arrays import Array
from ddg_core.camera import Camera
from ddg_core.errors import BadInput
from ddg_core.transforms import apply, compose, exp, inverse

Method = Literal["eye_to_hand", "eye_in_hand"]
FEWEST = 4  # looks
SPREAD = 0.05  # least second singular value of the mean turn between looks; 0: one axis only


class Seen(Protocol):
    """One look at the board; see `board.Look`."""

    @property
    def pixels(self) -> Array: ...  # noqa: D102
    @property
    def points(self) -> Array: ...  # noqa: D102
    @property
    def T_camera_board(self) -> Array: ...  # noqa: D102


@dataclass(frozen=True, eq=False)
class HandEye:
    """The answer.

    Attributes:
        T_camera: Pose of the camera, shape (4, 4): in {base} for "eye_to_hand", in the flange for
            "eye_in_hand".
        T_board: Pose of the board: in the flange for "eye_to_hand", in {base} for "eye_in_hand".
        residual_px: Root mean square of the corners' distances in the images, in [px].
        residual_mm: Root mean square of the board's distances between where each look by itself
            and all together put it, in [mm].
        worst: Index of the look that fits worst.
    """

    T_camera: Array
    T_board: Array
    residual_px: float
    residual_mm: float
    worst: int


def calibrate(
    T_base_flange: Array, looks: Sequence[Seen], camera: Camera, *, method: Method
) -> HandEye:
    """Find the camera from looks at one board and the arm's pose at each.

    A standing camera sees a board on the flange ("eye_to_hand"); for every look
    `T_base_flange @ T_flange_board = T_base_camera @ T_camera_board`. A camera on the flange sees a
    board that stands ("eye_in_hand"): `T_base_flange @ T_flange_camera = T_base_board @
    inverse(T_camera_board)`. Rotations first by the linear method of Shah, "Solving the
    Robot-World/Hand-Eye Calibration Problem Using the Kronecker Product" (2013), translations by
    least squares; then both poses together by the corners' distances in the images.

    Args:
        T_base_flange: Pose of the arm at each look, shape (N, 4, 4), in [m].
        looks: What was seen at each.
        camera: Its intrinsics.
        method: Which of the two.

    Raises:
        BadInput: Too few looks, or the arm turned about one axis only.
    """
    if len(looks) < FEWEST or len(looks) != len(T_base_flange):
        raise BadInput(f"needs {FEWEST} looks with an arm pose each, got {len(looks)}")
    seen = np.stack([look.T_camera_board for look in looks])
    far = seen if method == "eye_to_hand" else inverse(seen)
    _refuse_one_axis(T_base_flange)
    P, Q = _linear(T_base_flange, far)

    def chain(x: Array) -> Array:
        """T_camera_board of every look by the two poses, shape (N, 4, 4)."""
        near, base = P @ exp(x[:6]), Q @ exp(x[6:])
        loop = inverse(base) @ T_base_flange @ near
        return loop if method == "eye_to_hand" else inverse(loop)

    def errors(x: Array) -> Array:
        return np.concatenate([
            (_project(camera, apply(T, look.points)) - look.pixels).ravel()
            for T, look in zip(chain(x), looks, strict=True)
        ])  # fmt: skip

    x = least_squares(errors, np.zeros(12), x_scale="jac").x
    near, base = P @ exp(x[:6]), Q @ exp(x[6:])
    apart = np.linalg.norm(chain(x)[:, :3, 3] - seen[:, :3, 3], axis=1)
    T_camera, T_board = (base, near) if method == "eye_to_hand" else (near, base)
    return HandEye(
        T_camera,
        T_board,
        float(np.sqrt((errors(x).reshape(-1, 2) ** 2).sum(axis=1).mean())),
        float(1e3 * np.sqrt((apart**2).mean())),
        int(apart.argmax()),
    )


def _project(camera: Camera, points: Array) -> Array:
    """Pixels (N, 2) of points (N, 3) in the camera's frame."""
    x, y, z = points.T
    return np.stack([camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy], axis=1)


def _linear(A: Array, C: Array) -> tuple[Array, Array]:
    """P and Q with A_i P = Q C_i for all poses (N, 4, 4), in the sense of least squares."""
    eye = np.eye(3)
    # vec(R_A R_P) = vec(R_Q R_C), columns stacked, is linear in both rotations.
    rows = [
        np.hstack([np.kron(eye, a[:3, :3]), -np.kron(c[:3, :3].T, eye)])
        for a, c in zip(A, C, strict=True)
    ]
    _, _, V = np.linalg.svd(np.concatenate(rows))
    R_P, R_Q = (v.reshape(3, 3, order="F") for v in np.split(V[-1], 2))
    sign = np.sign(np.linalg.det(R_P))
    R_P, R_Q = _nearest_rotation(sign * R_P), _nearest_rotation(sign * R_Q)
    left = np.concatenate([np.hstack([a[:3, :3], -eye]) for a in A])
    right = np.concatenate([R_Q @ c[:3, 3] - a[:3, 3] for a, c in zip(A, C, strict=True)])
    t = np.linalg.lstsq(left, right, rcond=None)[0]
    return compose(R_P, t[:3]), compose(R_Q, t[3:])


def _nearest_rotation(M: Array) -> Array:
    U, _, V = np.linalg.svd(M)
    R: Array = U @ np.diag([1.0, 1.0, np.linalg.det(U @ V)]) @ V
    return R


def _refuse_one_axis(T_base_flange: Array) -> None:
    first = T_base_flange[0, :3, :3]
    turns = Rotation.from_matrix(first.T @ T_base_flange[1:, :3, :3]).as_rotvec()
    spread = np.linalg.svd(turns, compute_uv=False) / np.sqrt(len(turns))
    if spread[1] < SPREAD:
        raise BadInput(
            "the arm turned about one axis only, which leaves the camera's place open along it:"
            " tilt the flange both ways between looks"
        )
