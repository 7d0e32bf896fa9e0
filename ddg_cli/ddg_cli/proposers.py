"""What may propose grasps in rollouts, by name: the one place where simulation meets planning."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from ddg_cli.evaluate.names import JAWS
from ddg_core.errors import BadInput, UnknownName

if TYPE_CHECKING:
    import numpy as np

    from ddg_core.grasp import Grasp
    from ddg_core.hand import Hand
    from ddg_core.view import ObjectView
    from ddg_planning.parallel_jaw.policy import JawPlanner
    from ddg_sim.rollout.rollout import Propose
    from ddg_sim.rollout.view import SceneView


PLANNED = 200  # grasps of a whole plan, at most
JUDGED = 400  # grasps that the cross-entropy method judges
GRIPPER = "parallel_gripper"  # the hand of the generators of two jaws


@dataclass(frozen=True)
class Asked:
    """What a proposer is asked for.

    Attributes:
        hand: Name of the hand.
        grasps: Grasps per scene, at most.
        evaluator: Who ranks the plans; "none" ranks by likelihood.
        weights: Weights of the evaluator; empty takes those of the package.
        refine: How the evaluator moves the best grasps: "none", "ga" or "sa".
        models: File or folder of the generative model; empty takes that of the package.
        without: Ideas of GM2 that are left out.
    """

    hand: str
    grasps: int
    evaluator: str = "none"
    weights: str = ""
    refine: str = "none"
    models: str = ""
    without: tuple[str, ...] = ()


def near_surface(asked: Asked) -> Propose:
    """Random grasps near the visible surface."""
    from ddg_core.description import load_hand
    from ddg_sim.rollout.near_surface import NearSurfaceSettings, near_surface

    hand = load_hand(asked.hand)

    def propose(view: SceneView, rng: np.random.Generator) -> Sequence[Grasp]:
        return near_surface(view, hand, NearSurfaceSettings(), n=asked.grasps, rng=rng)

    return propose


def gm1(asked: Asked) -> Propose:
    """One demonstration per type."""
    return _planned("gm1", asked)


def gm2(asked: Asked) -> Propose:
    """Many demonstrations, taught and found; view-based models."""
    return _planned("gm2", asked)


def _planned(model: str, asked: Asked) -> Propose:
    """Perception, a generative model and the evaluator; best first by the planner's score.

    It does not abstain: whoever measures counts afterwards what abstaining would have left.
    """
    # One process per core: threads within one would only wait for each other.
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")

    from ddg_core.description import config_folder, load_hand
    from ddg_core.settings import load
    from ddg_perception.perceive import PerceptionSettings, perceive
    from ddg_planning.evaluate.evaluator import load_evaluator
    from ddg_planning.evaluate.refine import load_refiner
    from ddg_planning.generate.gm2 import leave_out
    from ddg_planning.plan import plan
    from ddg_planning.settings import PlanningSettings
    from ddg_planning.store import GenerationSettings, load_generator

    perception = load(config_folder() / "perception.yaml", PerceptionSettings)
    planning = load(config_folder() / "planning.yaml", PlanningSettings)
    hand = load_hand(asked.hand)
    generation = load(config_folder() / "generation.yaml", GenerationSettings)
    ideas = leave_out(generation.gm2, asked.without)
    generation = replace(generation, model=model, models=asked.models, gm2=ideas)
    generator = load_generator(hand, generation)
    judge = load_evaluator(asked.evaluator, hand, asked.weights)
    rank = load_refiner(asked.refine, judge, generation.generator, planning.refinement)
    settings = replace(planning.plan, least_probability=0.0)

    def propose(view: SceneView, rng: np.random.Generator) -> Sequence[Grasp]:
        seen = perceive(view.image, perception, rng=rng)

        def generate(view: ObjectView, *, n: int) -> list[Grasp]:
            return generator(view, n=n, rng=rng)

        grasps = plan(seen, generate, rank, None, settings, lambda *_: None)
        return grasps[: asked.grasps]

    return propose


def jaw_planner(name: str, hand: Hand, weights: str = "") -> JawPlanner:
    """The planner of two jaws with the policy that a name of `JAWS` stands for."""
    from ddg_core.description import config_folder
    from ddg_core.settings import load, parse, to_tree
    from ddg_planning.parallel_jaw.policy import UNJUDGED, DexnetSettings, JawPlanner

    tree = to_tree(load(config_folder() / "dexnet.yaml", DexnetSettings))
    tree["policy"], tree["weights"] = JAWS[name] or tree["policy"], weights or tree["weights"]
    if weights and tree["policy"] in UNJUDGED:
        raise BadInput(f"{name}: the policy {tree['policy']!r} has no network to give weights to")
    return JawPlanner(hand, parse(tree, DexnetSettings, "dexnet.yaml"))


def dexnet(asked: Asked, name: str = "dexnet") -> Propose:
    """Perception and the grasps of two jaws; best first.

    Args:
        asked: What is asked for; the weights are those of the policy's network.
        name: One of `JAWS`.
    """
    from ddg_core.description import config_folder, load_hand
    from ddg_core.settings import load
    from ddg_perception.perceive import PerceptionSettings, perceive
    from ddg_planning.plan import PlanSettings, by_likelihood, plan

    perception = load(config_folder() / "perception.yaml", PerceptionSettings)
    planner = jaw_planner(name, load_hand(asked.hand), asked.weights)
    settings = PlanSettings(candidates=asked.grasps)

    def propose(view: SceneView, rng: np.random.Generator) -> Sequence[Grasp]:
        seen = perceive(view.image, perception, rng=rng)

        def generate(view: ObjectView, *, n: int) -> list[Grasp]:
            return planner(view, n=n, rng=rng)

        return plan(seen, generate, by_likelihood, None, settings, lambda *_: None)

    return propose


def jaws_ranked(asked: Asked) -> Propose:
    """What the cross-entropy method ranks first for one third, the others from the ranks behind."""
    planned = dexnet(replace(asked, grasps=JUDGED), "dexnet-cem")

    def propose(view: SceneView, rng: np.random.Generator) -> Sequence[Grasp]:
        return _from_all_ranks(planned(view, rng), -(-asked.grasps // 3), asked.grasps, rng)

    return propose


def mixed(asked: Asked) -> Propose:
    """Four in five of the generative model, the rest random: failures of every kind.

    Of the model's plan the first is taken and the others evenly from all ranks: who learns to rank
    must have seen more than the top.
    """
    from ddg_core.errors import DdgError

    taught, random = gm1(replace(asked, grasps=PLANNED)), near_surface(asked)

    def propose(view: SceneView, rng: np.random.Generator) -> Sequence[Grasp]:
        most = asked.grasps - -(-asked.grasps // 5)
        try:
            planned = taught(view, rng)
        except DdgError:
            planned = []
        chosen = _from_all_ranks(planned, 1, most, rng)
        return [*chosen, *list(random(view, rng))[: asked.grasps - len(chosen)]]

    return propose


def ranked(asked: Asked, refine: str = "none") -> Propose:
    """What EM-S ranks first for one half, the other half evenly from the ranks behind.

    An evaluator errs most where it chooses; the next one learns from that. So it does from grasps
    that were refined to please it.
    """
    planned = gm1(replace(asked, grasps=PLANNED, evaluator="em-s", refine=refine))

    def propose(view: SceneView, rng: np.random.Generator) -> Sequence[Grasp]:
        return _from_all_ranks(planned(view, rng), asked.grasps // 2, asked.grasps, rng)

    return propose


def _from_all_ranks(
    planned: Sequence[Grasp], top: int, most: int, rng: np.random.Generator
) -> list[Grasp]:
    """The first `top` grasps and others drawn evenly, `most` in all, best first."""
    behind = top + rng.permutation(max(len(planned) - top, 0))
    ranks = [*range(min(top, len(planned))), *behind.tolist()][:most]
    return [planned[rank] for rank in sorted(ranks)]


PROPOSERS: dict[str, Callable[[Asked], Propose]] = {
    "random": near_surface,
    "gm1": gm1,
    "gm2": gm2,
    "mixed": mixed,
    "ranked": ranked,
    "refined": partial(ranked, refine="ga"),
    "jaws-ranked": jaws_ranked,
    **{name: partial(dexnet, name=name) for name in JAWS},
}


def proposer(name: str) -> Callable[[Asked], Propose]:
    """Look up a proposer; UnknownName if there is none of that name."""
    if name not in PROPOSERS:
        raise UnknownName("proposer", name, PROPOSERS)
    return PROPOSERS[name]
