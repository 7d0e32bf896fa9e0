"""Where two jaws that close along a line first touch a mesh."""

from dataclasses import dataclass

import numpy as np

from ddg_core.arrays import Array, BoolArray, IntArray, frozen_array
from ddg_core.errors import BadInput

_PORTION = 256  # lines looked at in one go: bounds the memory


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

    def where(self, rows: BoolArray, other: "Pinch") -> "Pinch":
        """These contacts in `rows` (L,), those of `other` elsewhere."""
        wide = rows[:, None, None]
        return Pinch(
            np.where(wide, self.points, other.points),
            np.where(wide, self.normals, other.normals),
            np.where(rows, self.hit, other.hit),
        )


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
        """Close jaws on L lines.

        Args:
            centres: Middle between the jaws, shape (L, 3), in [m].
            axes: Unit direction from the first jaw to the second, shape (L, 3).
            half: Distance of each jaw from the middle before they close, in [m].
        """
        points, inward = np.zeros((2, len(centres), 2, 3))
        hit = np.zeros(len(centres), dtype=bool)
        for start in range(0, len(centres), _PORTION):
            rows = slice(start, start + _PORTION)
            lines, faces, at = self.crossings(centres[rows], axes[rows], half)
            order = np.lexsort((at, lines))
            lines, faces, at = lines[order] + start, faces[order], at[order]
            new = np.flatnonzero(np.diff(lines, prepend=-1))
            last = np.append(new[1:], len(lines)) - 1
            touched = lines[new]
            hit[touched] = True
            for jaw, sign, first in ((0, 1.0, new), (1, -1.0, last[: len(new)])):
                line = axes[touched]
                points[touched, jaw] = centres[touched] + at[first][:, None] * line
                n = self.normals[faces[first]]
                away = np.einsum("li,li->l", n, sign * line) > 0.0
                inward[touched, jaw] = np.where(away[:, None], n, -n)
        return Pinch(points, inward, hit)

    def crossings(
        self, centres: Array, axes: Array, half: float
    ) -> tuple[IntArray, IntArray, Array]:
        """Where L lines meet the surface at most `half` [m] from their centres.

        Returns:
            Of each crossing its line, its triangle, and the distance along the line, shapes (C,).
        """
        lines, faces = self._near(centres, axes, half)
        at, inside = _crossings(centres[lines], axes[lines], self.triangles[faces])
        inside &= np.abs(at) <= half
        return lines[inside], faces[inside], at[inside]

    def _near(self, centres: Array, axes: Array, half: float) -> tuple[IntArray, IntArray]:
        """Pairs of lines and triangles that may meet: their middles are near the lines."""
        middles, centres = self._middles - self.com, centres - self.com
        along = axes @ middles.T - np.einsum("li,li->l", axes, centres)[:, None]
        off = (middles**2).sum(axis=1) - 2.0 * centres @ middles.T - along**2
        off += (centres**2).sum(axis=1)[:, None]  # squared distance from the line
        near = (off <= self._radii**2 + 1e-9) & (np.abs(along) <= half + self._radii)
        lines, faces = np.nonzero(near)
        return lines, faces

    def near_strips(
        self, frames: Array, centres: Array, half: float, reach: tuple[float, float]
    ) -> tuple[IntArray, IntArray]:
        """Pairs of flat strips and triangles that may meet.

        Args:
            frames: Rows are a strip's directions along, up and aside, shape (L, 3, 3).
            centres: Its origin, shape (L, 3), in [m].
            half: It reaches so far along, both ways, in [m].
            reach: And from here to there up, in [m].
        """
        low, high = reach
        spans = ((-half, half), (low, high), (0.0, 0.0))
        near = np.ones((len(centres), len(self.normals)), dtype=bool)
        for row, (least, most) in enumerate(spans):
            at = frames[:, row] @ self._middles.T
            at -= np.einsum("li,li->l", frames[:, row], centres)[:, None]
            near &= (at >= least - self._radii) & (at <= most + self._radii)
        strips, faces = np.nonzero(near)
        return strips, faces


def _crossings(origins: Array, directions: Array, corners: Array) -> tuple[Array, BoolArray]:
    """Where lines meet triangles (P, 3, 3), pair by pair: line parameters (P,), and whether.

    After Möller and Trumbore (1997).
    """
    first = corners[:, 0]
    one, two = corners[:, 1] - first, corners[:, 2] - first
    p = np.cross(directions, two)
    size = np.einsum("pi,pi->p", p, one)
    flat = np.abs(size) < 1e-15
    inverse = 1.0 / np.where(flat, 1.0, size)
    away = origins - first
    u = np.einsum("pi,pi->p", away, p) * inverse
    q = np.cross(away, one)
    v = np.einsum("pi,pi->p", directions, q) * inverse
    t: Array = np.einsum("pi,pi->p", two, q) * inverse
    edge = 1e-9  # a line through a common edge meets at least one of its triangles
    return t, ~flat & (u >= -edge) & (v >= -edge) & (u + v <= 1.0 + edge)
