"""The picture of a plan: the depth view, shaded, with the hand of a grasp drawn into it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageOps
from scipy import ndimage

from ddg_core.arrays import Array, BoolArray
from ddg_core.camera import Camera
from ddg_core.grasp import Grasp
from ddg_core.hand import Hand
from ddg_core.transforms import apply, inverse, look_at
from ddg_core.view import DepthImage, ObjectView
from ddg_perception.robot_body import PosedShape
from ddg_perception.synthetic import render

SCENE, OBJECT, BLANK = (170, 170, 172), (238, 170, 84), (34, 36, 42)
PREGRASP, GRASP = (120, 160, 220), (64, 124, 214)
CONTACT = (214, 40, 40)
PANEL = (640, 480)
LIGHT = np.array([-0.35, -0.55, -0.76])  # in the camera frame: from above left, behind the camera


@dataclass(frozen=True, eq=False)
class _Scene:
    """What was seen: depth, pixels of the object, brightness per pixel, shapes (H, W)."""

    image: DepthImage
    mask: BoolArray
    brightness: Array


@dataclass(frozen=True, eq=False)
class _Layer:
    """Shapes to draw over the scene, and how strongly, from 0 to 1."""

    shapes: Sequence[PosedShape]
    color: tuple[int, int, int]
    strength: float


def draw(view: ObjectView, hand: Hand, grasp: Grasp | None, caption: str = "") -> Image.Image:
    """Draw a view and a grasp, as a whole and close up.

    Args:
        view: What was seen; a bare cloud is drawn as its viewpoint would see it.
        hand: The hand of the grasp.
        grasp: The grasp, or None for the view alone. Its pre-grasp is drawn pale, the hand at the
            object strong, expected contacts as red dots.
        caption: One line under the picture.
    """
    image, mask = _seen(view)
    scene = _Scene(image, mask, _shade(image))
    layers = [] if grasp is None else _layers(hand, grasp)
    contacts = np.zeros((0, 3)) if grasp is None else grasp.contacts
    whole = _panel(scene, layers, contacts)
    close = _panel(_close_up(scene, layers), layers, contacts)
    picture = Image.new("RGB", (2 * PANEL[0] + 4, PANEL[1] + 26), BLANK)
    picture.paste(_fit(whole), (0, 0))
    picture.paste(_fit(close), (PANEL[0] + 4, 0))
    ImageDraw.Draw(picture).text((8, PANEL[1] + 6), caption, fill=(230, 230, 230))
    return picture


def hand_shapes(hand: Hand, T_base_wrist: Array, joints: Array) -> list[PosedShape]:
    """Return the hand's primitives in the base frame at a wrist pose (4, 4) and joints (D,)."""
    T_base_link = T_base_wrist @ hand.link_poses(joints)
    return [(T_base_link[i], shape) for i, shape in hand.surfaces]


def _layers(hand: Hand, grasp: Grasp) -> list[_Layer]:
    first = hand_shapes(hand, grasp.T_base_wrist[0], grasp.joints[0])
    closed = hand_shapes(hand, grasp.T_base_wrist[-2], grasp.joints[-2])
    return [_Layer(first, PREGRASP, 0.30), _Layer(closed, GRASP, 0.80)]


def _seen(view: ObjectView) -> tuple[DepthImage, BoolArray]:
    """Image and mask of the view; those of a camera at the viewpoint for a bare cloud."""
    if view.image is not None:
        none = np.zeros(view.image.depth.shape, bool)
        return view.image, none if view.mask is None else view.mask
    points = np.vstack([view.cloud.points, view.obstacles])
    centre = view.cloud.points.mean(axis=0)
    up = (0.0, 0.0, 1.0) if abs((centre - view.viewpoint)[:2]).max() > 1e-3 else (1.0, 0.0, 0.0)
    T_base_camera = look_at(view.viewpoint, centre, up)
    extent = float(np.ptp(view.cloud.points, axis=0).max())
    focal = 0.35 * PANEL[1] * float(np.linalg.norm(centre - view.viewpoint)) / max(extent, 1e-3)
    camera = Camera(*PANEL, focal, focal, PANEL[0] / 2 - 0.5, PANEL[1] / 2 - 0.5)
    local = apply(inverse(T_base_camera), points)
    size = max(2, round(0.003 * focal / float(np.median(local[:, 2]))))
    alone = _splat(camera, local[: len(view.cloud)], size)
    depth = np.fmin(_splat(camera, local, size), _table(view, camera, T_base_camera, 2 * extent))
    with np.errstate(invalid="ignore"):
        return DepthImage(depth, camera, T_base_camera), alone <= depth + 0.002


def _table(view: ObjectView, camera: Camera, T_base_camera: Array, radius: float) -> Array:
    """Depth (H, W) of a round table of `radius` [m] below the object; NaN beside it."""
    rays = camera.deproject(np.ones((camera.height, camera.width))) @ T_base_camera[:3, :3].T
    eye, centre = T_base_camera[:3, 3], view.cloud.points.mean(axis=0)
    along = rays @ view.table.normal
    with np.errstate(divide="ignore"):
        z = -view.table.height(eye) / along
        foot = centre - view.table.height(centre) * view.table.normal
        beside = np.linalg.norm(eye + z[:, None] * rays - foot, axis=1) > radius
    return np.where(beside | (along > -1e-6), np.nan, z).reshape(camera.height, camera.width)


