"""Thumbnails of objects on one page, for people to look at."""

from collections.abc import Iterable, Sequence

import mujoco
import numpy as np
from PIL import Image, ImageDraw

from ddg_core.arrays import Array, IntArray
from ddg_core.transforms import look_at

SIZE = 200  # pixels of a thumbnail's side
Surface = tuple[Array, IntArray]  # vertices (V, 3) in [m], triangles (F, 3)
COLOURS = [
    (0.85, 0.55, 0.3),
    (0.4, 0.6, 0.85),
    (0.5, 0.75, 0.45),
    (0.8, 0.45, 0.6),
    (0.7, 0.7, 0.4),
]


def thumbnail(surfaces: Sequence[Surface]) -> Image.Image:
    """Draw surfaces that share one frame, each in a colour of its own, standing on a floor."""
    points = np.concatenate([vertices for vertices, _ in surfaces])
    low, high = points.min(axis=0), points.max(axis=0)
    spec = mujoco.MjSpec()
    spec.visual.global_.offwidth = spec.visual.global_.offheight = 2 * SIZE
    spec.visual.headlight.ambient = [0.35] * 3
    spec.visual.map.znear = 0.02
    spec.worldbody.add_light(pos=[0.3, -0.4, 1.0], dir=[-0.3, 0.4, -1.0], castshadow=True)
    spec.worldbody.add_geom(
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[2, 2, 0.1],
        pos=[0, 0, low[2]],
        rgba=[0.93, 0.93, 0.95, 1],
    )
    for i, (vertices, faces) in enumerate(surfaces):
        spec.add_mesh(
            name=f"surface{i}",
            uservert=vertices.ravel(),
            userface=faces.ravel(),
            inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL,
        )
        spec.worldbody.add_geom(
            type=mujoco.mjtGeom.mjGEOM_MESH,
            meshname=f"surface{i}",
            rgba=[*COLOURS[i % len(COLOURS)], 1.0],
        )
    centre, reach = (low + high) / 2, float(np.linalg.norm(high - low))
    T = look_at(centre + 1.55 * reach * np.array([0.45, -0.75, 0.5]), centre)
    camera = spec.worldbody.add_camera(name="eye", pos=T[:3, 3], fovy=38.0)
    camera.alt.type = mujoco.mjtOrientation.mjORIENTATION_XYAXES
    camera.alt.xyaxes = np.concatenate([T[:3, 0], -T[:3, 1]])
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    with mujoco.Renderer(model, 2 * SIZE, 2 * SIZE) as renderer:
        renderer.update_scene(data, "eye")
        pixels = renderer.render()
    return Image.fromarray(pixels).resize((SIZE, SIZE), Image.Resampling.LANCZOS)


def page(tiles: Iterable[tuple[str, Image.Image]], *, columns: int) -> Image.Image:
    """Lay captioned pictures of one size out in rows."""
    captioned = list(tiles)
    width, height = captioned[0][1].size
    rows = -(-len(captioned) // columns)
    sheet = Image.new("RGB", (columns * width, rows * (height + 14)), "white")
    pen = ImageDraw.Draw(sheet)
    for i, (caption, picture) in enumerate(captioned):
        x, y = i % columns * width, i // columns * (height + 14)
        sheet.paste(picture, (x, y))
        pen.text((x + 4, y + height), caption, fill="black")
    return sheet
