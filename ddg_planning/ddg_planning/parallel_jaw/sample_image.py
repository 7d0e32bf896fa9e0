"""Antipodal grasps on a depth image, where edges stand for contacts; and random ones."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import binary_dilation, gaussian_filter

from ddg_core.arrays import Array, BoolArray, IntArray
from ddg_core.errors import Failed
from ddg_core.outcome import Outcome
from ddg_planning.parallel_jaw.image_grasp import ImageGrasps
from ddg_planning.parallel_jaw.prepare import Prepared

_FADE = 0.05  # so far from the middle a grasp is worth e^-1, in [m]
_BETWEEN = 25  # points between two edges at which the surface is looked at


@dataclass(frozen=True)
class ImageSampling:
    """Which pairs of edge pixels are taken; figures of Dex-Net's policies where not said otherwise.

    Attributes:
        blur: Standard deviation of the blur before gradients are taken, in pixels.
        gradient: Least slope of an edge, in [m] per pixel.
        margin: Edges may lie so many pixels outside of the object's mask.
        edges: Most edge pixels looked at, drawn at random: their pairs fill a square table, which
            this bounds (ours).
        friction: Both edges lie within this friction cone of the line between them.
        least_width: Of a pair, in [m].
        below: The jaws close so far below the highest surface between them, in [m]. The least is
            half the thickness of a fork (the paper's policy: 5 mm).
        heights: Depths drawn per pair.
        finger: How thick a finger is along the jaws' line and wide across it, in [m] (ours): where
            the open jaws come down, nothing may be nearer than what they close about.
    """

    blur: float = 1.0
    gradient: float = 0.0025
    margin: int = 2
    edges: int = 800
    friction: float = 0.8
    least_width: float = 0.004
    below: tuple[float, float] = (0.002, 0.040)
    heights: int = 1
    finger: tuple[float, float] = (0.012, 0.020)

    def __post_init__(self) -> None:
        """Refuse to look at nothing."""
        if min(self.edges, self.heights) < 1 or self.gradient <= 0.0:
            raise ValueError("edges and heights must be at least 1, gradient positive")


def antipodal_on_image(
    view: Prepared,
    stroke: float,
    floor: Array,
    settings: ImageSampling,
    *,
    n: int,
    rng: np.random.Generator,
) -> ImageGrasps:
    """Up to `n` grasps whose jaws meet two edges that face away from each other.

    Args:
        view: Image and mask.
        stroke: Widest opening, in [m].
        floor: Deepest that jaws may go per pixel, shape (h, w), in [m]; see `deepest`.
        settings: Which pairs are taken.
        n: Most grasps returned.
        rng: Source of all choices.

    Raises:
        Failed: NO_CANDIDATE if there are no edges, no two of them face each other, or there is no
            room for open jaws beside any.
    """
    pixels, outward = edges(view, settings)
    if not len(pixels):
        raise Failed(
            Outcome.NO_CANDIDATE,
            f"no edges on the object: depth changes by less than {settings.gradient} m per pixel",
        )
    if len(pixels) > settings.edges:
        kept = rng.choice(len(pixels), settings.edges, replace=False)
        pixels, outward = pixels[kept], outward[kept]
    first, second = _pairs(view, pixels, outward, stroke, settings)
    if not len(first):
        raise Failed(
            Outcome.NO_CANDIDATE,
            f"no two of {len(pixels)} edge pixels face away from each other within {stroke:.3f} m",
        )
    chosen = rng.permutation(len(first))[: -(-n // settings.heights)]
    first, second = first[chosen], second[chosen]
    line = pixels[second] - pixels[first]
    middles = (pixels[first] + pixels[second]) / 2.0
    widths = _metres(view, pixels, first, second)
    angles = np.arctan2(line[:, 1], line[:, 0])
    repeat = np.repeat(np.arange(len(first)), settings.heights)
    between = pixels[first, None] + np.linspace(0.0, 1.0, _BETWEEN)[:, None] * line[:, None]
    top = view.at(between.reshape(-1, 2)).reshape(-1, _BETWEEN).min(axis=1)
    depths = draw_depths(view, middles[repeat], top[repeat], floor, settings.below, rng=rng)
    grasps = ImageGrasps(middles[repeat], angles[repeat], depths, widths[repeat])
    free = fingers_free(view, grasps, stroke, settings.finger)
    if not free.any():
        raise Failed(
            Outcome.NO_CANDIDATE, f"no room for jaws open by {stroke:.3f} m beside any of {n} pairs"
        )
    return grasps.at(free)


def centred_on_image(
    view: Prepared,
    stroke: float,
    floor: Array,
    settings: ImageSampling,
    *,
    n: int,
    rng: np.random.Generator,
) -> tuple[ImageGrasps, Array]:
    """Antipodal grasps as deep as they may be, and their worth (N,), less far from the middle.

    The heuristic that Dex-Net 2.0 compares itself with; see `antipodal_on_image`.
    """
    deep = replace(settings, below=(settings.below[1],) * 2)
    grasps = antipodal_on_image(view, stroke, floor, deep, n=n, rng=rng)
    middle = np.argwhere(view.mask).mean(axis=0)[::-1]
    off = np.linalg.norm(grasps.pixels - middle, axis=1) * grasps.depths / view.camera.fx
    return grasps, np.exp(-off / _FADE)


def random_on_image(
    view: Prepared,
    floor: Array,
    settings: ImageSampling,
    *,
    n: int,
    rng: np.random.Generator,
) -> ImageGrasps:
    """`n` grasps at random pixels of the object, of random angles, at random depths."""
    rows, columns = np.nonzero(view.mask)
    chosen = rng.integers(len(rows), size=n)
    pixels = np.stack([columns[chosen], rows[chosen]], axis=1) + rng.uniform(-0.5, 0.5, (n, 2))
    depths = draw_depths(view, pixels, view.at(pixels), floor, settings.below, rng=rng)
    return ImageGrasps(pixels, rng.uniform(-np.pi / 2, np.pi / 2, n), depths, np.zeros(n))


def edges(view: Prepared, settings: ImageSampling) -> tuple[Array, Array]:
    """Edge pixels (N, 2) as (u, v), and unit directions (N, 2) in which depth grows there."""
    smooth = gaussian_filter(view.depth, settings.blur)
    down, right = np.gradient(smooth)
    slope = np.hypot(down, right)
    near = binary_dilation(view.mask, iterations=settings.margin) if settings.margin else view.mask
    rows, columns = np.nonzero((slope > settings.gradient) & near)
    outward = np.stack([right, down], axis=-1)[rows, columns] / slope[rows, columns][:, None]
    return np.stack([columns, rows], axis=1).astype(float), outward


def fingers_free(
    view: Prepared, grasps: ImageGrasps, stroke: float, finger: tuple[float, float]
) -> BoolArray:
    """Whether nothing seen is where the fingers of the open jaws come down, shape (N,).

    Args:
        view: The image.
        grasps: In it.
        stroke: How far the jaws are open, in [m].
        finger: How thick along the jaws' line and how wide across it a finger is, in [m].
    """
    out = stroke / 2.0 + np.linspace(0.0, finger[0], 4)
    along, across = np.meshgrid(np.r_[-out, out], np.linspace(-0.5, 0.5, 3) * finger[1])
    line = np.stack([np.cos(grasps.angles), np.sin(grasps.angles)], axis=1)
    side = np.stack([-line[:, 1], line[:, 0]], axis=1)
    metres = along.ravel()[:, None] * line[:, None] + across.ravel()[:, None] * side[:, None]
    scale = [view.camera.fx, view.camera.fy] / grasps.depths[:, None]
    pixels = grasps.pixels[:, None] + metres * scale[:, None]
    surface = view.at(pixels.reshape(-1, 2)).reshape(len(grasps), -1)
    free: BoolArray = np.all(surface >= grasps.depths[:, None], axis=1)
    return free


def draw_depths(
    view: Prepared,
    pixels: Array,
    top: Array,
    floor: Array,
    below: tuple[float, float],
    *,
    rng: np.random.Generator,
) -> Array:
    """Depths (N,) in [m] at which jaws close at pixels (N, 2): below a surface of depth `top`."""
    u, v = view.nearest(pixels)
    drawn = top + rng.uniform(*below, len(pixels))
    depths: Array = np.minimum(drawn, floor[v, u])
    return depths


def deepest(view: Prepared, up: Array, support: float, room: float) -> Array:
    """Depth (h, w) in [m] at which each pixel's ray is `room` [m] above the support.

    Args:
        view: The image.
        up: Normal of the table in the base frame, shape (3,).
        support: Height of what the object stands on along `up`, in [m].
        room: Height above it below which jaws may not close, in [m].
    """
    camera, T = view.camera, view.image.T_base_camera
    v, u = np.mgrid[: camera.height, : camera.width]
    rays = np.stack(
        [(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones(u.shape)], axis=-1
    )
    falls = -(rays @ (T[:3, :3].T @ up))
    height = float(T[:3, 3] @ up) - support - room
    depth: Array = np.where(falls > 1e-6, height / np.maximum(falls, 1e-6), np.inf)
    return depth


def _pairs(
    view: Prepared, pixels: Array, outward: Array, stroke: float, s: ImageSampling
) -> tuple[IntArray, IntArray]:
    """Indices of the pairs whose edges face away from each other within the stroke."""
    cosine = 1.0 / np.sqrt(1.0 + s.friction**2)
    one, other = np.triu_indices(len(pixels), k=1)
    facing = np.einsum("ni,ni->n", outward[one], outward[other]) < -cosine
    one, other = one[facing], other[facing]
    line = pixels[other] - pixels[one]
    line /= np.linalg.norm(line, axis=1, keepdims=True)
    width = _metres(view, pixels, one, other)
    good = (width >= s.least_width) & (width <= stroke)
    good &= np.einsum("ni,ni->n", outward[other], line) > cosine
    good &= np.einsum("ni,ni->n", outward[one], -line) > cosine
    u, v = np.rint((pixels[one] + pixels[other]) / 2.0).astype(int).T
    good &= view.mask[v, u]
    return one[good], other[good]


def _metres(view: Prepared, pixels: Array, one: IntArray, other: IntArray) -> Array:
    """Distance of pairs of pixels in [m], at the depth of the nearer."""
    u, v = pixels.astype(int).T
    depth = np.minimum(view.depth[v, u][one], view.depth[v, u][other])
    across = (pixels[one] - pixels[other]) / [view.camera.fx, view.camera.fy]
    metres: Array = np.linalg.norm(across, axis=1) * depth
    return metres
