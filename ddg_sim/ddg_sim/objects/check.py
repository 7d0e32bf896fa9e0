"""How well an object's convex parts cover what the camera sees, in numbers."""

from dataclasses import dataclass

import numpy as np
import trimesh
from scipy.spatial import cKDTree

from ddg_core.arrays import Array
from ddg_sim.objects.sim_object import SimObject
from ddg_sim.objects.solids import mesh_of, union


@dataclass(frozen=True)
class Coverage:
    """Agreement of contact parts and visual surface.

    Attributes:
        volume_ratio: Volume of the union of the parts over that of the visual mesh.
        mean: Mean distance between the two surfaces, both ways, in [m].
        p95: 95th percentile of that distance, in [m].
    """

    volume_ratio: float
    mean: float
    p95: float


def coverage(thing: SimObject, *, rng: np.random.Generator, samples: int = 4000) -> Coverage:
    """Measure volume ratio and symmetric surface distance of parts and visual mesh."""
    visual = trimesh.Trimesh(thing.vertices, thing.faces, process=False)
    solid = union(mesh_of(part) for part in thing.parts)
    clouds = [_surface(mesh, 15 * samples, rng) for mesh in (visual, solid)]
    distances = np.concatenate(
        [_nearest(clouds[0][:samples], clouds[1]), _nearest(clouds[1][:samples], clouds[0])]
    )
    return Coverage(
        float(solid.volume / visual.volume),
        float(distances.mean()),
        float(np.quantile(distances, 0.95)),
    )


def inertia_is_physical(thing: SimObject) -> bool:
    """Tell whether the principal moments are positive and fulfil the triangle inequality."""
    a, b, c = np.sort(np.linalg.eigvalsh(thing.inertia))
    return bool(a > 0.0 and a + b >= c * (1.0 - 1e-6))


def _surface(mesh: trimesh.Trimesh, count: int, rng: np.random.Generator) -> Array:
    points, _ = trimesh.sample.sample_surface(mesh, count, seed=rng)
    return np.asarray(points)


def _nearest(points: Array, cloud: Array) -> Array:
    distances, _ = cKDTree(cloud).query(points)
    return np.asarray(distances)
