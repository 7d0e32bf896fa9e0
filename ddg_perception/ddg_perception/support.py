"""Raised level surfaces that carry something: a pedestal, a box with something on it."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ddg_core.arrays import Array, BoolArray
from ddg_core.view import Plane
from ddg_perception.table import fit_plane
from ddg_perception.walls import CELL, WALL, Walls, seen_in


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


MIN_CARRIED = 50  # points of whatever stands on it
OVERHANG = 0.4  # share of an object's lowest layer beyond a support whose top it hides
HIDDEN = 0.04  # of what is on a support, at most this much of its lower part is hidden, in [m]
THIN = 0.012  # the top of a thing may be this much above where a support may be, in [m]
PART = 0.1  # share of a thing that is over what carries it, at least
LEVEL = 0.003  # what ends so near to a support's height may be the support, in [m]
BESIDE = 0.03  # what hangs over a support's edge is seen this near to it, at least, in [m]
UNDER = 0.7  # share of what is below a support's top that is under what is seen of it, at least
HIGHER = 0.001  # a surface this much above where it should be may be a thing's own top, in [m]
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

    @property
    def hidden(self) -> bool:
        """Whether nothing of it is seen."""
        return not np.isfinite(self.outline).all()

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

    def bears(self, points: Array) -> bool:
        """Whether a good part of points (N, 3) is clearly above the surface and over it."""
        return bool(self.carries(points, LEVEL).mean() > PART)

    def hangs(self, points: Array, table: Plane) -> bool:
        """Whether points (N, 3) are in the air next to the surface, so part of what it carries.

        Thin things are hardly seen where they lie on it, so their ends may look like others. What
        ends at the height of the surface is a part of what holds it.
        """
        if abs(np.percentile(self.plane.height(points), 90)) < LEVEL:
            return False
        off = (points[:, :2] @ AROUND - self.outline).max(axis=1)
        high = np.percentile(table.height(points), 2) > 0.5 * (self.plane.offset - table.offset)
        return bool(high and off.min() < BESIDE and np.median(off) > 2 * CELL)


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
        support = _known(cluster, height - known, known, everything, plane, margin, settings)
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
    known: float,
    everything: Array,
    plane: Plane,
    margin: float,
    settings: SupportSettings,
) -> Support | None:
    """A support at a `known` height; `rise` (N,) is that of the points above it."""
    low, high = np.percentile(rise, [1, 99])
    if low >= HIDDEN or high < -margin:
        return None
    if low <= -2 * margin:
        return _pedestal(cluster, rise, known, everything, plane, margin, settings)
    floor = _floor(cluster[np.abs(rise) < settings.layer], settings.min_known_area)
    if len(floor):
        support = Support(plane, _outline(floor))
        if _stands_on(support, floor, everything, margin):
            return support
        if high < THIN:
            return None
    return Support(plane, np.full(AROUND.shape[1], -np.inf))  # hidden below what it carries


def _pedestal(
    cluster: Array,
    rise: Array,
    known: float,
    everything: Array,
    plane: Plane,
    margin: float,
    settings: SupportSettings,
) -> Support | None:
    """A support that is seen from its foot on: upright walls, and what is at their upper end.

    What is a little round or goes on above is one thing with what is above it: a pot and its lid.
    """
    walls = Walls(cluster, rise, known)
    level, foot = np.abs(rise) < settings.layer, cluster[rise < -WALL]
    least = settings.min_known_area
    if walls.upright:
        foot = cluster[walls.of]
        if np.percentile(rise, 99) < margin:  # nothing of what it carries is in this cluster
            floor = cluster
        else:
            floor = _floor(cluster[level], least if walls.go_on else least / 4, beside=foot)
    else:
        floor = _floor(cluster[level], least)
        if not len(floor) or np.percentile(rise, 1) < -0.5 * known:
            return None  # what is seen down to the table must show its walls
        below = _inside(foot, _outline(floor) + 2 * CELL)
        if np.count_nonzero(below) < UNDER * len(foot):
            return None
        foot = foot[below]
    support = Support(plane, _outline(np.vstack([floor, foot])))
    if len(floor):
        return support if _stands_on(support, floor, everything, margin) else None
    above = cluster[(rise > margin) & (rise < margin + 0.01)]
    if len(above) < MIN_CARRIED:
        return None
    beyond = ~_inside(above, support.outline + CELL)
    wider = _outline(above) - support.outline > 2 * CELL
    wider &= np.roll(wider, len(wider) // 2)  # on both sides: of a mug the near wall only is seen
    return support if beyond.mean() > OVERHANG and (wider.any() or not walls.go_on) else None


def _stands_on(support: Support, floor: Array, everything: Array, margin: float) -> bool:
    """Whether something stands on a support, other than its own top (`floor`), seen too high.

    A thing thinner than `THIN` that ends where the surface ends, in all directions, is that, if
    most of the surface is higher than it should be.
    """
    carried = everything[support.carries(everything, margin)]
    if len(carried) < MIN_CARRIED:
        return False
    thin = np.percentile(support.plane.height(carried), 99) < THIN
    ends_alike = np.abs(_outline(carried) - support.outline) < 3 * CELL  # edges are seen badly
    middle = np.median(support.plane.height(floor))
    return not (thin and ends_alike.mean() > 0.9 and middle > HIGHER)


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
    carried = plane.height(everything[support.carries(everything, clear)])
    return support if len(carried) >= MIN_CARRIED and np.percentile(carried, 95) > THIN else None


def _floor(slab: Array, min_area: float, beside: Array | None = None) -> Array:
    """Points of the connected areas in a level slab (N, 3) that are not too small.

    What lies across a surface parts it in two. Walls that cross the slab are thin bands; they
    vanish when the area is eroded. If points of walls are given (`beside`, (M, 3)), areas away
    from all of them are left out: a spoon's bowl that is level is no part of a pedestal.
    """
    if len(slab) == 0:
        return slab
    corner = slab[:, :2].min(axis=0)
    index = np.floor((slab[:, :2] - corner) / CELL).astype(np.int64) + 1
    covered = seen_in(index, index.max(axis=0) + 2)
    square = np.ones((3, 3), bool)
    core = ndimage.binary_erosion(ndimage.binary_closing(covered, square), square)
    label, _ = ndimage.label(core)
    large = np.bincount(label.ravel()) * CELL**2 >= min_area
    large[0] = False  # what is covered by nothing
    if beside is not None:
        at = np.floor((beside[:, :2] - corner) / CELL).astype(np.int64) + 1
        wall = seen_in(at, np.array(covered.shape))
        large &= np.isin(np.arange(len(large)), label[ndimage.binary_dilation(wall, square, 3)])
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
