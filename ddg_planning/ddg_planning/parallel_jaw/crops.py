"""Small pieces of a depth image about grasps, and what sensors do to them."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from ddg_core.arrays import Array

SIZE = 32  # pixels of a side


def aligned(depth: Array, pixels: Array, angles: Array) -> Array:
    """Crops (N, 32, 32) of a depth image, with the jaws' line along their middle rows.

    Between pixels it is interpolated; beyond the border the border goes on.

    Args:
        depth: In the networks' scale, without holes, shape (h, w), in [m].
        pixels: Middles as (u, v), shape (N, 2).
        angles: Of the jaws' line, from +u to +v, shape (N,), in [rad]; 0 gives upright crops.
    """
    steps = np.arange(SIZE) - (SIZE - 1) / 2.0
    down, right = np.meshgrid(steps, steps, indexing="ij")
    c, s = np.cos(angles)[:, None, None], np.sin(angles)[:, None, None]
    u = pixels[:, 0, None, None] + c * right - s * down
    v = pixels[:, 1, None, None] + s * right + c * down
    crops: Array = map_coordinates(depth, [v, u], order=1, mode="nearest")
    return crops


@dataclass(frozen=True)
class NoiseSettings:
    """What a sensor adds, after Dex-Net 2.0: y = a y + e.

    Attributes:
        shape: Of the gamma distribution of the factor a, whose mean is 1; 1000 spreads it by 3.2 %.
        share: Of the crops get correlated noise e.
        std: Standard deviation of e, in [m].
        length: Correlation length of e, in pixels of the crop.
    """

    shape: float = 1000.0
    share: float = 0.5
    std: float = 0.005
    length: float = 2.0**0.5

    def __post_init__(self) -> None:
        """Refuse what is no distribution."""
        if self.shape <= 0.0 or self.length <= 0.0 or self.std < 0.0:
            raise ValueError("shape and length must be positive, std not negative")
        if not 0.0 <= self.share <= 1.0:
            raise ValueError(f"share must be in [0, 1], got {self.share}")


def noisy(
    crops: Array, depths: Array, settings: NoiseSettings, *, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Crops (N, S, S) and gripper depths (N,), all in [m], as a sensor might have them.

    The factor acts on crop and gripper depth alike, as if the camera were a little nearer. (In
    the paper it acts on the crop alone: at 0.7 m that is 22 mm of doubt about the gripper's depth,
    and nothing can be learned from it.)
    """
    factor = rng.gamma(settings.shape, 1.0 / settings.shape, len(crops))
    chosen = rng.random(len(crops)) < settings.share
    noise = correlated(crops.shape, settings.length, rng=rng)
    noise *= settings.std * chosen[:, None, None]
    return crops * factor[:, None, None] + noise, depths * factor


def correlated(shape: tuple[int, ...], length: float, *, rng: np.random.Generator) -> Array:
    """Gaussian process on the last two axes, of covariance exp(-d^2 / (2 length^2))."""
    blur = length / np.sqrt(2.0)
    reach = int(4.0 * blur + 0.5)
    impulse = np.zeros(2 * reach + 1)
    impulse[reach] = 1.0
    power = float((gaussian_filter(impulse, blur, mode="constant") ** 2).sum())
    sigma = (0.0,) * (len(shape) - 2) + (blur, blur)
    white = rng.standard_normal(shape)
    smooth: Array = gaussian_filter(white, sigma, mode="wrap") / power
    return smooth
