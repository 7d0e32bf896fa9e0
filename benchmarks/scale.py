"""How gathering grows from one worker to two, and what memory a worker takes.

The same scenes with random grasps are gathered by one worker (in this process, as the command does)
and by two of Ray, after a scene each that starts them. Rates are of wall time: measure on a machine
with nothing else to do.
"""

import pickle
import resource
import time
from functools import partial

from ddg_cli.proposers import Asked, proposer
from ddg_sim.dataset.gather import work
from ddg_sim.rollout.many import Cluster, for_seeds
from ddg_sim.rollout.rollout import RolloutSettings

SCENES, _GRASPS = 40, 12


def run(scenes: int = SCENES) -> dict[str, float]:
    """Measure with one worker and with two."""
    settings = RolloutSettings()
    job = pickle.dumps((settings, partial(proposer("random"), Asked(settings.hand, _GRASPS))))
    rates, memory = {}, 0.0
    for workers in (1, 2):
        rates[workers], most = _gather(job, scenes, workers)
        memory = max(memory, most)
    return {
        "scenes_per_s_1_worker": rates[1],
        "scenes_per_s_2_workers": rates[2],
        "speedup_of_2_workers": rates[2] / rates[1],
        "peak_memory_of_a_worker_mib": memory,
    }


def _gather(job: bytes, scenes: int, workers: int) -> tuple[float, float]:
    """Scenes per second once all workers are at work, and the largest peak memory in [MiB]."""
    most, began = 0.0, time.monotonic()
    gathered = for_seeds(_work, job, range(scenes + workers), Cluster(workers))
    for done, mib in enumerate(gathered, start=1):
        most = max(most, mib)
        if done == workers:
            began = time.monotonic()
    return scenes / (time.monotonic() - began), most


def _work(job: bytes, seed: int) -> float:
    """Roll out a scene; return the peak memory of this process so far in [MiB]."""
    work(job, seed)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
