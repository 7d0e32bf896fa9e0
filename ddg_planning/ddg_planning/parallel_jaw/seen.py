"""A view that is ready to plan on, and grasps in it as vectors."""

from dataclasses import dataclass

import numpy as np

from ddg_core.arrays import Array
from ddg_planning.parallel_jaw.image_grasp import ImageGrasps
from ddg_planning.parallel_jaw.prepare import Prepared

ALIKE = 0.3  # a line turned so far, in [rad], counts e^-1/2 where another direction is wanted


@dataclass(frozen=True, eq=False)
class Seen:
    """A view, ready to plan on: to sample in and to judge in."""

    fine: Prepared
    coarse: Prepared
    floor: Array
    up: Array
    support: float
    towards: float | None = None  # image angle that lines shall have, in [rad]


def alike(angles: Array, towards: float | None) -> Array:
    """How much lines at image angles (A,) are liked, shape (A,): 1 at the one that is wanted."""
    if towards is None:
        return np.ones(len(angles))
    off = (angles - towards + np.pi / 2) % np.pi - np.pi / 2
    liked: Array = np.exp(-0.5 * (off / ALIKE) ** 2)
    return liked


def features(grasps: ImageGrasps, view: Prepared) -> Array:
    """Ends of the jaws' lines in pixels, and depths: shape (N, 5)."""
    half = 0.5 * grasps.widths * view.camera.fx / grasps.depths
    reach = half[:, None] * np.stack([np.cos(grasps.angles), np.sin(grasps.angles)], axis=1)
    return np.column_stack([grasps.pixels - reach, grasps.pixels + reach, grasps.depths])


def grasps_of(features: Array, seen: Seen) -> ImageGrasps:
    """The grasps of features (N, 5), the jaws above the support."""
    view = seen.fine
    first, second = features[:, :2], features[:, 2:4]
    pixels, line = (first + second) / 2.0, second - first
    u, v = view.nearest(pixels)
    depths = np.clip(features[:, 4], 0.5 * view.depth[v, u], seen.floor[v, u])
    widths = np.linalg.norm(line, axis=1) * depths / view.camera.fx
    return ImageGrasps(pixels, np.arctan2(line[:, 1], line[:, 0]), depths, widths)
