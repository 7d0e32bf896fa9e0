"""The level surface that things stand on: found in the view; the cell's table is only a hint."""

from dataclasses import dataclass

import numpy as np

from ddg_core.arrays import Array
from ddg_core.view import Plane
from ddg_perception.cells import cells

UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class TableSettings:
    """What counts as a table; heights are along z of the base frame."""

    height: float = 0.0  # where the table is thought to be, in [m]
    near_hint: float = 0.03  # a surface this near to that height is favoured, in [m]
    max_tilt: float = 0.15  # between the plane's normal and z, in [rad]
    inlier: float = 0.006  # largest distance of the table's own points, in [m]
    min_area: float = 0.03  # of the part that is seen, in [m^2]

    def __post_init__(self) -> None:
        """Refuse sizes that make no sense."""
        for name in ("near_hint", "max_tilt", "inlier", "min_area"):
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")


CELL = 0.01  # one vote per cell of this edge: then votes are area, however near the camera is
TRIPLES = 3000
TRIALS = 150


def find_table(points: Array, settings: TableSettings, *, rng: np.random.Generator) -> Plane | None:
    """Find the level plane of the largest area; one near the hinted height counts double.

    Robust against anything that is on, beside or under it (RANSAC over triples whose plane is
    nearly level, then least squares over the inliers).

    Args:
        points: Finite points in the base frame, shape (N, 3), in [m]; a thinned view will do.
        settings: See there.
        rng: Draws the triples.

    Returns:
        The plane, or None where no level surface of `min_area` is in view.
    """
    votes = cells(points, CELL).centroids
    needed = settings.min_area / CELL**2
    if len(votes) < max(needed, 3):
        return None
    normals, offsets = _level_planes(votes, settings, rng)
    if len(normals) == 0:
        return None
    sample = votes[rng.choice(len(votes), min(len(votes), 1500), replace=False)]
    support = (np.abs(sample @ normals.T - offsets) < settings.inlier).sum(axis=0)
    middle = np.median(votes[:, :2], axis=0)
    height = (offsets - normals[:, :2] @ middle) / normals[:, 2]
    hinted = np.abs(height - settings.height) < settings.near_hint
    best = int(np.argmax(support * np.where(hinted, 2.0, 1.0)))
    plane = Plane(normals[best], float(offsets[best]))
    for _ in range(3):
        inliers = votes[np.abs(plane.height(votes)) < settings.inlier]
        if len(inliers) < max(needed, 3):
            return None
        plane = fit_plane(inliers)
    return plane


def fit_plane(points: Array) -> Plane:
    """Least-squares plane through at least 3 points (N, 3), its normal turned up."""
    centre = points.mean(axis=0)
    normal = np.linalg.eigh((points - centre).T @ (points - centre))[1][:, 0]
    normal = normal if normal[2] > 0.0 else -normal
    return Plane(normal, float(normal @ centre))


def roughness(plane: Plane, points: Array, settings: TableSettings) -> float:
    """Standard deviation of the plane's own points (robust) along its normal, in [m]."""
    off = np.abs(plane.height(points))
    return 1.4826 * float(np.median(off[off < 2 * settings.inlier]))


def _level_planes(
    points: Array, settings: TableSettings, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Planes through random triples that are nearly level: normals (M, 3), offsets (M,)."""
    a, b, c = points[rng.integers(len(points), size=(3, TRIPLES))]
    normals = np.cross(b - a, c - a)
    length = np.linalg.norm(normals, axis=1)
    wide = length > (5 * CELL) ** 2
    normals = normals[wide] / length[wide, None]
    normals *= np.where(normals[:, 2:] < 0.0, -1.0, 1.0)
    level = np.flatnonzero(normals @ UP > np.cos(settings.max_tilt))[:TRIALS]
    normals = normals[level]
    return normals, (normals * a[wide][level]).sum(axis=1)
