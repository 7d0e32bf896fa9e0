"""One scene of autonomous training: plan, try the best grasp of each type, note what holds."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ddg_cli.teach.look import whole_surface
from ddg_core.errors import DdgError
from ddg_core.grasp import Grasp
from ddg_core.transforms import angle_between
from ddg_planning.generate.closing import ClosingSettings, squeezed
from ddg_planning.generate.demonstration import Demonstration
from ddg_sim.objects.catalogue import kind_of
from ddg_sim.rollout.motion import close
from ddg_sim.rollout.rollout import OpenScene, RolloutSettings, open_scene
from ddg_sim.rollout.view import draw_view
from ddg_sim.rollout.watch import ENGINE, Rest

if TYPE_CHECKING:
    from ddg_planning.generate.generator import Generator
    from ddg_planning.store import GenerationSettings


PLANNED = 1000  # grasps per scene, at most: all that a plan has


@dataclass(frozen=True)
class TryingSettings:
    """How much is tried, and what is kept.

    Attributes:
        rollout: Scenes: objects of the training split of the catalogue.
        grasps: Grasps tried per scene: the best of each type and variant, in their order.
        found: Demonstrations recorded per scene, at most.
        most_tilt, most_shift: While the hand closes the object of a demonstration may move this
            much, in [rad], [m].
    """

    rollout: RolloutSettings = field(default_factory=lambda: RolloutSettings(split="train"))
    grasps: int = 5
    found: int = 2
    most_tilt: float = 0.15
    most_shift: float = 0.02


@dataclass(frozen=True, eq=False)
class Attempt:
    """A grasp that was tried.

    Attributes:
        exemplar: Id of the demonstration that its model goes back to.
        label: Type of its model, and variant.
        score: What the generator ranked it by.
        held: It held.
        scene: Seed of the scene that it was tried in.
        family: Kind of object.
        demonstration: What was recorded; None if it did not hold calmly, or enough was recorded.
    """

    exemplar: str
    label: str
    score: float
    held: bool
    scene: int
    family: str
    demonstration: Demonstration | None


@dataclass(frozen=True)
class Job:
    """What a worker needs to know; it can be pickled."""

    generation: GenerationSettings
    trying: TryingSettings


def try_scene(job: bytes, seed: int) -> tuple[int, list[Attempt]]:
    """Try grasps in the scene of a seed; return the seed too."""
    trying, generator = _unpack(job)
    opened = open_scene(seed, trying.rollout)
    attempts: list[Attempt] = []
    recorded = 0
    labels = {model.id: model.label for model in generator.models}
    for grasp in best_of_each(_plan(opened, trying, generator), labels, trying):
        simulation = opened.simulation
        motion, step = trying.rollout.simulation.motion, trying.rollout.simulation.physics.timestep
        rest = Rest(simulation, len(close(grasp, motion, step)))
        held = simulation.run(grasp, on_step=rest).held
        demonstration = None
        if held and recorded < trying.found and _calm(opened, rest, trying):
            demonstration = _record(opened, grasp, rest, seed, generator)
            recorded += 1
        name = dict(grasp.models)["generate"]
        family = kind_of(opened.object)
        exemplar = name.partition("/")[0]
        tried = Attempt(exemplar, labels[name], grasp.score, held, seed, family, demonstration)
        attempts.append(tried)
    return seed, attempts


def best_of_each(
    grasps: Sequence[Grasp], labels: Mapping[str, str], trying: TryingSettings
) -> list[Grasp]:
    """The first grasp of every type and variant, of grasps that come best first.

    Args:
        grasps: Made by the generator.
        labels: Type and variant of its models, by id.
        trying: How many at most.
    """
    first: dict[str, Grasp] = {}
    for grasp in grasps:
        first.setdefault(labels[dict(grasp.models)["generate"]], grasp)
    return list(first.values())[: trying.grasps]


def _plan(opened: OpenScene, trying: TryingSettings, generator: Generator) -> list[Grasp]:
    from ddg_core.description import config_folder
    from ddg_core.settings import load
    from ddg_perception.perceive import PerceptionSettings, perceive

    view = draw_view(opened.simulation, opened.scene, trying.rollout.view, rng=opened.seen)
    perception = load(config_folder() / "perception.yaml", PerceptionSettings)
    try:
        seen = perceive(view.image, perception, rng=opened.asked)
        return generator(seen, n=PLANNED, rng=opened.asked)
    except DdgError:  # nothing seen, or nothing free: nothing to learn here
        return []


def _calm(opened: OpenScene, rest: Rest, trying: TryingSettings) -> bool:
    before, after = opened.simulation.T_base_object, rest.T_base_object
    tilt = float(angle_between(before[:3, :3], after[:3, :3]))
    shift = float(np.linalg.norm(before[:3, 3] - after[:3, 3]))
    return tilt <= trying.most_tilt and shift <= trying.most_shift


def _record(
    opened: OpenScene, grasp: Grasp, rest: Rest, seed: int, generator: Generator
) -> Demonstration:
    """Keep the grasp as it came to rest, with the whole surface of the object."""
    hand, simulation = generator.hand.hand, opened.simulation
    down = np.eye(4)
    down[2, 3] = -opened.scene.support_height  # a demonstration's object stands on the table
    joints = grasp.joints.copy()
    joints[-2] = hand.clip(rest.joints)
    told = grasp.joints[-1] - grasp.joints[-2]
    joints[-1] = squeezed(joints[-2], told, hand.limits, ClosingSettings())
    T = np.stack([*grasp.T_base_wrist[:-2], rest.T_base_wrist, rest.T_base_wrist])
    return Demonstration(
        kind=grasp.kind,
        hand=hand.name,
        joint_names=hand.joint_names,
        cloud=whole_surface(
            simulation.placed.item,
            down @ rest.T_base_object,
            hand,
            rng=np.random.default_rng(seed),
        ),
        T_base_wrist=down @ T,
        joints=joints,
        provenance={
            "object": opened.object,
            "made_by": "ddg teach auto",
            "simulator": f"{ENGINE}, floating hand",
            "scene": str(seed),
            "transferred_from": dict(grasp.models)["generate"],
        },
    )


@lru_cache(maxsize=1)
def _unpack(job: bytes) -> tuple[TryingSettings, Generator]:
    from ddg_core.description import load_hand
    from ddg_planning.store import load_generator

    unpacked: Job = pickle.loads(job)
    hand = load_hand(unpacked.trying.rollout.hand)
    return unpacked.trying, load_generator(hand, unpacked.generation)
