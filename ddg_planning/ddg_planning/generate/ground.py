"""What the object stands on: a plane, and beside a pedestal the free space that the view shows."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ddg_core.arrays import Array, BoolArray
from ddg_core.transforms import apply, inverse
from ddg_core.view import DepthImage


@dataclass(frozen=True)
class GroundSettings:
    """Where free space below the level of the object's support is looked for.

    Attributes:
        depth: So far below that level, in [m]; 0 takes the support as an endless plane.
        around: So far around the object, in [m].
        voxel: Edge of a voxel, in [m].
        tolerance: What is read must lie this far behind a point that counts as seen to be free,
            in [m].
    """

    depth: float = 0.10
    around: float = 0.08
    voxel: float = 0.005
    tolerance: float = 0.01

    def __post_init__(self) -> None:
        """Refuse an empty grid."""
        if min(self.around, self.voxel, self.tolerance) <= 0.0 or self.depth < 0.0:
            raise ValueError("around, voxel and tolerance must be positive, depth not negative")


class Ground:
    """Signed distance to what the object stands on; z is up and the support's level is 0.

    Whatever stands on the floor is taken as a height field: where any point below the support's
    level is seen to be free, all above it is free as well. Without an image, beyond the grid, and
    where nothing is seen to be free, the support is the plane.
    """

    def __init__(
        self,
        image: DepthImage | None,
        T_base_local: Array,
        points: Array,
        settings: GroundSettings,
        *,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Look below the level of the support.

        Args:
            image: The whole scene as it was seen; None for a bare cloud.
            T_base_local: Pose (4, 4) of the frame that the rest is given in.
            points: The object, shape (N, 3), in the local frame, in [m].
            settings: Where to look.
            dtype: Precision.
        """
        self._grid: Tensor | None = None
        if image is None or settings.depth == 0.0:
            return
        low = np.array([*(points[:, :2].min(axis=0) - settings.around), -settings.depth])
        high = np.array([*(points[:, :2].max(axis=0) + settings.around), settings.around])
        counts = np.ceil((high - low) / settings.voxel).astype(int)
        axes = [low[k] + settings.voxel * np.arange(counts[k] + 1) for k in range(3)]
        below = axes[2] < -0.25 * settings.voxel
        at = np.stack(np.meshgrid(axes[0], axes[1], axes[2][below], indexing="ij"), axis=-1)
        free = _seen_free(image, apply(T_base_local, at.reshape(-1, 3)), settings.tolerance)
        free = np.logical_or.accumulate(free.reshape(at.shape[:-1]), axis=2)
        if not free.any():
            return
        full = np.zeros(counts + 1, dtype=bool)
        full[:, :, below] = ~free
        away = ndimage.distance_transform_edt(~full) - ndimage.distance_transform_edt(full)
        away = (away - 0.5 * np.sign(away)) * settings.voxel
        self._grid = torch.as_tensor(away, dtype=dtype)[None, None]
        self._low = torch.as_tensor(low, dtype=dtype)
        self._scale = torch.as_tensor(2.0 / (counts * settings.voxel), dtype=dtype)

    @property
    def plane(self) -> bool:
        """Nothing below the support's level is known to be free."""
        return self._grid is None

    def height(self, points: Tensor) -> Tensor:
        """Distance of points (..., 3) to what the object stands on, in [m], shape (...)."""
        above = points[..., 2]
        if self._grid is None:
            return above
        unit = (points - self._low) * self._scale - 1.0
        value = torch.nn.functional.grid_sample(
            self._grid,
            unit.flip(-1).reshape(1, 1, 1, -1, 3),
            mode="bilinear",
            align_corners=True,
            padding_mode="border",
        ).reshape(above.shape)
        within = (unit.abs() < 1.0).all(dim=-1)
        return torch.where(within, torch.maximum(value, above), above)


def _seen_free(image: DepthImage, points: Array, tolerance: float) -> BoolArray:
    """Say which points (N, 3) in the base frame lie clearly before what is read, shape (N,)."""
    local = apply(inverse(image.T_base_camera), points)
    pixels = np.nan_to_num(image.camera.project(local), nan=-1.0)
    u, v = np.round(pixels).astype(int).clip(-1, max(image.depth.shape)).T
    height, width = image.depth.shape
    inside = (u >= 0) & (v >= 0) & (u < width) & (v < height)
    read = image.depth[np.where(inside, v, 0), np.where(inside, u, 0)]
    free: BoolArray = inside & (np.nan_to_num(read, nan=0.0) > local[:, 2] + tolerance)
    return free
