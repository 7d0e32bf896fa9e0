"""The unseen back of an object, guessed from its symmetry: household things mostly have one."""

from dataclasses import dataclass

import numpy as np

from ddg_core.arrays import Array, frozen_array
from ddg_planning.generate.range_grid import RangeGrid


@dataclass(frozen=True)
class SymmetrySettings:
    """How vertical mirror planes are searched and when they are believed.

    Attributes:
        angles: Directions tried, over half a turn.
        offsets: Positions tried per direction.
        sample: Points of the cloud that are mirrored in the search.
        tolerance: Mirrored points may stand this far in space seen to be free, in [m].
        misfit: Largest mean misfit of a believed plane, in [0, 1].
        growth: Misfit per doubling of the object's extent: the smaller guess wins.
    """

    angles: int = 24
    offsets: int = 21
    sample: int = 250
    tolerance: float = 0.004
    misfit: float = 0.08
    growth: float = 0.02

    def __post_init__(self) -> None:
        """Refuse an empty search."""
        if min(self.angles, self.offsets, self.sample) < 1 or self.tolerance <= 0.0:
            raise ValueError("angles, offsets, sample and tolerance must be positive")


@dataclass(frozen=True, eq=False)
class Mirror:
    """A vertical plane n . x = offset with horizontal unit normal n (3,); offset in [m]."""

    normal: Array
    offset: float
    misfit: float

    def __post_init__(self) -> None:
        """Check and freeze the normal."""
        object.__setattr__(self, "normal", frozen_array("Mirror.normal", self.normal, 3))

    def points(self, points: Array) -> Array:
        """Mirror images of points (..., 3)."""
        mirrored: Array = (
            points - 2.0 * ((points @ self.normal) - self.offset)[..., None] * self.normal
        )
        return mirrored

    def frames(self, frames: Array) -> Array:
        """Mirror images of surface frames (N, 3, 3), right-handed again."""
        flip = np.eye(3) - 2.0 * np.outer(self.normal, self.normal)
        x, z = frames[..., 0] @ flip, frames[..., 2] @ flip
        return np.stack([x, np.cross(z, x), z], axis=-1)


def find_mirrors(points: Array, grid: RangeGrid, settings: SymmetrySettings) -> tuple[Mirror, ...]:
    """Up to two vertical mirror planes, at right angles, that the view does not contradict.

    Args:
        points: The seen surface, shape (N, 3), z up, in [m].
        grid: What the view leaves open.
        settings: The search.

    Returns:
        The best plane and the best one at right angles to it; none where no plane fits.
    """
    step = max(1, len(points) // settings.sample)
    sample = points[::step]
    angles = np.arange(settings.angles) * np.pi / settings.angles
    first = _best(sample, grid, angles, settings)
    if first.misfit > settings.misfit:
        return ()
    across = np.arctan2(first.normal[1], first.normal[0]) + np.pi / 2
    second = _best(sample, grid, np.array([across]), settings)
    return (first, second) if second.misfit <= settings.misfit else (first,)


def _best(points: Array, grid: RangeGrid, angles: Array, settings: SymmetrySettings) -> Mirror:
    normals = np.stack([np.cos(angles), np.sin(angles), np.zeros_like(angles)], axis=1)
    along = points @ normals.T  # (P, A)
    low, high = along.min(axis=0), along.max(axis=0)
    share = np.linspace(-0.5, 1.5, settings.offsets)[:, None]
    offsets = low + share * (high - low)  # (O, A)
    shift = along[None] - offsets[:, None]  # (O, P, A)
    mirrored = points[None, :, None] - 2.0 * shift[..., None] * normals
    free = np.clip(-grid.behind(mirrored) / settings.tolerance - 1.0, 0.0, 3.0) / 3.0
    misfit = free.mean(axis=1)  # (O, A)
    extent = np.maximum(high, 2 * offsets - low) - np.minimum(low, 2 * offsets - high)
    cost = misfit + settings.growth * (extent / np.maximum(high - low, 1e-6) - 1.0)
    at, angle = np.unravel_index(int(np.argmin(cost)), cost.shape)
    return Mirror(normals[angle], float(offsets[at, angle]), float(misfit[at, angle]))
