"""Scenes whose grasps are judged by computation on the known object, not by playing them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ddg_core.arrays import Array, IntArray
from ddg_core.grasp import Grasp
from ddg_core.outcome import Outcome
from ddg_core.transforms import apply
from ddg_sim.rollout.rollout import RolloutSettings, SceneRecord, open_scene
from ddg_sim.rollout.simulate import GraspResult
from ddg_sim.rollout.view import SceneView, draw_view

_LEAST = 1e-9  # quality whose logarithm stands for none at all


@dataclass(frozen=True, eq=False)
class Body:
    """The object of a scene, as it rests, in the base frame.

    Attributes:
        vertices, faces: Its surface, shapes (V, 3) in [m] and (F, 3).
        com: Its centre of mass, shape (3,), in [m].
        support_height: Height of what it stands on, in [m].
    """

    vertices: Array
    faces: IntArray
    com: Array
    support_height: float


class Analyst(Protocol):
    """Who proposes grasps at a known object, and computes how good they are."""

    least: float
    """Quality above which a grasp counts as held."""

    def propose(self, body: Body, view: SceneView, *, rng: np.random.Generator) -> Sequence[Grasp]:
        """Grasps to judge."""

    def quality(self, body: Body, grasps: Sequence[Grasp], *, rng: np.random.Generator) -> Array:
        """How good they are, shape (N,), 0 or more; none of them touches anything on its way."""


def analysed(seed: int, analyst: Analyst, settings: RolloutSettings) -> SceneRecord:
    """Draw the scene of `seed`, look at it, and let an analyst judge grasps in it.

    A grasp that touches table, pedestal or object on its way is ALL_IN_COLLISION, the others are
    HELD if their quality is above the analyst's least, NOT_HELD if not. The log likelihood of a
    grasp is the logarithm of its quality.
    """
    opened = open_scene(seed, settings)
    scene, simulation = opened.scene, opened.simulation
    views = tuple(
        draw_view(simulation, scene, settings.view, rng=opened.seen) for _ in range(settings.views)
    )
    item, T = scene.placed.item, simulation.T_base_object
    body = Body(
        apply(T, item.vertices), item.faces, apply(T, item.com[None])[0], scene.support_height
    )
    grasps = analyst.propose(body, views[0], rng=opened.asked)
    free = [not simulation.hits_on_the_way_in(grasp, thing=True) for grasp in grasps]
    quality = np.zeros(len(grasps))
    clear = [grasp for grasp, is_free in zip(grasps, free, strict=True) if is_free]
    quality[np.array(free, dtype=bool)] = analyst.quality(body, clear, rng=opened.asked)
    return SceneRecord(
        seed=seed,
        object=opened.object,
        T_base_object=T,
        friction=scene.placed.friction,
        mass=scene.placed.mass or item.mass,
        scale=scene.scale,
        support_height=scene.support_height,
        views=views,
        grasps=tuple(
            replace(grasp, log_likelihood=float(np.log(max(q, _LEAST))))
            for grasp, q in zip(grasps, quality, strict=True)
        ),
        results=tuple(
            _result(is_free, float(q), analyst.least)
            for is_free, q in zip(free, quality, strict=True)
        ),
    )


def _result(free: bool, quality: float, least: float) -> GraspResult:
    if not free:
        return GraspResult(Outcome.ALL_IN_COLLISION, "touches something on its way", False, 0, {})
    outcome = Outcome.HELD if quality > least else Outcome.NOT_HELD
    return GraspResult(outcome, f"computed quality {quality:.3g}", False, 0, {})
