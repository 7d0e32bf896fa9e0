"""Where two flat pads that close on a line first touch a mesh: strips as high as the pads.

A line meets a fork only if it is aimed to a millimetre; pads, which reach far up from it, hold it.
"""

from dataclasses import dataclass

import numpy as np

from ddg_core.arrays import Array, BoolArray, IntArray
from ddg_planning.parallel_jaw.surface import Pinch, Surface

_PORTION = 64  # strips looked at in one go: bounds the memory
_FLUSH = 2e-4  # what is so much further off is touched too, in [m]


@dataclass(frozen=True)
class Pads:
    """Reach of the pads across their line: from `low` to `high` along `up`, in [m]."""

    low: float
    high: float


@dataclass(frozen=True, eq=False)
class _Ends:
    """E ends of pieces in which the plane of a strip cuts triangles, in the strip's frame.

    Attributes:
        strip, face: Which strip cuts which triangle, shape (E,).
        along, height: Where, shape (E,), in [m].
        cut: The piece goes on beyond the end of the pad, shape (E,).
    """

    strip: IntArray
    face: IntArray
    along: Array
    height: Array
    cut: BoolArray


def press(
    surface: Surface, centres: Array, axes: Array, ups: Array, half: float, pads: Pads
) -> Pinch:
    """Close two pads on each of L lines.

    A pad that meets a side touches the middle of what it meets; its own normal stands for that of
    a rounded or sharp side, the side's where it leans beyond the pad's end.

    Args:
        surface: The object.
        centres: Middle between the pads, shape (L, 3), in [m].
        axes: Unit direction from the first to the second, shape (L, 3).
        ups: Unit direction along the pads, across the line, shape (L, 3).
        half: Distance of each pad from the middle before they close, in [m].
        pads: Their reach.
    """
    points, inward = np.zeros((2, len(centres), 2, 3))
    hit = np.zeros(len(centres), dtype=bool)
    for start in range(0, len(centres), _PORTION):
        rows = slice(start, start + _PORTION)
        ends = _ends(surface, centres[rows], axes[rows], ups[rows], half, pads)
        for jaw, sign in ((0, 1.0), (1, -1.0)):
            strip, along, height, face, cut = _first(surface, ends, axes[rows], sign)
            at = strip + start
            hit[at] = True
            points[at, jaw] = centres[at] + along[:, None] * axes[at] + height[:, None] * ups[at]
            inward[at, jaw] = _inward(surface.normals[face], sign * axes[at], ups[at], cut)
    return Pinch(points, inward, hit)


def _first(
    surface: Surface, ends: _Ends, axes: Array, sign: float
) -> tuple[IntArray, Array, Array, IntArray, BoolArray]:
    """Per strip that touches: which, where along and up it, which triangle, and `cut`."""
    along = sign * ends.along
    least = np.full(len(axes), np.inf)
    np.minimum.at(least, ends.strip, along)
    flush = along <= least[ends.strip] + _FLUSH
    low, high = np.full(len(axes), np.inf), np.full(len(axes), -np.inf)
    np.minimum.at(low, ends.strip[flush], ends.height[flush])
    np.maximum.at(high, ends.strip[flush], ends.height[flush])
    facing = np.abs(np.einsum("ei,ei->e", surface.normals[ends.face], axes[ends.strip]))
    order = np.lexsort((-facing, ~flush, ends.strip))  # of what is touched, the side that faces it
    strip, first = np.unique(ends.strip[order], return_index=True)
    chosen = order[first]
    height = (low[strip] + high[strip]) / 2.0
    return strip, sign * least[strip], height, ends.face[chosen], ends.cut[chosen]


def _inward(normals: Array, inwards: Array, ups: Array, cut: BoolArray) -> Array:
    """Normals (N, 3) of contact into the object; `inwards` is where the pads move."""
    level = normals - np.einsum("ni,ni->n", normals, ups)[:, None] * ups
    n = np.where(cut[:, None], normals, level)
    length = np.linalg.norm(n, axis=1, keepdims=True)
    n = np.where(length > 1e-6, n / np.maximum(length, 1e-6), inwards)
    towards = np.einsum("ni,ni->n", n, inwards) > 0.0
    turned: Array = np.where(towards[:, None], n, -n)
    return turned


def _ends(
    surface: Surface, centres: Array, axes: Array, ups: Array, half: float, pads: Pads
) -> _Ends:
    """Cut the triangles by the planes of strips, and the pieces by the ends of the pads."""
    frames = np.stack([axes, ups, np.cross(axes, ups)], axis=1)  # rows: along, height, aside
    strip, face = surface.near_strips(frames, centres, half, (pads.low, pads.high))
    corners = surface.triangles[face] - centres[strip, None]
    seen = np.einsum("pij,pcj->pci", frames[strip], corners)
    above = seen[..., 2] >= 0.0
    crossed = above != np.roll(above, -1, axis=1)  # two edges of a triangle, or none
    kept = crossed.any(axis=1)
    strip, face, seen, crossed = strip[kept], face[kept], seen[kept], crossed[kept]
    following = np.roll(seen, -1, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = seen[..., 2] / (seen[..., 2] - following[..., 2])
        places = seen[..., :2] + share[..., None] * (following - seen)[..., :2]
    one, other = np.moveaxis(places[crossed].reshape(-1, 2, 2), 1, 0)
    ends = [_cut(one, other, pads), _cut(other, one, pads)]
    place, cut, there = (np.concatenate(column) for column in zip(*ends, strict=True))
    good = there & (np.abs(place[:, 0]) <= half)
    strip, face = np.tile(strip, 2)[good], np.tile(face, 2)[good]
    return _Ends(strip, face, place[good, 0], place[good, 1], cut[good])


def _cut(end: Array, other: Array, pads: Pads) -> tuple[Array, BoolArray, BoolArray]:
    """One end (P, 2) of pieces, moved to the end of the pad if beyond; was it, and is any left."""
    height = np.clip(end[:, 1], pads.low, pads.high)
    cut = height != end[:, 1]
    rise = other[:, 1] - end[:, 1]
    share = np.where(cut, (height - end[:, 1]) / np.where(rise == 0.0, np.inf, rise), 0.0)
    there = ~cut | ((share > 0.0) & (share <= 1.0))
    along = end[:, 0] + share * (other[:, 0] - end[:, 0])
    return np.stack([along, height], axis=1), cut, there
