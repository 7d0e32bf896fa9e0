"""What the tests of motion share: the cell's robot and a few scenes around it."""

from functools import cache

import numpy as np

from ddg_core.arrays import Array
from ddg_core.description import load_cell
from ddg_core.grasp import Grasp
from ddg_core.shapes import Box
from ddg_core.transforms import compose
from ddg_execution.motion.port import Scene
from ddg_execution.motion.robot import Robot, robot_of_cell

OPEN = np.zeros(9)
WALL = Box(compose(np.eye(3), [0.45, 0.0, 0.3]), np.array([0.25, 0.01, 0.3]))


@cache
def cell_robot() -> Robot:
    return robot_of_cell(load_cell())


def ball(centre: tuple[float, float, float], radius: float, n: int = 800) -> Array:
    """Points (n, 3) on a ball."""
    directions = np.random.default_rng(0).normal(size=(n, 3))
    return np.array(centre) + radius * directions / np.linalg.norm(directions, axis=1)[:, None]


def cluttered() -> Scene:
    return Scene(
        obstacles=ball((0.55, 0.35, 0.1), 0.08), object_points=ball((0.55, 0.0, 0.05), 0.05)
    )


def top_grasp(x: float = 0.55, y: float = 0.0, z: float = 0.25) -> Grasp:
    """Fingers down onto what stands at (x, y): pre-grasp, grasp, contact, squeeze."""
    R = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
    low, high = compose(R, [x, y, z]), compose(R, [x, y, z + 0.1])
    ready = np.array([0.1, 0.8, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.0])
    closed, squeezed = ready + 0.3, ready + 0.5
    closed[[1, 8]] = squeezed[[1, 8]] = ready[[1, 8]]
    return Grasp(
        T_base_wrist=np.stack([high, low, low, low]),
        joints=np.stack([ready, ready, closed, squeezed]),
        hand="svh",
        kind="test",
        log_likelihood=0.0,
    )
