"""Gathers scenes on one core or many: Ray hands out the seeds, one process writes."""

import pickle
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ddg_core.errors import DdgError
from ddg_core.grasp import Grasp
from ddg_sim.dataset.codec import Row, encode
from ddg_sim.dataset.store import Dataset
from ddg_sim.rollout import analysis
from ddg_sim.rollout.analysis import Analyst
from ddg_sim.rollout.many import Cluster, for_seeds
from ddg_sim.rollout.rollout import Propose, RolloutSettings, rollout
from ddg_sim.rollout.view import SceneView

MakePropose = Callable[[], Propose]
MakeAnalyst = Callable[[], Analyst]
OnScene = Callable[[Row, int, int], None]


def gather(
    dataset: Dataset,
    seeds: Sequence[int],
    make_propose: MakePropose | MakeAnalyst,
    cluster: Cluster,
    *,
    on_scene: OnScene,
    analysed: bool = False,
) -> str:
    """Roll out the seeds that the data set lacks, and return its content hash.

    Args:
        dataset: Where to write; may hold some of the seeds from an interrupted run.
        seeds: Scenes to gather.
        make_propose: Called once per process; must be picklable. Makes a proposer, or an analyst.
        cluster: Where to work.
        on_scene: Told of every scene as it is written: row, how many are done, of how many.
        analysed: Grasps are judged by an analyst, not by playing them.
    """
    there = dataset.seeds()
    missing = [seed for seed in seeds if seed not in there]
    job = pickle.dumps((dataset.header.settings, make_propose))
    judge = analyse if analysed else work
    for done, row in enumerate(for_seeds(judge, job, missing, cluster), start=1):
        dataset.add(row)
        on_scene(row, done, len(missing))
    return dataset.finish()


def work(job: bytes, seed: int) -> Row:
    """Roll out one scene; a proposer that gives up is noted in the row, not raised."""
    settings, propose = _unpack(job)
    reason = ""

    def carefully(view: SceneView, rng: np.random.Generator) -> Sequence[Grasp]:
        nonlocal reason
        try:
            grasps: Sequence[Grasp] = propose(view, rng)
            return grasps
        except DdgError as error:
            reason = f"{error.outcome}: {error}"
            return []

    record = rollout(seed, carefully, settings)
    return encode(record, reason)


def analyse(job: bytes, seed: int) -> Row:
    """Let an analyst judge grasps in one scene."""
    settings, analyst = _unpack(job)
    return encode(analysis.analysed(seed, analyst, settings))


@lru_cache(maxsize=1)
def _unpack(job: bytes) -> tuple[RolloutSettings, Any]:
    settings, make = pickle.loads(job)
    return settings, make()
