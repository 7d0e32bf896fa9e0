"""A box on a table under a camera, as exact depth images: what the tests of two jaws look at."""

import numpy as np

from ddg_core.arrays import Array, BoolArray
from ddg_core.camera import Camera
from ddg_core.transforms import apply, compose, inverse, look_at
from ddg_core.view import DepthImage, FeatureCloud, ObjectView, Plane

CAMERA = Camera(640, 480, 574.0, 574.0, 319.5, 239.5)
UP = np.array([0.0, 0.0, 1.0])
PLACE = np.array([0.55, 0.0, 0.0])
ABOVE = look_at(PLACE + 0.7 * UP, PLACE, (1.0, 0.0, 0.0))
OBLIQUE = look_at(PLACE + np.array([-0.1, 0.12, 0.68]), PLACE)


def box_on_table(
    half: Array, yaw: float = 0.0, T_base_camera: Array = ABOVE, camera: Camera = CAMERA
) -> tuple[DepthImage, BoolArray]:
    """Depth image of a box of half sizes (3,) standing at `PLACE`, and its mask."""
    c, s = np.cos(yaw), np.sin(yaw)
    R = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    T_base_box = compose(R, PLACE + half[2] * UP)
    v, u = np.mgrid[: camera.height, : camera.width]
    rays = np.stack(
        [(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones(u.shape)], axis=-1
    )
    T_box_camera = inverse(T_base_box) @ T_base_camera
    eye, directions = T_box_camera[:3, 3], rays @ T_box_camera[:3, :3].T
    with np.errstate(divide="ignore"):
        a, b = (-half - eye) / directions, (half - eye) / directions
    enter, leave = np.minimum(a, b).max(axis=-1), np.maximum(a, b).min(axis=-1)
    thing = np.where(enter <= leave, enter, np.inf)
    table = -T_base_camera[2, 3] / (rays @ T_base_camera[2, :3])
    mask: BoolArray = thing < table
    return DepthImage(np.where(mask, thing, table), camera, T_base_camera), mask


def round_on_table(radius: float, height: float) -> tuple[DepthImage, BoolArray]:
    """Depth image of the top of a cylinder that stands at `PLACE`, seen from `ABOVE`."""
    v, u = np.mgrid[: CAMERA.height, : CAMERA.width]
    depth = ABOVE[2, 3] - height
    x, y = (u - CAMERA.cx) / CAMERA.fx * depth, (v - CAMERA.cy) / CAMERA.fy * depth
    mask: BoolArray = np.hypot(x, y) < radius
    return DepthImage(np.where(mask, depth, ABOVE[2, 3]), CAMERA, ABOVE), mask


def view_of(image: DepthImage, mask: BoolArray) -> ObjectView:
    """The object as planners are shown it."""
    points = apply(image.T_base_camera, image.camera.deproject(image.depth, mask))[::20]
    frames = np.repeat(np.eye(3)[None], len(points), axis=0)
    cloud = FeatureCloud(points, frames, np.zeros((len(points), 2)))
    return ObjectView(cloud, image.T_base_camera[:3, 3], Plane(UP, 0.0), image=image, mask=mask)
