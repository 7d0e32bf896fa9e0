"""Surface features: normals turned to the viewpoint, principal curvatures and their directions."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from ddg_core.arrays import Array
from ddg_core.view import FeatureCloud
from ddg_perception.cells import thin


@dataclass(frozen=True)
class FeatureSettings:
    """How local the features are; the radius is that of the original feature extraction."""

    voxel: float = 0.0015  # spacing of the feature points, in [m]; grows to hold `max_points`
    max_points: int = 4000
    radius: float = 0.015  # of the neighbourhood that a quadric is fitted to, in [m]
    support_spacing: float = 0.004  # of the averaged points that it is fitted to, in [m]
    max_neighbours: int = 48

    def __post_init__(self) -> None:
        """Refuse sizes that make no sense."""
        for name, value in vars(self).items():
            if not value > 0:
                raise ValueError(f"{name} must be positive, got {value}")


RIDGE = 1e-5  # pulls the quadric to a plane where the neighbours cannot tell


def describe(points: Array, viewpoint: Array, settings: FeatureSettings) -> FeatureCloud:
    """Thin the cloud of one object and find the features of what is left.

    Args:
        points: Points on the object, shape (N, 3), in [m], N > 0.
        viewpoint: Position of the camera in the same frame, shape (3,), in [m].
        settings: See there.
    """
    support = thin(points, settings.support_spacing, settings.max_points)
    kept = thin(points, settings.voxel, settings.max_points)
    return surface_features(kept, support, viewpoint, settings)


def surface_features(
    points: Array, support: Array, viewpoint: Array, settings: FeatureSettings
) -> FeatureCloud:
    """Fit a quadric to the neighbours of every point and read frame and curvatures off it.

    The height of the surface over the tangent plane is fitted with a full quadratic polynomial;
    slope and shape operator at the point follow from it, so that a slightly wrong first normal
    does no harm. A neighbourhood too poor to tell counts as flat.

    Args:
        points: Where to find the features, shape (N, 3), in [m].
        support: The surface to fit to, shape (M, 3), in [m].
        viewpoint: Normals point to this side, shape (3,), in [m].
        settings: `radius` and `max_neighbours` are used.
    """
    k = min(settings.max_neighbours, len(support))
    nearest = cKDTree(support).query(
        points, k=[*range(1, k + 1)], distance_upper_bound=settings.radius
    )
    distance, index = np.asarray(nearest[0]), np.asarray(nearest[1])
    found = np.isfinite(distance)
    weight = np.where(found, (1.0 - np.where(found, distance / settings.radius, 0.0) ** 2), 0.0)
    neighbours = support[np.where(found, index, 0)] - points[:, None]  # (N, K, 3)
    frame = _tangent_frames(neighbours, weight, viewpoint - points)
    local = neighbours @ frame / settings.radius
    slope, hessian = _quadrics(local, weight)
    return _read_off(points, frame, slope, hessian / settings.radius, viewpoint - points)


def _tangent_frames(neighbours: Array, weight: Array, outward: Array) -> Array:
    """Frames (N, 3, 3) whose third axis is the normal by principal components, turned outward."""
    total = np.maximum(weight.sum(axis=1), 1e-12)[:, None]
    weighted = neighbours * weight[..., None]
    mean = weighted.sum(axis=1) / total
    scatter = np.swapaxes(weighted, 1, 2) @ neighbours / total[..., None]
    scatter = scatter - mean[:, :, None] * mean[:, None, :]
    axes = np.linalg.eigh(scatter)[1]  # ascending: the normal first
    normal = axes[:, :, 0] * np.where((axes[:, :, 0] * outward).sum(axis=1) < 0, -1.0, 1.0)[:, None]
    x = axes[:, :, 2]
    return np.stack([x, np.cross(normal, x), normal], axis=2)


def _quadrics(local: Array, weight: Array) -> tuple[Array, Array]:
    """Slope (N, 2) and Hessian (N, 2, 2) at the origin of the surface over the tangent plane."""
    u, v, h = local[..., 0], local[..., 1], local[..., 2]
    terms = np.stack([u * u / 2, u * v, v * v / 2, u, v, np.ones_like(u)], axis=1)  # (N, 6, K)
    weighted = terms * weight[:, None]
    ridge = RIDGE * np.maximum(weight.sum(axis=1), 1.0)[:, None, None] * np.eye(6)
    normal_matrix = weighted @ np.swapaxes(terms, 1, 2) + ridge
    inverse = np.linalg.inv(normal_matrix)
    fit = inverse @ (weighted @ h[..., None])
    # A ball is no parabola: with curvature c along a neighbour's direction, the circle through
    # it satisfies h - c h^2 / 2 = c r^2 / 2, so the second fit is to the left side.
    flat2 = np.maximum(u * u + v * v, 1e-12)
    c = 2.0 * (fit[:, :3, 0][:, None] @ terms[:, :3])[:, 0] / flat2
    corrected = h - np.clip(c * h, -0.5, 0.5) * h / 2
    fit = (inverse @ (weighted @ corrected[..., None]))[..., 0]
    hessian = np.stack([fit[:, 0], fit[:, 1], fit[:, 1], fit[:, 2]], axis=1).reshape(-1, 2, 2)
    return fit[:, 3:5], hessian


def _read_off(
    points: Array, frame: Array, slope: Array, hessian: Array, outward: Array
) -> FeatureCloud:
    """Features of the graph z = h(u, v) over the frames; bulging outward counts positive."""
    du = np.stack([np.ones(len(slope)), np.zeros(len(slope)), slope[:, 0]], axis=1)
    dv = np.stack([np.zeros(len(slope)), np.ones(len(slope)), slope[:, 1]], axis=1)
    normal = np.cross(du, dv)
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    normal = normal / length
    e1 = du / np.linalg.norm(du, axis=1, keepdims=True)
    e2 = np.cross(normal, e1)
    # Components of du, dv in the orthonormal tangent basis take the Hessian to that basis.
    jacobian = np.stack(
        [(du * e1).sum(1), (dv * e1).sum(1), (du * e2).sum(1), (dv * e2).sum(1)], axis=1
    ).reshape(-1, 2, 2)
    back = np.linalg.inv(jacobian)
    shape_operator = np.swapaxes(back, 1, 2) @ (-hessian / length[..., None]) @ back
    values, vectors = np.linalg.eigh(shape_operator)  # ascending
    basis = np.stack([e1, e2], axis=2)
    first = (basis @ vectors[:, :, 1:])[..., 0]
    axes = np.stack([first, np.cross(normal, first), normal], axis=2)
    frames = frame @ axes
    # A principal direction has no sign of its own; ours leans towards the camera.
    flip = np.where((frames[:, :, 0] * outward).sum(axis=1) < 0.0, -1.0, 1.0)
    frames = frames * np.stack([flip, flip, np.ones_like(flip)], axis=1)[:, None, :]
    return FeatureCloud(points, frames, values[:, ::-1])
