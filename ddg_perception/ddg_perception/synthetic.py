"""A camera without noise: depth images of posed primitives, for benchmarks, examples and tests."""

from collections.abc import Sequence

import numpy as np

from ddg_core.arrays import Array
from ddg_core.camera import Camera
from ddg_core.errors import BadInput
from ddg_core.shapes import Box, Capsule
from ddg_core.transforms import apply, compose, inverse
from ddg_core.view import DepthImage
from ddg_perception.robot_body import PosedShape


def level_slab(height: float, half_size: float, thickness: float = 0.02) -> PosedShape:
    """Return a square slab, e.g. a table or a pedestal's top, whose top is at `height` [m]."""
    half = np.array([half_size, half_size, thickness / 2])
    return compose(np.eye(3), [0.0, 0.0, height - thickness / 2]), Box(np.eye(4), half)


def render(
    shapes: Sequence[PosedShape], camera: Camera, T_base_camera: Array, farthest: float = 3.0
) -> DepthImage:
    """See posed shapes through a camera by casting a ray per pixel; NaN where nothing is hit.

    Args:
        shapes: Capsules and boxes in the base frame.
        camera: Intrinsics.
        T_base_camera: Pose of the optical frame, shape (4, 4).
        farthest: Depth beyond which nothing is seen, in [m].
    """
    rays = camera.deproject(np.ones((camera.height, camera.width)))  # z = 1: lengths are depths
    rays = rays.reshape(camera.height, camera.width, 3)
    z = np.full(rays.shape[:2], np.inf)
    for T_base_link, shape in shapes:
        T_camera_link = inverse(T_base_camera) @ T_base_link
        window = _window(camera, apply(T_camera_link, _corners(shape.bounds())))
        T_link_camera = inverse(T_camera_link)
        origin, directions = T_link_camera[:3, 3], rays[window] @ T_link_camera[:3, :3].T
        if isinstance(shape, Box):
            hit = _to_box(shape, origin, directions.reshape(-1, 3))
        elif isinstance(shape, Capsule):
            hit = _to_capsule(shape, origin, directions.reshape(-1, 3))
        else:
            raise BadInput(f"render: {type(shape).__name__} is neither Capsule nor Box")
        z[window] = np.minimum(z[window], hit.reshape(directions.shape[:2]))
    z[z >= farthest] = np.nan
    return DepthImage(z, camera, T_base_camera)


def _corners(bounds: Array) -> Array:
    """The 8 corners of bounds (2, 3)."""
    x, y, z = np.meshgrid(*bounds.T, indexing="ij")
    return np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)


def _window(camera: Camera, corners: Array) -> tuple[slice, slice]:
    """Rows and columns of the image that points (N, 3) in the camera frame span."""
    if (corners[:, 2] < 1e-3).any():
        return slice(None), slice(None)
    pixels = camera.project(corners)
    low = np.maximum(np.floor(pixels.min(axis=0)), 0.0).astype(int)
    high = np.maximum(np.ceil(pixels.max(axis=0)) + 1.0, 0.0).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])


def _to_box(box: Box, origin: Array, directions: Array) -> Array:
    """Ray parameters (N,) where rays from outside enter a box; infinity for a miss."""
    R, t = box.T_link_box[:3, :3], box.T_link_box[:3, 3]
    start, along = (origin - t) @ R, directions @ R
    along = np.where(np.abs(along) < 1e-12, 1e-12, along)
    faces = np.stack([(-box.half - start) / along, (box.half - start) / along])
    enter, leave = faces.min(axis=0).max(axis=1), faces.max(axis=0).min(axis=1)
    return np.where((enter < leave) & (enter > 0.0), enter, np.inf)


def _to_capsule(capsule: Capsule, origin: Array, directions: Array) -> Array:
    """Ray parameters (N,) where rays from outside enter a capsule; infinity for a miss."""
    axis = capsule.b - capsule.a
    length2 = max(float(axis @ axis), 1e-18)
    start = origin - capsule.a
    across = directions - (directions @ axis / length2)[:, None] * axis
    offset = start - (start @ axis / length2) * axis
    tube = _first_root(across, offset, capsule.radius)
    with np.errstate(invalid="ignore"):
        foot = ((start + tube[:, None] * directions) @ axis) / length2
    tube = np.where((foot >= 0.0) & (foot <= 1.0), tube, np.inf)
    caps = [_first_root(directions, origin - end, capsule.radius) for end in (capsule.a, capsule.b)]
    return np.minimum(tube, np.minimum(*caps))


def _first_root(direction: Array, offset: Array, radius: float) -> Array:
    """Smallest positive s (N,) with |offset + s direction| = radius; infinity if there is none."""
    a = np.maximum((direction**2).sum(axis=1), 1e-18)
    b = direction @ offset
    root = b**2 - a * (offset @ offset - radius**2)
    with np.errstate(invalid="ignore"):
        s = (-b - np.sqrt(root)) / a
    return np.where((root >= 0.0) & (s > 0.0), s, np.inf)
