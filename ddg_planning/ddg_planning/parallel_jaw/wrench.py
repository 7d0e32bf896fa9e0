"""How well contacts resist any push: soft fingers, their wrenches, and Ferrari and Canny's measure.

A wrench is (force, torque) with torques in units of force: they are multiplied by
`WrenchSettings.torque_scale`. Every wrench here is one of unit normal force.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from ddg_core.arrays import Array, BoolArray

_ZERO = 1e-9  # a hull that is nearer than this to the origin does not contain it


@dataclass(frozen=True)
class WrenchSettings:
    """How contacts are modelled.

    Attributes:
        faces: Faces of the pyramid that stands for a friction cone; even, so that two opposite
            contacts have the same pyramid.
        torsion: Torsional over sliding friction, in [m]: the size of a fingertip's patch, as in
            the simulation.
        torque_scale: Torque times this is as large as a force, in [1/m]; the root of the factor
            1000 m^-2 in the norm sqrt(|f|^2 + 1000 |tau|^2) of Dex-Net 2.1's supplement.
    """

    faces: int = 8
    torsion: float = 0.005
    torque_scale: float = 1000.0**0.5

    def __post_init__(self) -> None:
        """Refuse what is no pyramid."""
        if self.faces < 4 or self.faces % 2:
            raise ValueError(f"faces must be even and at least 4, got {self.faces}")
        if self.torsion < 0.0 or self.torque_scale <= 0.0:
            raise ValueError("torsion must not be negative, torque_scale must be positive")


def tangents(normals: Array) -> tuple[Array, Array]:
    """Two unit vectors (..., 3) across each unit normal (..., 3); those of -n are those of n, or -.

    The first is also across the axis to which the normal is most perpendicular.
    """
    axis = np.eye(3)[np.argmin(np.abs(normals), axis=-1)]
    first = np.cross(normals, axis)
    first /= np.linalg.norm(first, axis=-1, keepdims=True)
    return first, np.cross(normals, first)


def primitive_wrenches(
    points: Array, normals: Array, friction: Array, settings: WrenchSettings
) -> Array:
    """Extreme wrenches of soft-finger contacts, shape (..., C * (faces + 2), 6).

    Per contact: the edges of its friction pyramid, and pressing straight while twisting as hard as
    torsion lets, either way.

    Args:
        points: Contacts relative to the centre of mass, shape (..., C, 3), in [m].
        normals: Unit normals into the object, shape (..., C, 3).
        friction: Sliding friction, shape (...).
        settings: How contacts are modelled.
    """
    first, second = tangents(normals)
    angles = np.arange(settings.faces) * (2.0 * np.pi / settings.faces)
    around = (
        np.cos(angles)[:, None] * first[..., None, :]
        + np.sin(angles)[:, None] * second[..., None, :]
    )
    mu = np.asarray(friction, float)[..., None, None, None]
    edges = normals[..., None, :] + mu * around  # (..., C, faces, 3)
    straight = np.repeat(normals[..., None, :], 2, axis=-2)
    force = np.concatenate([edges, straight], axis=-2)
    twist = np.concatenate([np.zeros(settings.faces), [1.0, -1.0]])[:, None] * mu
    torque = np.cross(points[..., None, :], force)
    torque += settings.torsion * twist * normals[..., None, :]
    wrenches = np.concatenate([force, settings.torque_scale * torque], axis=-1)
    return wrenches.reshape(*wrenches.shape[:-3], points.shape[-2] * (settings.faces + 2), 6)


def epsilon(wrenches: Array) -> Array:
    """Least wrench that breaks the grasp: radius of the largest ball about 0 in the convex hull.

    The measure of Ferrari and Canny (1992) with a total normal force of 1 (their L1 case).

    Args:
        wrenches: Shape (..., W, D).

    Returns:
        Shape (...); 0 where the hull does not contain the origin, or is flat.
    """
    sets = wrenches.reshape(-1, *wrenches.shape[-2:])
    return np.array([_epsilon(points) for points in sets]).reshape(wrenches.shape[:-2])


def _epsilon(points: Array) -> float:
    """Radius of the ball for one set of points (W, D)."""
    try:
        nearest = _nearest(points)
    except QhullError:  # flat: it resists nothing in some direction
        return 0.0
    return nearest if nearest > _ZERO else 0.0


def _nearest(points: Array) -> float:
    """Signed distance of the origin from the nearest facet of the hull; QhullError if it is flat.

    Facets are merged only where qhull does not get on without it: that takes twice as long.
    """
    try:
        hull = ConvexHull(points, qhull_options="Q0")
    except QhullError:
        hull = ConvexHull(points)
    return float(-hull.equations[:, -1].max())


def closed(points: Array, normals: Array, friction: Array) -> BoolArray:
    """Whether two soft contacts close on each other, shape (...): a quick and exact test.

    They do if the line between them lies inside both friction cones (Nguyen 1988). Where they do
    not, `epsilon` is 0.

    Args:
        points: Shape (..., 2, 3), in [m].
        normals: Unit normals into the object, shape (..., 2, 3).
        friction: Sliding friction, shape (...).
    """
    line = points[..., 1, :] - points[..., 0, :]
    length = np.linalg.norm(line, axis=-1)
    along = line / np.maximum(length, 1e-12)[..., None]
    least = 1.0 / np.sqrt(1.0 + np.asarray(friction, float) ** 2)  # cosine of the cone's angle
    inside: BoolArray = (
        (length > 0.0)
        & (np.einsum("...i,...i", normals[..., 0, :], along) > least)
        & (np.einsum("...i,...i", normals[..., 1, :], -along) > least)
    )
    return inside
