"""Cubic cells: the one way in which clouds are thinned, averaged and clustered here."""

from dataclasses import dataclass

import numpy as np

from ddg_core.arrays import Array, IntArray


@dataclass(frozen=True, eq=False)
class Cells:
    """Points gathered in cubic cells.

    Attributes:
        of_point: Index of the cell of each of the N points, shape (N,).
        centroids: Mean of the points in each cell, shape (M, 3), in [m].
        counts: Number of points in each cell, shape (M,).
    """

    of_point: IntArray
    centroids: Array
    counts: IntArray


def cells(points: Array, size: float) -> Cells:
    """Gather finite points (N, 3) in cells of edge `size` [m]; cells are ordered by place."""
    if len(points) == 0:
        none = np.zeros(0, np.int64)
        return Cells(none, np.zeros((0, 3)), none)
    axes = np.ascontiguousarray(points.T)
    index = [np.floor((x - x.min()) / size).astype(np.int64) for x in axes]
    key = (index[0] * (index[1].max() + 1) + index[1]) * (index[2].max() + 1) + index[2]
    _, of_point, counts = np.unique(key, return_inverse=True, return_counts=True)
    sums = np.stack([np.bincount(of_point, weights=x) for x in axes], axis=1)
    return Cells(of_point, sums / counts[:, None], counts)


def thin(points: Array, size: float, most: int) -> Array:
    """Average points (N, 3) in cells of `size` [m], larger ones if more than `most` are left."""
    while True:
        centroids = cells(points, size).centroids
        if len(centroids) <= most:
            return centroids
        size *= max(1.05, np.sqrt(len(centroids) / most))
