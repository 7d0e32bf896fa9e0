"""A view of an object, ready to plan grasps of two jaws on, and grasps in it as vectors."""

from dataclasses import dataclass

import numpy as np

from ddg_core.arrays import Array
from ddg_core.errors import BadInput
from ddg_core.view import ObjectView
from ddg_planning.parallel_jaw.image_grasp import ImageGrasps
from ddg_planning.parallel_jaw.prepare import Prepared, PrepareSettings, prepare_for
from ddg_planning.parallel_jaw.sample_image import deepest
from ddg_planning.parallel_jaw.whole import Whole

ALIKE = 0.3  # a line turned so far, in [rad], counts e^-1/2 where another direction is wanted
Window = tuple[Array, float]
"""A place (3,) in the base frame and how far around it one looks, in [m]."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A view, to sample in and to judge in.

    Attributes:
        fine: The image that grasps are sampled on.
        coarse: The same in the network's scale.
        whole: The object, also where the images are but a window.
        floor: Depth at which `fine` is as low as jaws may close, in [m].
        up: Normal of the table, base frame, shape (3,).
        support: Height of what the object stands on, in [m].
        towards: Image angle that lines shall have, in [rad]; None: any.
    """

    fine: Prepared
    coarse: Prepared
    whole: Whole
    floor: Array
    up: Array
    support: float
    towards: float | None = None


def look(
    view: ObjectView, settings: PrepareSettings, focal: float, room: float, window: Window | None
) -> Seen:
    """Prepare a view.

    Args:
        view: With image and mask.
        settings: Of the image that grasps are sampled on.
        focal: Of the network's image, in pixels.
        room: Height above the support below which jaws do not close, in [m].
        window: Where to look; None: everywhere.

    Raises:
        BadInput, Failed: It has no image, or see `prepare`; EMPTY_MASK with nothing in the window.
    """
    if view.image is None or view.mask is None:
        raise BadInput("grasps of two jaws are planned on a depth image, not on a bare cloud")
    up, support = np.asarray(view.table.normal), view.table.offset
    fine, coarse = prepare_for(view.image, view.mask, settings, focal)
    whole = Whole.of(fine, up, support)
    if window:
        fine, coarse = fine.about(*window), coarse.about(*window)
    return Seen(fine, coarse, whole, deepest(fine, up, support, room), up, support)


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
