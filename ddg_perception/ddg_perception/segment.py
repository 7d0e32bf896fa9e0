"""Segmentation: the one object that a depth view, or a bare cloud, is about."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from ddg_core.arrays import Array, BoolArray, IntArray
from ddg_core.errors import BadInput, Failed
from ddg_core.outcome import Outcome
from ddg_core.view import Plane
from ddg_perception.cells import cells
from ddg_perception.robot_body import PosedShape, on_robot
from ddg_perception.support import Support, SupportSettings, find_support, surface_below

MIN_HANGING = 20  # points of what hangs over the edge of a support, fewer are stray ones


@dataclass(frozen=True)
class SegmentSettings:
    """What counts as an object."""

    margin: float = 0.002  # points lower than this above the table are table, in [m]
    margin_sigmas: float = 4.0  # ... or lower than so many standard deviations of the table
    cell: float = 0.005  # clusters are found among cells of this edge, in [m]
    gap: float = 0.010  # cells nearer than this belong together, in [m]
    min_points: int = 50
    min_area: float = 0.0002  # of the surface seen, in [m^2]
    max_extent: float = 0.40  # larger things are no objects, in [m]
    robot_margin: float = 0.015  # points this near to a robot link are robot, in [m]
    obstacle_spacing: float = 0.010  # of the points that stand for everything else, in [m]
    obstacle_reach: float = 0.60  # obstacles farther from the object are left out, in [m]

    def __post_init__(self) -> None:
        """Refuse sizes that make no sense."""
        for name, value in vars(self).items():
            if not value > 0:
                raise ValueError(f"{name} must be positive, got {value}")
        if self.gap < self.cell:
            raise ValueError(f"gap must be at least cell ({self.cell}), got {self.gap}")


@dataclass(frozen=True, eq=False)
class Found:
    """The object among the points above a table.

    Attributes:
        members: Which of the points are the object, shape (n,).
        table: The surface that it stands on: the table or something raised.
        obstacles: Thinned points of all else that is not robot, shape (M, 3), in [m].
    """

    members: IntArray
    table: Plane
    obstacles: Array


def find_object(
    points: Array,
    table: Plane,
    margin: float,
    settings: SegmentSettings,
    support_settings: SupportSettings,
    *,
    near: Array | None = None,
    marked: BoolArray | None = None,
    cut: BoolArray | None = None,
    robot: Sequence[PosedShape] = (),
) -> Found:
    """Find one object among points above the table: the largest, or the one nearest to `near`.

    Args:
        points: All points above `table`, in the base frame, shape (N, 3), in [m].
        table: The surface below them.
        margin: What stands lower than this above a surface belongs to it, in [m].
        settings: See there.
        support_settings: What counts as a raised surface.
        near: Point in the base frame, shape (3,), in [m]; None takes the largest object.
        marked: Points that may be the object, shape (N,), and are not what it stands on.
        cut: Points at the border of the image, shape (N,). An object with such points is not
            taken, for nobody knows how it goes on; `near` and `marked` override this.
        robot: Link shapes of the robot; points on them are left out.

    Raises:
        Failed: NO_CLOUD, with what was seen instead of an object.
    """
    body = _robot_points(points, robot, settings)
    if marked is not None:
        clusters = _cluster(points, marked & ~body, settings)
        chosen = clusters.members(_choose(clusters, settings, near, None))
        table = surface_below(points[chosen], table, margin, support_settings)
    else:
        clusters, surfaces = _without_supports(
            points, ~body, table, margin, settings, support_settings
        )
        label = _choose(clusters, settings, near, cut)
        chosen, table = _one_thing(label, points, clusters, surfaces)
    body[chosen] = True
    around = cells(points[~body], settings.obstacle_spacing).centroids
    away = np.linalg.norm(around - points[chosen].mean(axis=0), axis=1)
    return Found(chosen, table, around[away < settings.obstacle_reach])


@dataclass(frozen=True, eq=False)
class _Surfaces:
    """What the points may stand on: some planes, and the number of the plane of each point.

    All planes but the first, the table, are those of `supports`.
    """

    table: Plane
    supports: list[Support]
    below: IntArray

    def under(self, members: IntArray) -> Support | None:
        """Support below most of these points; None: the table."""
        k = int(np.argmax(np.bincount(self.below[members])))
        return self.supports[k - 1] if k else None


def _without_supports(
    points: Array,
    free: BoolArray,
    table: Plane,
    margin: float,
    settings: SegmentSettings,
    support_settings: SupportSettings,
) -> tuple["_Clusters", _Surfaces]:
    """Cluster the free points after taking away what only carries others."""
    clusters = _cluster(points, free, settings)
    surfaces = _Surfaces(table, [], np.zeros(len(points), np.int64))
    for _ in range(2):  # an object on a box on a pedestal
        raised = _raised(points, free, clusters, table, margin, settings, support_settings)
        if not raised:
            break
        for members, support in raised:
            if support.hidden and surfaces.under(members) is not None:
                continue  # it is what an earlier one carries
            carried = support.carries(points, margin)
            surfaces.supports.append(support)
            surfaces.below[members] = surfaces.below[carried] = len(surfaces.supports)
            above = _above(points[members], support.plane, margin, settings)
            free[members] = above | ~support.covers(points[members])
        clusters = _cluster(points, free, settings)
    return clusters, surfaces


def _above(points: Array, surface: Plane, margin: float, settings: SegmentSettings) -> BoolArray:
    """Which points (N, 3) are on something that stands on the surface; as `depth.stands_out`."""
    height = surface.height(points)
    above: BoolArray = height > margin
    low = np.flatnonzero((height > -margin) & (height < 2.0 * margin))
    flat = points[low] - height[low, None] * surface.normal
    squares = cells(flat, settings.cell)
    mean = np.bincount(squares.of_point, height[low], minlength=1) / squares.counts
    above[low] |= (mean[squares.of_point] > settings.margin) & (height[low] > 0.5 * margin)
    return above


@dataclass(frozen=True, eq=False)
class _Clusters:
    """Connected parts of some of the points.

    Attributes:
        names: Which of the points, those of one cluster after another, shape (n,).
        ends: Where in `names` each of the C clusters ends, shape (C,).
        of_point: Cluster of each name, shape (n,).
        centroids: Of the M cells that were joined, shape (M, 3), in [m].
        label: Cluster of each cell, shape (M,).
        area: Surface seen of each cluster, shape (C,), in [m^2].
        extent: Longest side of each cluster's bounding box, shape (C,), in [m].
    """

    names: IntArray
    ends: IntArray
    of_point: IntArray
    centroids: Array
    label: IntArray
    area: Array
    extent: Array

    def members(self, k: int) -> IntArray:
        """Indices of the points of cluster k."""
        return self.names[self.ends[k - 1] if k else 0 : self.ends[k]]


def _cluster(points: Array, free: BoolArray, settings: SegmentSettings) -> _Clusters:
    """Join the free points' cells that are nearer than the gap."""
    names = np.flatnonzero(free)
    grid = cells(points[names], settings.cell)
    pairs = cKDTree(grid.centroids).query_pairs(settings.gap, output_type="ndarray")
    links = coo_array((np.ones(len(pairs), bool), pairs.T), shape=(len(grid.counts),) * 2)
    count, joined = connected_components(links, directed=False)
    label: IntArray = joined.astype(np.int64)
    low: Array = np.full((count, 3), np.inf)
    high: Array = -low
    np.minimum.at(low, label, grid.centroids)
    np.maximum.at(high, label, grid.centroids)
    of_point = label[grid.of_point]
    order = np.argsort(of_point, kind="stable")
    return _Clusters(
        names=names[order],
        ends=np.cumsum(np.bincount(of_point, minlength=count)),
        of_point=of_point[order],
        centroids=grid.centroids,
        label=label,
        area=np.bincount(label, minlength=count) * np.float64(settings.cell**2),
        extent=(high - low).max(axis=1),
    )


