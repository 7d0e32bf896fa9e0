"""Where two jaws that close along a line first touch a mesh."""

from dataclasses import dataclass

import numpy as np

from ddg_core.arrays import Array, BoolArray, IntArray, frozen_array
from ddg_core.errors import BadInput


@dataclass(frozen=True, eq=False)
class Pinch:
    """What two jaws touch on L lines.

    Attributes:
        points: Contact of the jaw at the line's start and of that at its end, shape (L, 2, 3), [m].
        normals: Unit normals into the object, shape (L, 2, 3).
        hit: Both jaws touch something, shape (L,); elsewhere the rest is 0.
    """

    points: Array
    normals: Array
    hit: BoolArray


class Surface:
    """Triangles of one object and its centre of mass, in any one frame."""

    def __init__(self, vertices: Array, faces: IntArray, com: Array) -> None:
        """Take a mesh: vertices (V, 3) in [m], faces (F, 3), com (3,) in [m]; BadInput if flat."""
        self.com = frozen_array("Surface.com", com, 3)
        corners = frozen_array("Surface.vertices", vertices, None, 3)[np.asarray(faces)]
        across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        areas = np.linalg.norm(across, axis=1) / 2.0
        solid = areas > 1e-14
        if not solid.any():
            raise BadInput("Surface: no triangle has an area")
        self.triangles = corners[solid]  # (T, 3, 3)
        self.areas = areas[solid]
        self.normals = across[solid] / (2.0 * self.areas[:, None])  # outward
        self._middles = self.triangles.mean(axis=1)
        self._radii = np.linalg.norm(self.triangles - self._middles[:, None], axis=2).max(axis=1)

    def sample(self, n: int, *, rng: np.random.Generator) -> tuple[Array, Array]:
        """Points (n, 3) drawn evenly from the surface, and outward normals (n, 3)."""
        chosen = rng.choice(len(self.areas), size=n, p=self.areas / self.areas.sum())
        a, b = rng.random((2, n, 1))
        fold = (a + b) > 1.0
        a, b = np.where(fold, 1.0 - a, a), np.where(fold, 1.0 - b, b)
        first, second, third = np.moveaxis(self.triangles[chosen], 1, 0)
        return first + a * (second - first) + b * (third - first), self.normals[chosen]

    def pinch(self, centres: Array, axes: Array, half: float) -> Pinch:
        """Close jaws on L lines that lie near each other.

        Args:
            centres: Middle between the jaws, shape (L, 3), in [m].
            axes: Unit direction from the first jaw to the second, shape (L, 3).
            half: Distance of each jaw from the middle before they close, in [m].
        """
        near = self._near(centres, axes, half)
        corners, normals = self.triangles[near], self.normals[near]
        at, inside = _crossings(centres, axes, corners)
        inside &= np.abs(at) <= half
        if not inside.any():
            nothing = np.zeros((len(centres), 2, 3))
            return Pinch(nothing, nothing, np.zeros(len(centres), dtype=bool))
        hit: BoolArray = np.any(inside, axis=1)
        points, inward = np.zeros((len(centres), 2, 3)), np.zeros((len(centres), 2, 3))
        rows = np.flatnonzero(hit)
        for jaw, sign in ((0, 1.0), (1, -1.0)):
            first = np.where(inside[rows], sign * at[rows], np.inf).argmin(axis=1)
            points[rows, jaw] = centres[rows] + at[rows, first][:, None] * axes[rows]
            n = normals[first]
            away = np.einsum("li,li->l", n, sign * axes[rows]) > 0.0
            inward[rows, jaw] = np.where(away[:, None], n, -n)
        return Pinch(points, inward, hit)

    def _near(self, centres: Array, axes: Array, half: float) -> IntArray:
        """Indices of the triangles that any of the lines may meet."""
        centre, axis = centres.mean(axis=0), axes.mean(axis=0)
        axis = axis / np.linalg.norm(axis)
        spread = np.linalg.norm(centres - centre, axis=1) + half * np.linalg.norm(
            axes - axis, axis=1
        )
        room = self._radii + spread.max()
        away = self._middles - centre
        along = away @ axis
        off = np.linalg.norm(away - along[:, None] * axis, axis=1)
        near: IntArray = np.flatnonzero((off <= room) & (np.abs(along) <= half + room))
        return near


def _crossings(origins: Array, directions: Array, corners: Array) -> tuple[Array, BoolArray]:
    """Where L lines meet T triangles (T, 3, 3): line parameters (L, T), and whether they do.

    After Möller and Trumbore (1997).
    """
    first = corners[:, 0]
    one, two = corners[:, 1] - first, corners[:, 2] - first
    p = np.cross(directions[:, None], two)
    size = np.einsum("lti,ti->lt", p, one)
    flat = np.abs(size) < 1e-15
    inverse = 1.0 / np.where(flat, 1.0, size)
    away = origins[:, None] - first
    u = np.einsum("lti,lti->lt", away, p) * inverse
    q = np.cross(away, one)
    v = np.einsum("li,lti->lt", directions, q) * inverse
    t: Array = np.einsum("ti,lti->lt", two, q) * inverse
    edge = 1e-9  # a line through a common edge meets at least one of its triangles
    return t, ~flat & (u >= -edge) & (v >= -edge) & (u + v <= 1.0 + edge)
