"""Draws a hand: its axes, how its fingers close, and a ball in its pre-grasp, grasp and squeeze."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ddg_core.arrays import Array
from ddg_core.hand import Hand
from ddg_core.shapes import Box, Capsule, Shape
from ddg_core.transforms import apply, compose
from ddg_sim.model.hand_check import Demonstration, hand_reach, tip_points
from ddg_sim.model.robot import DARK, LIGHT

SIZE = 420  # pixels of a panel's side
RED, GREEN, BLUE = (0.85, 0.2, 0.2, 1.0), (0.2, 0.7, 0.25, 1.0), (0.2, 0.35, 0.9, 1.0)
ORANGE, GHOST = (0.9, 0.5, 0.2, 1.0), (0.95, 0.45, 0.1, 0.35)
CORNER, SIDE, SLANT = (-50.0, -15.0), (0.0, -8.0), (-130.0, -30.0)  # azimuth, elevation in degrees


Pixels = NDArray[np.uint8]


def draw_hand(hand: Hand, demonstration: Demonstration, path: Path) -> None:
    """Write a page of six panels as PNG; the file's folder must exist."""
    closed = hand.pose("closed")
    with _Stage(hand) as stage:
        ball = (demonstration.T_wrist_ball[:3, 3], demonstration.radius)
        panels = [
            ("axes of the wrist; thick: the palm's normal", stage.axes(CORNER)),
            ("open to closed: where the fingertips go", stage.closing(SLANT)),
            ("closed", stage.show(closed, SIDE)),
            ("pre-grasp", stage.show(demonstration.pregrasp, SLANT, ball=ball)),
            ("grasp", stage.show(demonstration.grasp, SLANT, ball=ball)),
            ("squeeze: orange is commanded", stage.squeeze(demonstration, SIDE)),
        ]
    sheet = Image.new("RGB", (3 * SIZE, 2 * SIZE), "white")
    pen = ImageDraw.Draw(sheet)
    for i, (caption, pixels) in enumerate(panels):
        x, y = i % 3 * SIZE, i // 3 * SIZE
        sheet.paste(Image.fromarray(pixels), (x, y))
        pen.text((x + 8, y + 6), f"{hand.name}: {caption}", fill="black", font_size=14)
    sheet.save(path)


def upright(hand: Hand) -> Array:
    """Turn (4, 4) that takes the wrist frame to fingers along z and the palm's normal along y."""
    y = np.array(hand.settings.palm_normal) / np.linalg.norm(hand.settings.palm_normal)
    tips = tip_points(hand, hand.pose("open"))
    fingers = [p for link, p in tips.items() if link not in hand.settings.thumb_links]
    # The fingers' direction across the normal; of a gripper, whose fingers lie along it, any.
    across = np.mean(fingers, axis=0) + 1e-6 * np.roll(y, 1)
    z = across - (across @ y) * y
    z = z / np.linalg.norm(z)
    return compose(np.stack([np.cross(y, z), y, z]), np.zeros(3))


