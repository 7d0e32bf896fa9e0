"""The pinhole camera: z forward, x right, y down; depth is z, never range."""

from dataclasses import dataclass

import numpy as np

from ddg_core.arrays import Array, BoolArray
from ddg_core.errors import BadInput

_FIELD = (np.radians(10.0), np.radians(130.0))  # of views of cameras that look at tables


@dataclass(frozen=True)
class Camera:
    """Intrinsics of a rectified pinhole camera, in pixels.

    Attributes:
        width, height: Image size.
        fx, fy: Focal lengths.
        cx, cy: Principal point; the centre of the top left pixel is (0, 0).
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float

    def __post_init__(self) -> None:
        """Refuse what is no camera."""
        if self.width < 1 or self.height < 1:
            raise BadInput(f"Camera: image size must be positive, got {self.width}x{self.height}")
        if not (
            np.isfinite([self.fx, self.fy, self.cx, self.cy]).all() and min(self.fx, self.fy) > 0
        ):
            raise BadInput(
                f"Camera: focal lengths must be positive and finite, got {self.fx}, {self.fy}"
            )

    @property
    def matrix(self) -> Array:
        """The intrinsic matrix K, shape (3, 3)."""
        return np.array([[self.fx, 0.0, self.cx], [0.0, self.fy, self.cy], [0.0, 0.0, 1.0]])

    def check_image(self, name: str, shape: tuple[int, ...]) -> None:
        """Raise BadInput if an image is not of this camera's size."""
        if shape[:2] != (self.height, self.width):
            raise BadInput(
                f"{name}: {shape[1]}x{shape[0]} pixels, the camera has {self.width}x{self.height}"
            )

    def check_field(self) -> None:
        """Raise BadInput if the focal lengths cannot be those of images of this size."""
        for name, f, size in (("x", self.fx, self.width), ("y", self.fy, self.height)):
            field = 2.0 * np.arctan(size / (2.0 * f))
            if not _FIELD[0] <= field <= _FIELD[1]:
                raise BadInput(
                    f"intrinsics: f{name} = {f:.4g} pixels would make the field of view of an "
                    f"image of {size} pixels {np.degrees(field):.0f} degrees"
                )

    def deproject(self, depth: Array, mask: BoolArray | None = None) -> Array:
        """Points (N, 3) in the camera frame of all valid pixels, row by row.

        Args:
            depth: z per pixel, shape (H, W), in [m]; NaN, infinity and <= 0 mean no reading.
            mask: Pixels to take, shape (H, W); None takes all.
        """
        self.check_image("depth", depth.shape)
        valid = np.isfinite(depth) & (depth > 0.0)
        if mask is not None:
            valid &= mask
        v, u = np.nonzero(valid)
        z = depth[v, u].astype(np.float64)
        return np.stack([(u - self.cx) / self.fx * z, (v - self.cy) / self.fy * z, z], axis=1)

    def project(self, points: Array) -> Array:
        """Pixels (N, 2) as (u, v) of points (N, 3) in the camera frame; NaN behind the camera."""
        z = np.where(points[:, 2] > 1e-9, points[:, 2], np.nan)
        return np.stack(
            [points[:, 0] / z * self.fx + self.cx, points[:, 1] / z * self.fy + self.cy], axis=1
        )
