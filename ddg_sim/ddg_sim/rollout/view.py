"""Depth views of a scene from random places, as a real camera would measure them.

Rays are cast at the object's surface; boxes are intersected exactly. No OpenGL is needed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import mujoco
import numpy as np

from ddg_core.arrays import Array, BoolArray
from ddg_core.camera import Camera
from ddg_core.shapes import Box
from ddg_core.transforms import apply, inverse, look_at
from ddg_core.view import DepthImage
from ddg_sim.rollout.scene import Scene
from ddg_sim.rollout.simulate import GraspSimulation
from ddg_sim.sensor import SensorSettings, structured_light

_SURFACES = np.array([0, 0, 1, 0, 0, 0], dtype=np.uint8)  # geom groups that rays see: group 2
_FAR = 1e3


@dataclass(frozen=True)
class ViewSettings:
    """Where cameras are, and what they measure.

    Attributes:
        camera: Intrinsics.
        aim: The camera looks at the object's place give or take this much sideways, in [m].
        aim_height: Above what the object stands on, in [m].
        elevation: Of the camera above the horizon, seen from the aim, in [rad].
        distance: From the aim, in [m].
        least_pixels: A view with fewer pixels on the object is taken anew.
        tries: So many times at most; then it is kept as it is.
        calibration: Standard deviation per axis of the error in the camera's position, in [m].
        sensor: The depth sensor.
    """

    camera: Camera = field(default_factory=lambda: Camera(640, 480, 574.0, 574.0, 319.5, 239.5))
    aim: float = 0.03
    aim_height: tuple[float, float] = (0.04, 0.10)
    elevation: tuple[float, float] = (0.64, 1.04)
    distance: tuple[float, float] = (0.40, 0.75)
    least_pixels: int = 250
    tries: int = 20
    calibration: float = 0.0
    sensor: SensorSettings = field(default_factory=SensorSettings)


@dataclass(frozen=True, eq=False)
class SceneView:
    """What `propose` gets to see.

    Attributes:
        image: Depth image, with the pose that the camera is believed to have.
        mask: Pixels of the object with a reading, shape (H, W).
        support_height: Height of what the object stands on, in [m].
    """

    image: DepthImage
    mask: BoolArray
    support_height: float


def draw_view(
    simulation: GraspSimulation,
    scene: Scene,
    settings: ViewSettings,
    *,
    rng: np.random.Generator,
) -> SceneView:
    """Look at the object at rest from a random place."""
    place = apply(simulation.T_base_object, simulation.placed.item.com[None])[0]
    for _ in range(settings.tries):
        view = _look(simulation, scene, place, settings, rng)
        if np.count_nonzero(view.mask) >= settings.least_pixels:
            break
    return view


def view_from(
    simulation: GraspSimulation,
    scene: Scene,
    T_base_camera: Array,
    settings: ViewSettings,
    *,
    others: Mapping[str, Box] = MappingProxyType({}),
    rng: np.random.Generator,
) -> SceneView:
    """Look at the object at rest from a given place, past `others` that are in the way."""
    statics = {**scene.statics, **others}
    depth, mask = true_depth(simulation, statics, settings.camera, T_base_camera)
    measured = structured_light(depth.astype(np.float32), settings.camera, settings.sensor, rng=rng)
    believed = T_base_camera.copy()
    believed[:3, 3] += rng.normal(0.0, settings.calibration, 3)
    image = DepthImage(measured.astype(np.float64), settings.camera, believed)
    return SceneView(image, mask & np.isfinite(measured), scene.support_height)


def true_depth(
    simulation: GraspSimulation, statics: Mapping[str, Box], camera: Camera, T_base_camera: Array
) -> tuple[Array, BoolArray]:
    """Perfect depth (H, W) in [m], infinite where nothing is, and the pixels of the object."""
    v, u = np.mgrid[: camera.height, : camera.width]
    rays = np.stack(
        [(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones(u.shape)], axis=-1
    )
    rays_base = rays @ T_base_camera[:3, :3].T  # of length 1 along the optical axis
    depth = np.full(u.shape, np.inf)
    for box in statics.values():
        depth = np.minimum(depth, _box_depth(box, T_base_camera[:3, 3], rays_base))
    rows, columns = _window(simulation, camera, T_base_camera)
    thing = _surface_depth(simulation, T_base_camera[:3, 3], rays_base[rows, columns])
    mask = np.zeros(u.shape, dtype=bool)
    mask[rows, columns] = thing < depth[rows, columns]
    depth[rows, columns] = np.minimum(depth[rows, columns], thing)
    return depth, mask


def _look(
    simulation: GraspSimulation,
    scene: Scene,
    place: Array,
    settings: ViewSettings,
    rng: np.random.Generator,
) -> SceneView:
    aim = place.copy()
    aim[:2] += rng.uniform(-settings.aim, settings.aim, 2)
    aim[2] = scene.support_height + rng.uniform(*settings.aim_height)
    azimuth, up = rng.uniform(-np.pi, np.pi), rng.uniform(*settings.elevation)
    away = [np.cos(up) * np.cos(azimuth), np.cos(up) * np.sin(azimuth), np.sin(up)]
    T_base_camera = look_at(aim + rng.uniform(*settings.distance) * np.array(away), aim)
    return view_from(simulation, scene, T_base_camera, settings, rng=rng)


def _window(
    simulation: GraspSimulation, camera: Camera, T_base_camera: Array
) -> tuple[slice, slice]:
    """Rows and columns that the object may cover."""
    T = inverse(T_base_camera) @ simulation.T_base_object
    pixels = camera.project(apply(T, simulation.placed.item.vertices))
    pixels = pixels[np.isfinite(pixels).all(axis=1)]
    if not len(pixels):
        return slice(0, 0), slice(0, 0)
    low = np.clip(np.floor(pixels.min(axis=0)), 0, None).astype(int)
    high = np.clip(np.ceil(pixels.max(axis=0)) + 1, 0, [camera.width, camera.height]).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])


def _surface_depth(simulation: GraspSimulation, eye: Array, rays: Array) -> Array:
    """Depth of the object's visual surface along rays (H, W, 3); infinite where they miss."""
    model, data = simulation.world.model, simulation.at_rest()
    count = rays.shape[0] * rays.shape[1]
    if not count:
        return np.full(rays.shape[:2], np.inf)
    geoms, distances = np.zeros(count, dtype=np.int32), np.zeros(count)
    length = np.linalg.norm(rays, axis=-1)
    unit = (rays / length[..., None]).reshape(-1)
    mujoco.mj_multiRay(
        model, data, eye, unit, _SURFACES, 1, -1, geoms, distances, None, count, _FAR
    )
    hit = np.where(geoms >= 0, distances, np.inf).reshape(length.shape)
    depth: Array = hit / length
    return depth


def _box_depth(box: Box, eye: Array, rays: Array) -> Array:
    """Depth of a box along rays (H, W, 3) from outside; infinite where they miss."""
    R = box.T_link_box[:3, :3]
    start, directions = (eye - box.T_link_box[:3, 3]) @ R, rays @ R
    enter, leave = np.full(rays.shape[:-1], -np.inf), np.full(rays.shape[:-1], np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        for axis in range(3):
            one, other = (
                (side - start[axis]) / directions[..., axis]
                for side in (-box.half[axis], box.half[axis])
            )
            enter = np.maximum(enter, np.minimum(one, other))
            leave = np.minimum(leave, np.maximum(one, other))
    return np.where((enter <= leave) & (enter > 0.0), enter, np.inf)
