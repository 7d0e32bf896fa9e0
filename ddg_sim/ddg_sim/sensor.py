"""What a structured-light depth camera makes of a perfect depth image.

It sees a projected pattern: where the pattern does not reach there is no depth; where it does,
disparity is noisy and comes in fractions of a pixel, so the error grows with the square of depth.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from ddg_core.camera import Camera

DepthMap = NDArray[np.float32]
_STORE = 2  # so many images wide and high
_SLOPE = 2.0  # disparity may change this much from column to column on one surface, in pixels


@dataclass(frozen=True)
class SensorSettings:
    """A sensor like the PrimeSense.

    Attributes:
        baseline: The projector is this far to the right of the camera, in [m].
        noise: Standard deviation of disparity, in pixels.
        step: Disparity comes in multiples of this, in pixels.
        patch: Neighbours share noise over about this many pixels, as their windows overlap; odd.
        window: Side of the window in which the pattern is correlated, in pixels; odd.
        least_share: Share of its window that the pattern must reach for a reading.
        near, far: Range of depths, in [m].
    """

    baseline: float = 0.075
    noise: float = 0.075
    step: float = 0.125
    patch: int = 3
    window: int = 9
    least_share: float = 0.5
    near: float = 0.3
    far: float = 2.5

    def __post_init__(self) -> None:
        """Refuse what is no sensor."""
        for key in ("patch", "window"):
            if getattr(self, key) < 1 or getattr(self, key) % 2 == 0:
                raise ValueError(f"{key} must be odd and positive, got {getattr(self, key)}")
        if min(self.baseline, self.step) <= 0.0 or self.noise < 0.0:
            raise ValueError("baseline and step must be positive, noise not negative")
        if not 0.0 < self.near < self.far:
            raise ValueError(f"near must be in (0, far), got {self.near} and {self.far}")


@dataclass(frozen=True, eq=False)
class Pattern:
    """What the projected pattern does in one scene, before any noise.

    Attributes:
        disparity: True disparity per pixel, shape (H, W), in pixels; 0 where nothing is.
        valid: Pixels that get a reading, shape (H, W).
        scale: Focal length times baseline: depth [m] times disparity [pixels].
    """

    disparity: DepthMap
    valid: NDArray[np.bool_]
    scale: np.float32


def project_pattern(depth: DepthMap, camera: Camera, settings: SensorSettings) -> Pattern:
    """Throw the pattern on a scene of true depth (H, W) in [m], NaN where nothing is."""
    camera.check_image("depth", depth.shape)
    scale = np.float32(camera.fx * settings.baseline)
    with np.errstate(divide="ignore", invalid="ignore"):
        disparity: DepthMap = scale / depth.astype(np.float32)
    disparity[~(np.isfinite(disparity) & (disparity < camera.width))] = 0.0
    lit = (disparity > 0.0) & _reached(disparity)
    share = uniform_filter(lit.astype(np.float32), settings.window, mode="nearest")
    return Pattern(disparity, lit & (share >= settings.least_share), scale)


def draw_noise(
    shape: tuple[int, int], settings: SensorSettings, *, rng: np.random.Generator
) -> DepthMap:
    """Errors of disparity (H, W) in [pixels], alike where windows overlap."""
    noise = rng.standard_normal(shape, dtype=np.float32)
    # A mean over n x n pixels has an n-th of the deviation: scale it back.
    smooth: DepthMap = uniform_filter(noise, settings.patch, mode="wrap")
    return smooth * (settings.patch * settings.noise)


class NoiseStore:
    """Noise for many images: drawing it anew for each costs as much as the rest of the sensor."""

    def __init__(
        self, camera: Camera, settings: SensorSettings, *, rng: np.random.Generator
    ) -> None:
        """Draw as much as covers several images."""
        self._shape, self._rng = (camera.height, camera.width), rng
        self._noise = draw_noise((_STORE * camera.height, _STORE * camera.width), settings, rng=rng)

    def piece(self) -> DepthMap:
        """Noise (H, W) for one image, from anywhere in the store."""
        (height, width), all_of_it = self._shape, self._noise.shape
        row, column = self._rng.integers((all_of_it[0] - height, all_of_it[1] - width))
        return self._noise[row : row + height, column : column + width]


def measure(pattern: Pattern, settings: SensorSettings, noise: DepthMap) -> DepthMap:
    """One reading of depth, shape (H, W), in [m], with such errors; NaN where there is none."""
    measured = np.rint((pattern.disparity + noise) / settings.step) * np.float32(settings.step)
    with np.errstate(divide="ignore"):
        result = np.where(
            pattern.valid & (measured > 0.0), pattern.scale / measured, np.float32(np.nan)
        )
    result[(result < settings.near) | (result > settings.far)] = np.nan
    return result


def structured_light(
    depth: DepthMap, camera: Camera, settings: SensorSettings, *, rng: np.random.Generator
) -> DepthMap:
    """Depth as the sensor measures it.

    Args:
        depth: True z per pixel, shape (H, W), in [m]; NaN or infinity where nothing is.
        camera: Intrinsics.
        settings: The sensor.
        rng: Source of the noise.

    Returns:
        Depth, shape (H, W), in [m]; NaN where there is no reading.
    """
    noise = draw_noise(depth.shape, settings, rng=rng)
    return measure(project_pattern(depth, camera, settings), settings, noise)


def _reached(disparity: DepthMap) -> NDArray[np.bool_]:
    """Pixels (H, W) that the projector sees too: nothing nearer lies on its ray to them."""
    height, width = disparity.shape
    # The projector's column of pixel u is u - disparity, counted here from -width.
    column = np.arange(width, 2 * width, dtype=np.float32) - disparity
    below = column.astype(np.int32)
    below += (np.arange(height, dtype=np.int32) * (2 * width + 1))[:, None]
    nearest = np.zeros(height * (2 * width + 1), dtype=np.float32)
    np.maximum.at(nearest, below.ravel(), disparity.ravel())
    shadow = np.minimum(nearest[below], nearest[below + 1])
    return disparity > shadow - _SLOPE
