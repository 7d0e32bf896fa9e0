"""Raised level surfaces that carry something: a pedestal, a box with something on it."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ddg_core.arrays import Array, BoolArray
from ddg_core.view import Plane
from ddg_perception.table import fit_plane


@dataclass(frozen=True)
class SupportSettings:
    """What counts as a raised support; heights are above the table."""

    heights: tuple[float, ...] = ()  # at which one may be, in [m]; there less evidence will do
    layer: float = 0.003  # a level surface is this thick up and down, in [m]
    max_tilt: float = 0.15  # against the table, in [rad]
    min_area: float = 0.005  # seen of a support nobody knew of, in [m^2]
    min_known_area: float = 0.0003  # seen of a support at one of the heights, in [m^2]

    def __post_init__(self) -> None:
        """Refuse sizes that make no sense."""
        values = {**vars(self), "heights": min(self.heights, default=1.0)}
        for name, value in values.items():
            if not value > 0.0:
                raise ValueError(f"{name} must be positive, got {value}")


CELL = 0.005  # surfaces are measured in squares of this edge, in [m]
MIN_CARRIED = 50  # points of whatever stands on it
OVERHANG = 0.4  # share of an object's lowest layer beyond a support whose top it hides
HIDDEN = 0.04  # of what is on a support, at most this much of its lower part is hidden, in [m]
THIN = 0.012  # the top of a thing may be this much above where a support may be, in [m]
WALL = 0.015  # lower than this below a support's top are only its walls, in [m]
_ANGLES = np.arange(0.0, 2 * np.pi, np.pi / 18)
AROUND = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)])


@dataclass(frozen=True, eq=False)
class Support:
    """A raised level surface that carries something.

    Attributes:
        plane: The surface.
        outline: How far what is seen of it extends in 36 directions of the x-y plane, shape
            (36,), in [m]; -infinity if nothing of it is seen.
    """

    plane: Plane
    outline: Array

    def carries(self, points: Array, margin: float) -> BoolArray:
        """Say which points (N, 3) are `margin` [m] above the surface and over it, shape (N,)."""
        carried: BoolArray = self.plane.height(points) > margin
        high = np.flatnonzero(carried)
        carried[high] = _inside(points[high], self.outline)
        return carried

    def covers(self, points: Array) -> BoolArray:
        """Say which points (N, 3) are over or under the surface, give or take a cell, shape (N,).

        What hangs down beside it is part of what it carries.
        """
        return _inside(points, self.outline + CELL)


def find_support(
    cluster: Array, everything: Array, table: Plane, margin: float, settings: SupportSettings
) -> Support | None:
    """Find out whether a cluster stands on, is, or ends in a surface that carries something.

    Args:
        cluster: Points of one cluster above the table, shape (N, 3), in [m].
        everything: All points above the table, shape (M, 3), in [m].
        table: The surface below them.
        margin: What is lower than this above a surface belongs to it, in [m].
        settings: See there.
    """
    height = table.height(cluster)
    for known in settings.heights:
        plane = Plane(table.normal, table.offset + known)
        support = _known(cluster, height - known, everything, plane, margin, settings)
        if support is not None:
            return support
    return _unknown(cluster, height, everything, table, margin, settings)


def surface_below(thing: Array, table: Plane, margin: float, settings: SupportSettings) -> Plane:
    """Return the surface that a thing (its points (N, 3), nothing else) stands on.

    It is the table unless the lowest of what is seen is about at a height where a support may be.
    """
    height = table.height(thing)
    low, middle = np.percentile(height, [2, 50])
    for known in settings.heights:
        hangs = -HIDDEN if middle > known else -2 * margin  # beside a support smaller than itself
        if hangs < low - known < HIDDEN:
            return Plane(table.normal, table.offset + known)
    return table


def _known(
    cluster: Array,
    rise: Array,
    everything: Array,
    plane: Plane,
    margin: float,
    settings: SupportSettings,
) -> Support | None:
    """A support at a height where one may be; `rise` (N,) is that of the points above it."""
    low, high = np.percentile(rise, [1, 99])
    if low >= HIDDEN or high < -margin:
        return None
    foot = cluster[rise < -WALL]
    floor = _floor(cluster[np.abs(rise) < settings.layer], settings.min_known_area)
    if len(floor):
        # Below a pedestal's top there is nothing but its own walls; edges show a few stray points.
        walls = _inside(foot, _outline(floor) + 2 * CELL)
        if len(foot) >= MIN_CARRIED and walls.mean() < 0.7:
            return None
        support = Support(plane, _outline(np.vstack([floor, foot[walls]])))
        carried = everything[support.carries(everything, margin)]
        if len(carried) >= MIN_CARRIED and not _is_top(carried, plane, support.outline):
            return support
        if low <= -2 * margin or high < THIN:
            return None
    if low > -2 * margin:
        return Support(plane, np.full(AROUND.shape[1], -np.inf))  # hidden below what it carries
    above = cluster[(rise > margin) & (rise < margin + 0.01)]
    if len(foot) < MIN_CARRIED or len(above) < MIN_CARRIED:
        return None
    beyond = ~_inside(above, _outline(foot) + CELL)
    upper = rise[rise < -WALL] > np.median(rise[rise < -WALL])
    lean = np.abs(_outline(foot[upper]) - _outline(foot[~upper]))
    upright = lean.mean() < CELL
    return Support(plane, _outline(foot)) if upright and beyond.mean() > OVERHANG else None


def _is_top(carried: Array, plane: Plane, outline: Array) -> bool:
    """Whether what a surface seems to carry is but its own top, seen a little higher.

    A thing thinner than `THIN` that ends where the surface ends, in all directions, is that.
    """
    thin = np.percentile(plane.height(carried), 99) < THIN
    ends_alike = np.abs(_outline(carried) - outline) < 3 * CELL  # edges are seen badly
    return bool(thin and ends_alike.mean() > 0.9)


def _unknown(
    cluster: Array,
    height: Array,
    everything: Array,
    table: Plane,
    margin: float,
    settings: SupportSettings,
) -> Support | None:
    """A support at any height.

    The top of an object carries nothing, and the floor inside a mug does not reach around its
    wall; a pedestal does reach around what stands on it.
    """
    layer = settings.layer
    bins = np.bincount(np.floor(height / layer).astype(np.int64).clip(0))
    if len(bins) < 3:
        return None
    middle = (int(np.argmax(bins[:-1] + bins[1:])) + 1) * layer  # a surface may lie across two bins
    floor = _floor(cluster[np.abs(height - middle) < layer], settings.min_area)
    if len(floor) < 3:
        return None
    plane = fit_plane(floor)
    if plane.normal @ table.normal < np.cos(settings.max_tilt):
        return None
    support = Support(plane, _outline(floor) - CELL)
    clear = max(margin, 2 * layer)
    rest = cluster[plane.height(cluster) > clear]
    if np.count_nonzero(support.carries(rest, clear)) < 0.8 * len(rest):
        return None
    carried = np.count_nonzero(support.carries(everything, clear))
    return support if carried >= MIN_CARRIED else None


def _floor(slab: Array, min_area: float) -> Array:
    """Points of the connected areas in a level slab (N, 3) that are not too small.

    What lies across a surface parts it in two. Walls that cross the slab are thin bands; they
    vanish when the area is eroded.
    """
    if len(slab) == 0:
        return slab
    index = np.floor((slab[:, :2] - slab[:, :2].min(axis=0)) / CELL).astype(np.int64) + 1
    covered = np.zeros(index.max(axis=0) + 2, bool)
    covered[tuple(index.T)] = True
    square = np.ones((3, 3), bool)
    core = ndimage.binary_erosion(ndimage.binary_closing(covered, square), square)
    label, _ = ndimage.label(core)
    large = np.bincount(label.ravel()) * CELL**2 >= min_area
    large[0] = False  # what is covered by nothing
    grown = ndimage.binary_dilation(large[label], square)
    floor: Array = slab[grown[tuple(index.T)]]
    return floor


def _outline(points: Array) -> Array:
    """How far points (N, 3) reach in 36 directions of the x-y plane, shape (36,)."""
    outline: Array = (points[:, :2] @ AROUND).max(axis=0)
    return outline


def _inside(points: Array, outline: Array) -> BoolArray:
    """Say which points (N, 3) are within an outline (36,), shape (N,)."""
    inside: BoolArray = (points[:, :2] @ AROUND <= outline).all(axis=1)
    return inside
