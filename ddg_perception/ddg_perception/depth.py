"""From a depth image to heights in the base frame, without what only seems to be there."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ddg_core.arrays import Array, BoolArray
from ddg_core.errors import BadInput, Failed
from ddg_core.outcome import Outcome
from ddg_core.view import DepthImage, Plane


@dataclass(frozen=True)
class DepthSettings:
    """Which readings to believe."""

    nearest: float = 0.15  # smaller depths are no reading, in [m]
    farthest: float = 2.5  # larger depths are background, in [m]
    steepest: float = 6.0  # a surface steeper than this to the line of sight is a jump, as a slope
    jump: float = 0.006  # least difference of depth between neighbours that is a jump, in [m]

    def __post_init__(self) -> None:
        """Refuse an empty range."""
        if not 0.0 < self.nearest < self.farthest:
            raise ValueError(f"nearest must be in (0, {self.farthest}), got {self.nearest}")
        for name in ("steepest", "jump"):
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")


NEIGHBOURHOOD = 5  # pixels
IMPLAUSIBLE = 20.0  # [m]; no depth camera for grasping sees as far: the unit is wrong


def readings(image: DepthImage, settings: DepthSettings) -> Array:
    """Depth with NaN for all that is no reading, shape (H, W), in [m].

    Raises:
        BadInput: The values cannot be metres, or the intrinsics not those of this camera.
        Failed: NO_CLOUD, not one valid pixel.
    """
    depth = image.depth
    image.camera.check_field()
    valid = (depth > settings.nearest) & (depth < settings.farthest)
    if not valid.any():
        seen = depth[np.isfinite(depth) & (depth > 0.0)]
        check_metres(seen)
        raise Failed(
            Outcome.NO_CLOUD,
            f"no pixel of the depth image lies between {settings.nearest} and "
            f"{settings.farthest} m ({len(seen)} of {depth.size} have a reading at all)",
        )
    check_metres(depth[::7, ::7])
    return np.where(valid, depth, np.nan)


def check_metres(depth: Array) -> None:
    """Raise BadInput if depths (any shape) are evidently not in metres."""
    seen = depth[np.isfinite(depth) & (depth > 0.0)]
    if len(seen) and np.median(seen) > IMPLAUSIBLE:
        raise BadInput(
            f"depth: the median is {np.median(seen):.4g}, which cannot be metres; "
            "is it in millimetres? Then depth_scale is 0.001"
        )


def heights(depth: Array, image: DepthImage, plane: Plane) -> Array:
    """Height of every pixel above a plane of the base frame, shape (H, W), in [m]; NaN stays."""
    camera, T = image.camera, image.T_base_camera
    a, b, c = plane.normal @ T[:3, :3]
    x = (np.arange(camera.width) - camera.cx) * (a / camera.fx)
    y = (np.arange(camera.height) - camera.cy) * (b / camera.fy)
    rise: Array = depth * (x[None, :] + (y[:, None] + c))
    rise += float(plane.normal @ T[:3, 3]) - plane.offset
    return rise


def stands_out(height: Array, coarse: float, fine: float) -> BoolArray:
    """Pixels above a surface, told from its noise, shape (H, W).

    One pixel must be higher than `coarse`; where the mean of its neighbourhood, which has less
    noise, is higher than `fine`, half of that will do. So a thin thing is seen where it lies.

    Args:
        height: Above the surface, shape (H, W), in [m]; NaN where there is no reading.
        coarse: Several standard deviations of one pixel, in [m].
        fine: Several standard deviations of a neighbourhood, in [m].
    """
    known = np.isfinite(height)
    level = np.where(known, height, 0.0).clip(-coarse, 2.0 * coarse).astype(np.float32)
    share = ndimage.uniform_filter(known.astype(np.float32), NEIGHBOURHOOD)
    mean = ndimage.uniform_filter(level, NEIGHBOURHOOD) / np.maximum(share, 0.04)
    with np.errstate(invalid="ignore"):
        out: BoolArray = (height > coarse) | ((mean > fine) & (height > 0.5 * coarse))
    return out


def linked(depth: Array, focal: float, settings: DepthSettings) -> BoolArray:
    """Pixels that hold on to a neighbour in their row and to one in their column, shape (H, W).

    What hangs between two surfaces (a flying pixel at a depth edge) does not.
    """
    with np.errstate(invalid="ignore"):
        limit = np.maximum(settings.jump, settings.steepest / focal * depth)
        right = np.abs(np.diff(depth, axis=1)) < limit[:, 1:]
        down = np.abs(np.diff(depth, axis=0)) < limit[1:]
    row = np.zeros(depth.shape, bool)
    row[:, 1:] |= right
    row[:, :-1] |= right
    column = np.zeros(depth.shape, bool)
    column[1:] |= down
    column[:-1] |= down
    return row & column


def image_border(depth: Array) -> BoolArray:
    """Pixels at the border of what the camera can read, shape (H, W).

    Sensors leave a band of up to 5 % at the image border blank; the border is then inside it.
    """
    border = np.zeros(depth.shape, bool)
    for axis in (0, 1):
        read = np.flatnonzero(np.isfinite(depth).any(axis=1 - axis))
        n = depth.shape[axis]
        first = read[0] if len(read) and read[0] < 0.05 * n else 0
        last = read[-1] if len(read) and read[-1] > 0.95 * n else n - 1
        lines = np.moveaxis(border, axis, 0)
        lines[: first + 2] = lines[last - 1 :] = True
    return border