class _Stage:
    """An empty bright scene that geoms are put into one by one."""

    def __init__(self, hand: Hand) -> None:
        spec = mujoco.MjSpec()
        spec.visual.global_.offwidth = spec.visual.global_.offheight = SIZE
        spec.visual.headlight.ambient = [0.45] * 3
        spec.visual.map.znear = 0.02
        spec.stat.extent = 1.0
        spec.add_texture(
            name="sky",
            type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
            builtin=mujoco.mjtBuiltin.mjBUILTIN_FLAT,
            rgb1=[0.97, 0.97, 0.98],
            rgb2=[0.97, 0.97, 0.98],
            width=8,
            height=48,
        )
        self._hand, self._model = hand, spec.compile()
        self._T = upright(hand)
        self._data = mujoco.MjData(self._model)
        self._renderer = mujoco.Renderer(self._model, SIZE, SIZE)
        self._reach = hand_reach(hand)
        self._camera = mujoco.MjvCamera()
        poses = self._T @ hand.link_poses(np.stack([hand.pose("open"), hand.pose("closed")]))
        centres = np.concatenate(
            [
                apply(poses[:, i], shape.bounds().mean(axis=0)[None])[:, 0]
                for i, shape in hand.surfaces
            ]
        )
        self._camera.lookat[:] = (centres.min(axis=0) + centres.max(axis=0)) / 2
        self._camera.distance = 1.5 * np.linalg.norm(np.ptp(centres, axis=0))

    def __enter__(self) -> "_Stage":
        return self

    def __exit__(self, *_: object) -> None:
        self._renderer.close()

    def axes(self, view: tuple[float, float]) -> Pixels:
        scene = self._clear(view)
        self._add_hand(scene, self._hand.pose("open"))
        length = 0.55 * self._reach
        for axis, colour in zip(self._T[:3, :3].T, (RED, GREEN, BLUE), strict=True):
            _arrow(scene, np.zeros(3), length * axis, 0.003, colour)
        palm = np.array([0.0, 0.0, 0.45 * self._reach])
        _arrow(scene, palm, palm + np.array([0.0, length, 0.0]), 0.006, GREEN)
        return self._render()

    def closing(self, view: tuple[float, float]) -> Pixels:
        scene = self._clear(view)
        start, end = self._hand.pose("open"), self._hand.pose("closed")
        self._add_hand(scene, start)
        path = start + np.linspace(0.0, 1.0, 9)[:, None] * (end - start)
        for points in tip_points(self._hand, path).values():
            points = apply(self._T, points)
            for a, b in pairwise(points[:-1]):
                _connect(scene, mujoco.mjtGeom.mjGEOM_CAPSULE, 0.0015, a, b, ORANGE)
            _arrow(scene, points[-2], points[-1] + (points[-1] - points[-2]), 0.004, ORANGE)
        return self._render()

    def show(
        self, joints: Array, view: tuple[float, float], ball: tuple[Array, float] | None = None
    ) -> Pixels:
        scene = self._clear(view)
        self._add_hand(scene, joints)
        if ball is not None:
            self._add_ball(scene, *ball)
        return self._render()

    def squeeze(self, demonstration: Demonstration, view: tuple[float, float]) -> Pixels:
        scene = self._clear(view)
        self._add_ball(scene, demonstration.T_wrist_ball[:3, 3], demonstration.radius)
        self._add_hand(scene, demonstration.grasp)
        self._add_hand(scene, demonstration.squeeze, GHOST)
        return self._render()

    def _add_ball(self, scene: mujoco.MjvScene, centre: Array, size: float) -> None:
        at = apply(self._T, centre[None])[0]
        _add(scene, mujoco.mjtGeom.mjGEOM_SPHERE, [size] * 3, at, np.eye(3), BLUE)

    def _render(self) -> Pixels:
        pixels: Pixels = self._renderer.render()
        return pixels

    def _clear(self, view: tuple[float, float]) -> mujoco.MjvScene:
        self._camera.azimuth, self._camera.elevation = view
        mujoco.mj_forward(self._model, self._data)
        self._renderer.update_scene(self._data, self._camera)
        return self._renderer.scene

    def _add_hand(
        self, scene: mujoco.MjvScene, joints: Array, colour: Sequence[float] | None = None
    ) -> None:
        """Add the hand in its own colours, or its fingers alone in `colour`."""
        poses = self._T @ self._hand.link_poses(joints)
        tips = tip_points(self._hand, joints)
        for link, shape in self._hand.surfaces:
            name = self._hand.link_names[link]
            plain = DARK if name in tips else LIGHT
            if colour is None or name not in self._hand.settings.palm_links:
                _add_shape(scene, shape, poses[link], colour or plain)


def _add_shape(scene: mujoco.MjvScene, shape: Shape, T: Array, colour: Sequence[float]) -> None:
    if isinstance(shape, Box):
        at = T @ shape.T_link_box
        _add(scene, mujoco.mjtGeom.mjGEOM_BOX, shape.half, at[:3, 3], at[:3, :3], colour)
    elif isinstance(shape, Capsule):
        a, b = apply(T, np.stack([shape.a, shape.b]))
        _connect(scene, mujoco.mjtGeom.mjGEOM_CAPSULE, shape.radius, a, b, colour)


def _add(
    scene: mujoco.MjvScene,
    kind: mujoco.mjtGeom,
    size: Sequence[float] | Array,
    xyz: Array,
    R: Array,
    colour: Sequence[float],
) -> None:
    geom = scene.geoms[scene.ngeom]
    scene.ngeom += 1
    mujoco.mjv_initGeom(geom, kind, np.array(size), xyz, R.ravel(), np.array(colour, np.float32))


def _connect(
    scene: mujoco.MjvScene,
    kind: mujoco.mjtGeom,
    width: float,
    a: Array,
    b: Array,
    colour: Sequence[float],
) -> None:
    geom = scene.geoms[scene.ngeom]
    _add(scene, kind, [width] * 3, a, np.eye(3), colour)
    far = b if np.linalg.norm(b - a) > 1e-6 else a + np.array([0.0, 0.0, 1e-6])
    mujoco.mjv_connector(geom, kind, width, a, far)


def _arrow(
    scene: mujoco.MjvScene, a: Array, b: Array, width: float, colour: Sequence[float]
) -> None:
    _connect(scene, mujoco.mjtGeom.mjGEOM_ARROW, width, a, b, colour)
