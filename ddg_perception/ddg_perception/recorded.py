"""Recorded input: depth images, masks and camera files, read strictly."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ddg_core.arrays import Array, BoolArray
from ddg_core.camera import Camera
from ddg_core.errors import BadInput
from ddg_core.settings import load
from ddg_core.transforms import compose
from ddg_core.view import DepthImage
from ddg_perception.lens import MODELS, rectify

ROTATION_TOLERANCE = 1e-3  # a pose written with three decimals is still a pose


@dataclass(frozen=True)
class CameraFile:
    """What a camera file says; YAML, read strictly.

    Attributes:
        width, height, fx, fy, cx, cy: See `ddg_core.camera.Camera`.
        depth_scale: Metres per unit of the depth image: 0.001 for millimetres, 1.0 for metres.
        T_base_camera: Pose of the optical frame (x right, y down, z forward), four rows of four.
        distortion: Coefficients of the lens as in `sensor_msgs/CameraInfo`; none: rectified.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    depth_scale: float
    T_base_camera: tuple[tuple[float, float, float, float], ...]
    distortion: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is no camera or no pose."""
        if not (np.isfinite(self.depth_scale) and self.depth_scale > 0.0):
            raise ValueError(f"depth_scale must be positive, got {self.depth_scale}")
        if len(self.distortion) not in MODELS:
            raise ValueError(
                f"distortion must have {', '.join(map(str, MODELS))} coefficients, "
                f"got {len(self.distortion)}"
            )
        try:
            _ = self.camera
        except BadInput as error:
            raise ValueError(str(error)) from error
        _ = self.pose

    @property
    def camera(self) -> Camera:
        """The intrinsics."""
        return Camera(self.width, self.height, self.fx, self.fy, self.cx, self.cy)

    @property
    def pose(self) -> Array:
        """`T_base_camera`, shape (4, 4), its rotation made exact; ValueError if it is none."""
        T = np.array(self.T_base_camera)
        if T.shape != (4, 4):
            raise ValueError(f"T_base_camera must have 4 rows, got {len(T)}")
        if not np.isfinite(T).all() or not np.array_equal(T[3], [0.0, 0.0, 0.0, 1.0]):
            raise ValueError(f"T_base_camera: the last row must be 0 0 0 1, got {T[3].tolist()}")
        left, stretch, right = np.linalg.svd(T[:3, :3])
        off = float(np.abs(stretch - 1.0).max())
        if off > ROTATION_TOLERANCE or np.linalg.det(T[:3, :3]) < 0.0:
            raise ValueError(
                f"T_base_camera is no rigid pose: its axes are off by {off:.2g} in length or "
                f"angle, its determinant is {np.linalg.det(T[:3, :3]):.3g}"
            )
        return compose(left @ right, T[:3, 3])


def read_camera(path: Path | str) -> CameraFile:
    """Read a camera file; SettingsError names what is missing, unknown or wrong."""
    return load(path, CameraFile)


def read_depth(path: Path | str, file: CameraFile) -> DepthImage:
    """Read a depth image: 16-bit PNG, or npy of integers or floats; NaN where it has no reading.

    Raises:
        BadInput: No such file, another format, or not of the camera's size.
    """
    path = Path(path)
    raw = _pixels(path)
    if raw.ndim != 2 or raw.dtype.kind not in "uif" or raw.dtype.itemsize < 2:
        raise BadInput(
            f"{path.name}: expected one channel of 16-bit integers or floats, "
            f"got {raw.dtype} of shape {raw.shape}"
        )
    file.camera.check_image(path.name, raw.shape)
    depth = raw.astype(np.float64) * file.depth_scale
    depth[~(np.isfinite(depth) & (depth > 0.0))] = np.nan
    return DepthImage(rectify(depth, file.camera, file.distortion, np.nan), file.camera, file.pose)


def read_mask(path: Path | str, file: CameraFile) -> BoolArray:
    """Read a mask, PNG or npy, shape (H, W): true where any colour is not 0.

    Raises:
        BadInput: No such file, another format, or not of the camera's size.
    """
    path = Path(path)
    raw = _pixels(path)
    if raw.ndim == 3:  # colours, perhaps with transparency, which says nothing
        raw = raw[:, :, : 1 if raw.shape[2] == 2 else 3].max(axis=2)
    if raw.ndim != 2:
        raise BadInput(f"{path.name}: expected an image, got shape {raw.shape}")
    file.camera.check_image(path.name, raw.shape)
    mask: BoolArray = raw != 0
    return rectify(mask, file.camera, file.distortion, False)


def _pixels(path: Path) -> NDArray[Any]:
    try:
        if path.suffix.lower() == ".npy":
            return np.asarray(np.load(path, allow_pickle=False))
        if path.suffix.lower() == ".png":
            with Image.open(path) as image:
                return np.asarray(image)
    except OSError as error:
        # Pillow's "not an image" is an OSError without a strerror.
        why = error.strerror or ("not a PNG" if isinstance(error, UnidentifiedImageError) else "")
        raise BadInput(f"{path}: {why or error}") from error
    except (ValueError, EOFError, SyntaxError) as error:
        raise BadInput(f"{path.name}: not readable as {path.suffix}: {error}") from error
    raise BadInput(f"{path.name}: images are read from .png and .npy, not from {path.suffix!r}")