def _robot_points(
    points: Array, robot: Sequence[PosedShape], settings: SegmentSettings
) -> BoolArray:
    """Points (N,) on the robot, told cell by cell."""
    if not robot:
        return np.zeros(len(points), bool)
    grid = cells(points, settings.cell)
    return on_robot(grid.centroids, robot, settings.robot_margin)[grid.of_point]


def _raised(
    points: Array,
    free: BoolArray,
    clusters: _Clusters,
    table: Plane,
    margin: float,
    settings: SegmentSettings,
    support_settings: SupportSettings,
) -> list[tuple[IntArray, Support]]:
    """Clusters that are, or end in, a surface that carries something, with that surface."""
    large = clusters.area >= settings.min_area
    found = []
    everything = points[free]
    for k in np.flatnonzero(large & (clusters.extent <= settings.max_extent)):
        members = clusters.members(int(k))
        support = find_support(points[members], everything, table, margin, support_settings)
        if support is not None:
            found.append((members, support))
    return found


def _choose(
    clusters: _Clusters,
    settings: SegmentSettings,
    near: Array | None,
    cut: BoolArray | None,
) -> int:
    """Label of the cluster that is the object."""
    n = len(clusters.area)
    big = clusters.area >= settings.min_area
    big &= np.diff(clusters.ends, prepend=0) >= settings.min_points
    graspable = clusters.extent <= settings.max_extent
    whole = np.ones(n, bool)
    if cut is not None and near is None:
        whole[clusters.of_point[cut[clusters.names]]] = False
    fit = np.flatnonzero(big & graspable & whole)
    if len(fit) == 0:
        raise Failed(
            Outcome.NO_CLOUD,
            f"no object stands on the table: {n} clusters above it, of which "
            f"{np.count_nonzero(~big)} are too small, {np.count_nonzero(~graspable)} larger than "
            f"{settings.max_extent} m and {np.count_nonzero(~whole)} cut by the image border",
        )
    if near is None:
        return int(fit[np.argmax(clusters.area[fit])])
    away = np.linalg.norm(clusters.centroids - near, axis=1)
    return int(fit[np.argmin([away[clusters.label == k].min() for k in fit])])


def _one_thing(
    label: int, points: Array, clusters: _Clusters, surfaces: _Surfaces
) -> tuple[IntArray, Plane]:
    """The cluster `label`, what is one thing with it across a support's edge, what they are on."""
    many = np.flatnonzero(np.diff(clusters.ends, prepend=0) >= MIN_HANGING).tolist()
    for support in surfaces.supports:
        ends = [k for k in many if support.hangs(points[clusters.members(k)], surfaces.table)]
        on = [k for k in many if k not in ends and support.bears(points[clusters.members(k)])]
        if label in ends and on:
            label = max(on, key=lambda k: float(clusters.area[k]))
        if label in on:
            parts = [clusters.members(k) for k in [label, *ends]]
            return np.concatenate(parts), support.plane
    alone = clusters.members(label)
    below = surfaces.under(alone)
    return alone, surfaces.table if below is None else below.plane


def check_near(near: Array) -> None:
    """Raise BadInput unless `near` is one finite point."""
    if np.shape(near) != (3,) or not np.isfinite(near).all():
        raise BadInput(f"near: expected one finite point (x, y, z) in [m], got {near}")
