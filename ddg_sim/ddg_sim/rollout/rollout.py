"""One rollout: draw a scene, look, ask for grasps, try them all. Pure in its seed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np

from ddg_core.arrays import Array
from ddg_core.description import load_hand
from ddg_core.grasp import Grasp
from ddg_sim.objects.catalogue import Split, blends, catalogue, split
from ddg_sim.rollout.scene import Scene, SceneSettings, draw_scene
from ddg_sim.rollout.simulate import GraspResult, GraspSimulation, SimulationSettings
from ddg_sim.rollout.view import SceneView, ViewSettings, draw_view

Propose = Callable[[SceneView, np.random.Generator], Sequence[Grasp]]


@dataclass(frozen=True)
class RolloutSettings:
    """What is drawn, seen and simulated.

    Attributes:
        hand: Name of the hand.
        objects: Names or paths to choose from; empty takes the `split` of `shapes`.
        shapes: What a split is of.
        split: Split of these shapes.
        views: Views per scene; grasps are proposed on the first.
        scene: What is drawn per scene.
        view: Where cameras are.
        simulation: How grasps are simulated.
    """

    hand: str = "svh"
    objects: tuple[str, ...] = ()
    shapes: Literal["catalogue", "blends"] = "catalogue"
    split: Split = "train"
    views: int = 1
    scene: SceneSettings = field(default_factory=SceneSettings)
    view: ViewSettings = field(default_factory=ViewSettings)
    simulation: SimulationSettings = field(default_factory=SimulationSettings)

    def __post_init__(self) -> None:
        """Refuse a scene that nobody sees."""
        if self.views < 1:
            raise ValueError(f"views must be at least 1, got {self.views}")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The objects to choose from."""
        every = blends() if self.shapes == "blends" else catalogue()
        return self.objects or tuple(name for name in every if split(name) == self.split)


@dataclass(frozen=True, eq=False)
class SceneRecord:
    """A scene and what became of the grasps that were tried in it.

    Attributes:
        seed: Of the scene.
        object: Name or path.
        T_base_object: Pose at rest, shape (4, 4).
        friction, mass, scale: What was drawn.
        support_height: Height of what the object stands on, in [m].
        views: Views, the first is what the grasps were proposed on.
        grasps: The grasps in the order of proposal.
        results: What became of each.
    """

    seed: int
    object: str
    T_base_object: Array
    friction: float
    mass: float
    scale: float
    support_height: float
    views: tuple[SceneView, ...]
    grasps: tuple[Grasp, ...]
    results: tuple[GraspResult, ...]


@dataclass(frozen=True, eq=False)
class OpenScene:
    """A scene that was drawn and came to rest.

    Attributes:
        object: Name or path.
        scene: What was drawn.
        simulation: Ready to try grasps.
        seen: Source of the views.
        asked: Source that the proposer is given.
    """

    object: str
    scene: Scene
    simulation: GraspSimulation
    seen: np.random.Generator
    asked: np.random.Generator


def open_scene(seed: int, settings: RolloutSettings) -> OpenScene:
    """Draw the scene of `seed` and let the object come to rest."""
    drawn, seen, asked = np.random.default_rng(seed).spawn(3)
    name = settings.names[int(drawn.integers(len(settings.names)))]
    scene = draw_scene(name, settings.scene, rng=drawn)
    hand = load_hand(settings.hand)
    simulation = GraspSimulation(hand, scene.placed, settings.simulation, statics=scene.statics)
    if simulation.lowest < 0.5 * scene.support_height:  # it fell off its pedestal
        scene = replace(scene, support_height=0.0)
    return OpenScene(name, scene, simulation, seen, asked)


def rollout(seed: int, propose: Propose, settings: RolloutSettings) -> SceneRecord:
    """Draw the scene of `seed`, look at it, and try all grasps that `propose` answers.

    The scene and its views depend on seed and settings alone, not on what is proposed.
    """
    opened = open_scene(seed, settings)
    scene, simulation = opened.scene, opened.simulation
    views = tuple(
        draw_view(simulation, scene, settings.view, rng=opened.seen) for _ in range(settings.views)
    )
    grasps = tuple(propose(views[0], opened.asked))
    return SceneRecord(
        seed=seed,
        object=opened.object,
        T_base_object=simulation.T_base_object,
        friction=scene.placed.friction,
        mass=scene.placed.mass or scene.placed.item.mass,
        scale=scene.scale,
        support_height=scene.support_height,
        views=views,
        grasps=grasps,
        results=tuple(simulation.run(grasp) for grasp in grasps),
    )
