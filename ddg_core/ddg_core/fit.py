"""Fits one of our primitives around the points of a mesh."""

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from ddg_core.arrays import Array, frozen_array
from ddg_core.errors import BadInput
from ddg_core.shapes import Box, Capsule, Shape
from ddg_core.transforms import compose

_FACETS = 100  # largest facets of the hull that a box is tried flush with


def fit_primitive(points: Array) -> Shape:
    """Enclose points (N, 3) in a box or a capsule, whichever is smaller.

    All points are inside or on the surface. Boxes are tried flush with triangles of the convex
    hull and one of their edges, which finds a box exactly; capsules along the best box, the
    axes of the frame (most parts are drawn along them) and the principal axes.

    Raises:
        BadInput: Fewer than four points, or all in one plane.
    """
    cloud = frozen_array("fit_primitive", points, None, 3)
    try:
        hull = ConvexHull(cloud)
    except (QhullError, ValueError) as error:
        raise BadInput(f"fit_primitive: {len(cloud)} points enclose no volume") from error
    corners = cloud[hull.vertices]
    box = _fit_box(corners, _flush(cloud[hull.simplices]))
    principal = np.linalg.svd(corners - corners.mean(axis=0), full_matrices=False)[2].T
    frames = [box.T_link_box[:3, :3], np.eye(3), principal]
    capsules = [_fit_capsule(corners, R, axis) for R in frames for axis in range(3)]
    capsule = min(capsules, key=_capsule_volume)
    return box if 8.0 * np.prod(box.half) <= _capsule_volume(capsule) else capsule


def _flush(triangles: Array) -> Array:
    """Rotations (M, 3, 3) with z normal to one of the triangles (F, 3, 3) and x along an edge."""
    edges = np.roll(triangles, -1, axis=1) - triangles  # (F, 3, 3)
    normals = np.cross(edges[:, 0], edges[:, 1])
    area = np.linalg.norm(normals, axis=1)
    large = np.argsort(-area)[:_FACETS]
    large = large[area[large] > 1e-6 * area.max()]
    z = np.repeat(normals[large] / area[large, None], 3, axis=0)
    x = edges[large].reshape(-1, 3)
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    return np.stack([x, np.cross(z, x), z], axis=-1)


def _fit_box(corners: Array, R: Array) -> Box:
    """Smallest box around corners (N, 3) turned by one of the rotations (M, 3, 3)."""
    local = corners @ R  # (M, N, 3)
    low, high = local.min(axis=1), local.max(axis=1)
    best = int(np.argmin(np.prod(high - low, axis=1)))
    middle, half = (low[best] + high[best]) / 2, (high[best] - low[best]) / 2
    return Box(compose(R[best], R[best] @ middle), half)


def _fit_capsule(corners: Array, R: Array, axis: int) -> Capsule:
    """Capsule around corners (N, 3) along a column of R, through the middle of their bounds."""
    local = corners @ R
    centre, direction = R @ (local.min(axis=0) + local.max(axis=0)) / 2, R[:, axis]
    along = (corners - centre) @ direction
    aside = np.linalg.norm(corners - centre - along[:, None] * direction, axis=1)
    radius = float(aside.max())
    reach = np.sqrt(np.maximum(radius**2 - aside**2, 0.0))  # of the round end, that far aside
    a, b = min(0.0, float((along + reach).min())), max(0.0, float((along - reach).max()))
    return Capsule(centre + a * direction, centre + b * direction, radius)


def _capsule_volume(capsule: Capsule) -> float:
    length = float(np.linalg.norm(capsule.b - capsule.a))
    return float(np.pi * capsule.radius**2 * (length + 4.0 / 3.0 * capsule.radius))