def _splat(camera: Camera, points: Array, size: int) -> Array:
    """Depth image of points (N, 3) in the camera frame, each a square of `size` pixels."""
    depth = np.full((camera.height, camera.width), np.inf)
    pixels = np.round(camera.project(points)).astype(np.int64)
    for du in range(-(size // 2), size - size // 2):
        for dv in range(-(size // 2), size - size // 2):
            u, v = pixels[:, 0] + du, pixels[:, 1] + dv
            inside = (u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)
            np.minimum.at(depth, (v[inside], u[inside]), points[inside, 2])
    return np.where(np.isfinite(depth), depth, np.nan)


def _close_up(scene: _Scene, layers: Sequence[_Layer]) -> _Scene:
    """The part of the view around object and hand, by a camera of longer focal length."""
    image, mask, camera = scene.image, scene.mask, scene.image.camera
    rows, columns = np.nonzero(mask if mask.any() else np.isfinite(image.depth))
    ends = [np.stack([columns, rows], axis=1).astype(float)]
    T_camera_base = inverse(image.T_base_camera)
    for T_base_link, _ in layers[-1].shapes if layers else ():
        ends.append(camera.project((T_camera_base @ T_base_link)[None, :3, 3]))
    pixels = np.concatenate(ends) if len(rows) else np.array([[0.0, 0.0]])
    low, high = np.nanmin(pixels, axis=0), np.nanmax(pixels, axis=0)
    zoom = float(np.clip(0.8 * np.min(np.array(PANEL) / (high - low + 1.0)), 1.0, 6.0))
    middle = (low + high) / 2
    near = Camera(
        *PANEL,
        camera.fx * zoom,
        camera.fy * zoom,
        PANEL[0] / 2 - (middle[0] - camera.cx) * zoom,
        PANEL[1] / 2 - (middle[1] - camera.cy) * zoom,
    )
    u = np.round((np.arange(PANEL[0]) - PANEL[0] / 2) / zoom + middle[0]).astype(np.int64)
    v = np.round((np.arange(PANEL[1]) - PANEL[1] / 2) / zoom + middle[1]).astype(np.int64)
    inside = ((v >= 0) & (v < camera.height))[:, None] & ((u >= 0) & (u < camera.width))
    at = np.ix_(v.clip(0, camera.height - 1), u.clip(0, camera.width - 1))
    depth = np.where(inside, image.depth[at], np.nan)
    brightness = ndimage.uniform_filter(scene.brightness[at], round(zoom))
    return _Scene(DepthImage(depth, near, image.T_base_camera), mask[at] & inside, brightness)


def _panel(scene: _Scene, layers: Sequence[_Layer], contacts: Array) -> Image.Image:
    image = scene.image
    color = np.where(scene.mask[..., None], OBJECT, SCENE) * scene.brightness[..., None]
    color[np.isnan(image.depth)] = BLANK
    for layer in layers:
        drawn = render(layer.shapes, image.camera, image.T_base_camera)
        with np.errstate(invalid="ignore"):
            behind = drawn.depth > image.depth + 0.004
        strength = np.where(np.isnan(drawn.depth), 0.0, layer.strength)
        strength = np.where(behind, 0.45 * strength, strength)[..., None]
        over = np.array(layer.color) * _shade(drawn)[..., None]
        color = (1.0 - strength) * color + strength * over
    panel = Image.fromarray(color.clip(0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(panel)
    for u, v in image.camera.project(apply(inverse(image.T_base_camera), contacts)):
        if np.isfinite([u, v]).all():
            pen.ellipse((u - 4, v - 4, u + 4, v + 4), fill=CONTACT, outline=(255, 255, 255))
    return panel


def _shade(image: DepthImage) -> Array:
    """Brightness per pixel of a surface lit from behind the camera, shape (H, W), in [0.2, 1]."""
    camera = image.camera
    z = np.where(np.isnan(image.depth), 0.0, image.depth)
    x = (np.arange(camera.width) - camera.cx) / camera.fx * z
    y = (np.arange(camera.height) - camera.cy)[:, None] / camera.fy * z
    points = np.stack([x, y, z], axis=-1)
    points = ndimage.uniform_filter(points, (3, 3, 1))
    along, down = np.gradient(points, axis=1), np.gradient(points, axis=0)
    normal = np.cross(down, along)
    length = np.maximum(np.linalg.norm(normal, axis=-1), 1e-12)
    brightness = (normal @ LIGHT) / (length * np.linalg.norm(LIGHT))
    lit: Array = 0.2 + 0.8 * np.clip(np.abs(brightness), 0.0, 1.0)
    return lit


def _fit(panel: Image.Image) -> Image.Image:
    """Scale a panel to the panel size, keeping its proportions."""
    fitted = ImageOps.contain(panel, PANEL)
    framed = Image.new("RGB", PANEL, BLANK)
    framed.paste(fitted, ((PANEL[0] - fitted.width) // 2, (PANEL[1] - fitted.height) // 2))
    return framed
