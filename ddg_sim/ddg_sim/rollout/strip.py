"""One grasp as a row of pictures or a short film, so that people can look at it."""

from collections.abc import Sequence
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ddg_core.arrays import Array
from ddg_core.grasp import Grasp
from ddg_sim.rollout.simulate import GraspResult, GraspSimulation

Picture = NDArray[np.uint8]


def film_grasp(
    simulation: GraspSimulation, grasp: Grasp, *, period: float = 0.05, size: int = 320
) -> tuple[GraspResult, list[Picture]]:
    """Try a grasp and draw it every `period` [s] as pictures (size, size, 3).

    A grasp that collides on the way in is drawn at its waypoints.
    """
    states: list[Array] = []
    world = simulation.world
    every = max(1, round(period / world.model.opt.timestep))
    count = 0

    def note(data: mujoco.MjData) -> None:
        nonlocal count
        if count % every == 0:
            states.append(data.qpos.copy())
        count += 1

    result = simulation.run(grasp, on_step=note)
    if not states:
        states = [simulation.posed(grasp, i) for i in range(len(grasp.joints))]
    return result, draw(world.model, states, simulation.T_base_object[:3, 3], size=size)


def draw(
    model: mujoco.MjModel, states: Sequence[Array], centre: Array, *, size: int
) -> list[Picture]:
    """Draw joint positions `states`, each (nq,), looking at `centre` (3,) from in front."""
    data = mujoco.MjData(model)
    camera = mujoco.MjvCamera()
    camera.type = mujoco.mjtCamera.mjCAMERA_FREE
    camera.lookat[:] = centre + np.array([0.0, 0.0, 0.12])
    camera.distance, camera.azimuth, camera.elevation = 0.6, 140.0, -28.0
    pictures = []
    with mujoco.Renderer(model, size, size) as renderer:
        for state in states:
            data.qpos[:] = state
            mujoco.mj_kinematics(model, data)
            mujoco.mj_camlight(model, data)
            renderer.update_scene(data, camera)
            pictures.append(renderer.render().copy())
    return pictures


def strip(pictures: Sequence[Picture], caption: str, *, count: int = 8) -> Image.Image:
    """Lay `count` of the pictures, evenly chosen, in a row above a caption."""
    chosen = np.linspace(0, len(pictures) - 1, min(count, len(pictures))).round().astype(int)
    row = Image.fromarray(np.concatenate([pictures[i] for i in chosen], axis=1))
    sheet = Image.new("RGB", (row.width, row.height + 16), "white")
    sheet.paste(row, (0, 0))
    ImageDraw.Draw(sheet).text((4, row.height + 2), caption, fill="black")
    return sheet


def write_gif(pictures: Sequence[Picture], path: Path, *, period: float = 0.05) -> Path:
    """Write pictures as a film that repeats, `period` [s] per picture; return the path."""
    first, *rest = [Image.fromarray(picture) for picture in pictures]
    first.save(path, save_all=True, append_images=rest, duration=round(1000 * period), loop=0)
    return path
