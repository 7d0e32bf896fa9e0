"""Negative evidence: surface of a contact that should be there on a new object, and is not."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ddg_core.arrays import Array, IntArray
from ddg_core.transforms import inverse
from ddg_planning.generate.contact_model import ContactModel

Floats = NDArray[np.floating[Any]]  # here of either precision
_REACH = 3  # cells around a surface point that remember it
_STEPS = np.stack(np.meshgrid(*[np.arange(-_REACH, _REACH + 1)] * 3, indexing="ij"), axis=-1)
_AROUND = _STEPS.reshape(-1, 3)[(_STEPS.reshape(-1, 3) ** 2).sum(axis=1) <= _REACH**2]


@dataclass(frozen=True)
class EvidenceSettings:
    """The contact evaluation of GM2.

    Attributes:
        weight: Cost of a contact whose whole surface is missing, in nepers.
        radius: A surface point of the contact is there if the object has one this near, in [m].
        mismatch: And if 1 - n . n' of their normals is at most this.
        turn: Cost of a mismatch of 1, in [m^2]; a distance d costs d^2.
        missing: A missing point costs this many times the most that one may that is there.
        points: Surface points per contact that are looked for.
    """

    weight: float = 5.0
    radius: float = 0.005
    mismatch: float = 0.25
    turn: float = 0.01
    missing: float = 10.0
    points: int = 12

    def __post_init__(self) -> None:
        """Refuse what finds nothing."""
        if min(self.radius, self.mismatch, self.missing) <= 0.0 or self.points < 1:
            raise ValueError("radius, mismatch, missing and points must be positive")
        if min(self.weight, self.turn) < 0.0:
            raise ValueError("weight and turn must not be negative")

    @property
    def most(self) -> float:
        """Cost of a missing point, d_max, in [m^2]."""
        return self.missing * (self.radius**2 + self.turn * self.mismatch)

    def cost(self, square: Array, mismatch: Array) -> Array:
        """Cost of points by their squared distance [m^2] and mismatch to the nearest, over d_max.

        In [0, 1]; 1 is a missing point.
        """
        there = (square <= self.radius**2) & (mismatch <= self.mismatch)
        cost: Array = np.where(there, (square + self.turn * mismatch) / self.most, 1.0)
        return cost


class SurfaceGrid:
    """Finds the nearest point of a surface, for very many points at once.

    Around every surface point the cells of a grid remember it; a cell remembers the one that is
    nearest to its middle, so what is found may be about half a cell further than the nearest, and
    what is nearly a radius away may be missed.
    """

    def __init__(self, points: Array, normals: Array, *, radius: float) -> None:
        """Lay the grid.

        Args:
            points: Surface, shape (N, 3), in [m].
            normals: Outward unit normals, shape (N, 3).
            radius: Points further than about this from the surface find nothing, in [m].
        """
        self._cell = 0.4 * radius
        self._low = points.min(axis=0) - (_REACH + 1) * self._cell
        cells, first = np.unique(self._cells(points), axis=0, return_index=True)
        columns = np.column_stack([points[first], normals[first]]).T  # (6, N)
        self._columns = columns.astype(np.float32)  # half the memory to walk through
        self._size = cells.max(axis=0) + _REACH + 2
        self._index = np.full(int(self._size.prod()), -1, dtype=np.int32)
        nearest = np.full(len(self._index), np.inf)
        offset = (points[first] - self._low) / self._cell - (cells + 0.5)
        own, away = self._flat(*cells.T), (offset**2).sum(axis=1)
        for step in _AROUND:  # two points never meet in a cell at the same step
            flat = own + self._flat(*step)
            square = away - 2.0 * (offset @ step) + step @ step
            better = square < nearest[flat]
            nearest[flat[better]] = square[better]
            self._index[flat[better]] = np.flatnonzero(better)

    def _cells(self, points: Array) -> IntArray:
        cells: IntArray = np.floor((points - self._low) / self._cell).astype(np.int64)
        return cells

    def _flat(self, x: IntArray, y: IntArray, z: IntArray) -> IntArray:
        """Index of cells (x, y, z), and of steps between them."""
        flat: IntArray = (x * self._size[1] + y) * self._size[2] + z
        return flat

    def _along(self, values: Floats, axis: int) -> IntArray:
        """Cells along an axis; what is outside comes into the rim, which is empty."""
        at = ((values - self._low[axis]) * (1.0 / self._cell)).astype(np.int64)  # towards 0
        cells: IntArray = np.clip(at, 0, self._size[axis] - 1, out=at)
        return cells

    def match(self, points: Floats, normals: Floats) -> tuple[Array, Array]:
        """Squared distances in [m^2] and mismatches 1 - n . n' to the surface near points.

        Args:
            points: Shape (K, 3, P), in [m].
            normals: Unit vectors, shape (K, 3, P).

        Returns:
            Two arrays (K, P), infinite where there is no surface.
        """
        index = self._index.take(self._flat(*(self._along(points[:, k], k) for k in range(3))))
        square, cosine = np.zeros_like(points[:, 0]), np.zeros_like(points[:, 0])
        for k in range(3):
            away = points[:, k] - self._columns[k].take(index, mode="wrap")
            square += away * away
            cosine += normals[:, k] * self._columns[3 + k].take(index, mode="wrap")
        found, mismatch = index >= 0, (1.0 - cosine).clip(min=0.0)
        return np.where(found, square, np.inf), np.where(found, mismatch, np.inf)


def contact_surface(contact: ContactModel, points: int) -> tuple[Array, Array]:
    """Surface that touched a link, in the frame of the link, evenly by weight.

    Returns:
        At most `points` points (P, 3) in [m], and their outward normals (P, 3).
    """
    steps = (np.arange(points) + 0.5) / points * contact.weights.sum()
    chosen = np.searchsorted(np.cumsum(contact.weights), steps).clip(max=len(contact.weights) - 1)
    T_link_feature = inverse(contact.T_feature_link[np.unique(chosen)])
    return T_link_feature[:, :3, 3], T_link_feature[:, :3, 2]


def evidence(
    contact: ContactModel, T_base_link: Array, surface: SurfaceGrid, settings: EvidenceSettings
) -> Array:
    r"""Weights :math:`\exp(-5 d / d_{max})` of query kernels, shape (K,), at most 1.

    d is the mean cost of the contact's surface points when the link stands at the kernel: of a
    point that the object has, its distance and the mismatch of its normal; of a missing one d_max.

    Args:
        contact: Contact model of the link.
        T_base_link: Poses of the kernels, shape (K, 4, 4).
        surface: Of the new object.
        settings: Constants.
    """
    at, normals = (v.astype(np.float32) for v in contact_surface(contact, settings.points))
    poses = T_base_link.astype(np.float32)
    R, t = poses[:, :3, :3].reshape(-1, 3), poses[:, :3, 3]
    turned = [(R @ vectors.T).reshape(-1, 3, len(vectors)) for vectors in (at, normals)]
    square, mismatch = surface.match(turned[0] + t[:, :, None], turned[1])
    weights: Array = np.exp(-settings.weight * settings.cost(square, mismatch).mean(axis=1))
    return weights


def contact_distance(a: ContactModel, b: ContactModel, settings: EvidenceSettings) -> float:
    """How far apart the surfaces that two contacts touched are, in [0, 1], in the link's frame.

    The larger of what is missing of one in the other.
    """
    (p, n), (q, m) = (contact_surface(c, len(c.weights)) for c in (a, b))
    return max(_missing(p, n, q, m, settings), _missing(q, m, p, n, settings))


def _missing(p: Array, n: Array, q: Array, m: Array, settings: EvidenceSettings) -> float:
    found = cKDTree(q).query(p)
    distance, index = np.asarray(found[0]), np.asarray(found[1])
    mismatch = (1.0 - (n * m[index]).sum(axis=1)).clip(min=0.0)
    return float(settings.cost(distance**2, mismatch).mean())
