"""Replays a sample of a data set: the same grasps must end the same."""

from dataclasses import dataclass

import numpy as np

from ddg_core.grasp import Grasp
from ddg_sim.dataset.store import Dataset
from ddg_sim.rollout.analysis import Analyst, analysed
from ddg_sim.rollout.rollout import Propose, rollout


@dataclass(frozen=True)
class Replay:
    """What a replay found.

    Attributes:
        scenes, grasps: How many were replayed.
        different: Seed and number of each grasp that ended otherwise.
    """

    scenes: int
    grasps: int
    different: tuple[tuple[int, int], ...]


def verify(
    dataset: Dataset, scenes: int, *, rng: np.random.Generator, analyst: Analyst | None = None
) -> Replay:
    """Check all that is stored, and replay `scenes` scenes drawn at random.

    Args:
        dataset: What to check.
        scenes: How many to replay.
        rng: Source of the choice.
        analyst: Who judged the grasps, where they were not played.

    Raises:
        BadInput: Something stored is not what was written.
    """
    dataset.check()
    seeds = sorted(dataset.seeds())
    chosen = set(rng.choice(seeds, min(scenes, len(seeds)), replace=False).tolist())
    grasps, different = 0, []
    for record in dataset.records(chosen):
        if analyst is None:
            again = rollout(record.seed, _answer(record.grasps), dataset.header.settings)
        else:
            again = analysed(record.seed, analyst, dataset.header.settings)
        grasps += len(record.results)
        pairs = zip(record.results, again.results, strict=True)
        different += [(record.seed, i) for i, (a, b) in enumerate(pairs) if a != b]
    return Replay(len(chosen), grasps, tuple(different))


def _answer(grasps: tuple[Grasp, ...]) -> Propose:
    return lambda *_: grasps
