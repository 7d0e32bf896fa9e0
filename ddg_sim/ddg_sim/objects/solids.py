"""The few solids that every family is put together from, as visual meshes and convex parts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import trimesh
from numpy.typing import ArrayLike
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from ddg_core.arrays import Array

Mesh = trimesh.Trimesh
SMOOTH = 64  # sides of a round visual surface
ROUND = 20  # sides of a round convex part


@dataclass(frozen=True, eq=False)
class Draft:
    """What a family draws: a watertight visual mesh, its convex parts, and a mass.

    Attributes:
        visual: The surface that a camera sees; z up, lengths in [m].
        parts: Vertices of the convex parts, each (*, 3).
        mass: In [kg].
    """

    visual: Mesh
    parts: tuple[Array, ...]
    mass: float


def hull(points: ArrayLike) -> Array:
    """Reduce points (N, 3) to the vertices of their convex hull."""
    cloud = np.asarray(points, float)
    vertices: Array = cloud[ConvexHull(cloud).vertices]
    return vertices


def mesh_of(part: Array) -> Mesh:
    """Triangulate the convex hull of `part`."""
    mesh: Mesh = trimesh.convex.convex_hull(part)
    return mesh


def union(meshes: Iterable[Mesh]) -> Mesh:
    """Watertight union of watertight meshes."""
    mesh: Mesh = trimesh.boolean.union(list(meshes), engine="manifold")
    return mesh


def difference(mesh: Mesh, holes: Iterable[Mesh]) -> Mesh:
    """Cut `holes` out of a watertight mesh."""
    rest: Mesh = trimesh.boolean.difference([mesh, *holes], engine="manifold")
    return rest


def of_parts(parts: Sequence[Array], mass: float) -> Draft:
    """Draft whose visual surface is exactly the union of its convex parts."""
    return Draft(union(mesh_of(part) for part in parts), tuple(parts), mass)


def lathe(profile: ArrayLike) -> Mesh:
    """Solid of revolution about z of a profile (N, 2) of (radius, z) from axis to axis.

    The profile runs counter-clockwise seen with radius to the right and z up, e.g. for a cup:
    along the floor outwards, up the outside, down the inside, back to the axis.
    """
    return trimesh.creation.revolve(np.asarray(profile, float), sections=SMOOTH)


def circle(radius: float, z: float, *, sides: int = ROUND, start: float = 0.0) -> Array:
    """Points (sides, 3) of a polygon with the area of the circle, so that parts keep the volume."""
    step = 2 * np.pi / sides
    r = radius * np.sqrt(step / np.sin(step))
    phi = start + step * np.arange(sides)
    return np.stack([r * np.cos(phi), r * np.sin(phi), np.full(sides, z)], axis=1)


def stack(profile: ArrayLike) -> Array:
    """Convex part through circles of the given (radius, z), shape (N, 2)."""
    return hull(np.concatenate([circle(r, z) for r, z in np.asarray(profile, float)]))


def wall(outside: ArrayLike, inside: ArrayLike, *, segments: int, thickness: float) -> list[Array]:
    """Ring of convex segments between two profiles of (radius, z), each shape (*, 2).

    The outside is exact but for its facets. The inside of a segment is a chord; its ends are
    set back into the wall so that the chord strays equally to both sides of the true surface.
    """
    outer, inner = np.asarray(outside, float), np.asarray(inside, float)
    step = 2 * np.pi / segments
    back = np.minimum(0.75 * thickness, inner[:, 0] * (1.0 / np.cos(step / 2) - 1.0) / 2)
    arcs = np.linspace(-step / 2, step / 2, 5)
    bow = np.sqrt((step / 4) / np.sin(step / 4))  # keeps the area of the outer polygon
    rings = [(r * bow, z, arcs) for r, z in outer]
    rings += [(r + b, z, arcs[[0, -1]]) for (r, z), b in zip(inner, back, strict=True)]
    points = np.concatenate(
        [np.stack([r * np.cos(a), r * np.sin(a), np.full(len(a), z)], axis=1) for r, z, a in rings]
    )
    return [hull(turned(points, z=step * k)) for k in range(segments)]


def turned(points: ArrayLike, *, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Array:
    """Turn points (N, 3) about the fixed axes x, then y, then z, in [rad]."""
    R = Rotation.from_euler("xyz", [x, y, z]).as_matrix()
    rotated: Array = np.asarray(points, float) @ R.T
    return rotated


def ellipsoid(centre: ArrayLike, half: ArrayLike, *, fine: int = 2) -> Array:
    """Points of an ellipsoid with the given half axes (3,) [m]."""
    ball = np.asarray(trimesh.creation.icosphere(subdivisions=fine).vertices)
    points: Array = np.asarray(centre, float) + ball * np.asarray(half, float)
    return points


def rounded_box(centre: ArrayLike, half: ArrayLike, radius: float) -> Array:
    """Points of a box of half sizes (3,) [m] with edges rounded by `radius` [m]."""
    inner = np.maximum(np.asarray(half, float) - radius, 1e-5)
    corners = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T * inner
    ball = np.asarray(trimesh.creation.icosphere(subdivisions=1).vertices) * radius
    points: Array = hull((corners[:, None] + ball).reshape(-1, 3)) + np.asarray(centre, float)
    return points


def box(low: ArrayLike, high: ArrayLike) -> Array:
    """Return the eight corners of an axis-aligned box."""
    ends = np.stack([np.asarray(low, float), np.asarray(high, float)])
    return np.array(
        [[ends[i, 0], ends[j, 1], ends[k, 2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)]
    )


def link(a: Array, b: Array) -> Array:
    """Convex hull of two convex bodies, e.g. a bar between two balls."""
    return hull(np.concatenate([a, b]))


def chain(bodies: Sequence[Array]) -> list[Array]:
    """Bars between consecutive bodies: a handle along a path."""
    return [link(a, b) for a, b in pairwise(bodies)]
