"""The way in to an object that somebody moves meanwhile, while a camera goes on looking."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ddg_core.arrays import Array
from ddg_core.grasp import Grasp
from ddg_core.hand import Hand
from ddg_core.shapes import Box
from ddg_core.transforms import compose
from ddg_sim.rollout.rollout import OpenScene
from ddg_sim.rollout.scene import Scene
from ddg_sim.rollout.simulate import GraspSimulation, SimulationSettings

Correct = Callable[[float, Array, Grasp], Grasp]
"""Asked on the way with the time [s], the wrist's pose (4, 4) and the target; the target now."""


@dataclass(frozen=True)
class ApproachSettings:
    """How the hand comes down.

    Attributes:
        start: So far off the grasp, against the approach, in [m] ...
        aside: ... and so far to the side that is away from the camera, in [m], less the nearer.
        speed: In [m/s].
        period: Time from one look to the next, in [s].
        near: From here on the target stays, in [m]: the hand hides the object, and fingertips get
            to where the object is.
    """

    start: float = 0.30
    aside: float = 0.12
    speed: float = 0.15
    period: float = 0.20
    near: float = 0.12

    def __post_init__(self) -> None:
        """Refuse to stand still."""
        if min(self.speed, self.period) <= 0.0 or not 0.0 < self.near < self.start:
            raise ValueError("speed and period must be positive, near between 0 and start")


def approach(grasp: Grasp, correct: Correct, settings: ApproachSettings, *, eye: Array) -> Grasp:
    """Come down towards a grasp that is corrected on the way, and return what it is at the end.

    Args:
        grasp: Where it goes at first.
        correct: Is asked where it goes now.
        settings: How it comes down.
        eye: Where the camera is, shape (3,), in the base frame, in [m].
    """
    step = settings.speed * settings.period
    for look in range(int((settings.start - settings.near) / step) + 1):
        T = grasp.T_base_wrist_grasp
        way = T[:3, 3] - grasp.T_base_wrist[0, :3, 3]
        way = way / np.linalg.norm(way)
        away = T[:3, 3] - eye
        away = away - (away @ way) * way
        away = away / max(float(np.linalg.norm(away)), 1e-9)
        back = settings.aside / settings.start * away - way
        wrist = compose(T[:3, :3], T[:3, 3] + (settings.start - look * step) * back)
        grasp = correct(look * settings.period, wrist, grasp)
    return grasp


def moved(
    opened: OpenScene, hand: Hand, shift: Array, settings: SimulationSettings
) -> tuple[GraspSimulation, Scene]:
    """The scene after object and pedestal were moved by `shift` (2,) [m] on the table."""
    off = compose(np.eye(3), [*shift, 0.0])
    statics = {
        name: replace(box, T_link_box=off @ box.T_link_box) if name == "pedestal" else box
        for name, box in opened.scene.statics.items()
    }
    placed = replace(opened.scene.placed, T_base_object=off @ opened.simulation.T_base_object)
    scene = replace(opened.scene, placed=placed, statics=statics)
    return GraspSimulation(hand, placed, settings, statics=statics), scene


def boxes_of(hand: Hand, joints: Array, T_base_wrist: Array) -> dict[str, Box]:
    """The boxes among a hand's shapes, in the base frame: what a camera sees of it."""
    poses = T_base_wrist @ hand.link_poses(joints)
    return {
        f"hand{i}": replace(shape, T_link_box=poses[link] @ shape.T_link_box)
        for i, (link, shape) in enumerate(hand.surfaces)
        if isinstance(shape, Box)
    }
