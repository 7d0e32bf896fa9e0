"""The same work for many seeds, on one core or many: Ray hands them out."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ddg_core.errors import BadInput, DdgError, Failed
from ddg_core.outcome import Outcome

Result = TypeVar("Result")
_AHEAD = 2  # seeds handed out per worker: one at work, one waiting
_RETRIES = 2  # of a seed whose worker died


@dataclass(frozen=True)
class Cluster:
    """Where the work is done.

    Attributes:
        workers: Processes at work at a time; 1 without an address works in this process.
        address: Of a running Ray cluster; None starts one on this machine.
    """

    workers: int = 1
    address: str | None = None


@dataclass(frozen=True)
class _Refused:
    """What a worker raised on purpose; not all exceptions survive the way back."""

    outcome: Outcome
    message: str

    def error(self) -> DdgError:
        """The same for our side."""
        mistake = self.outcome is Outcome.BAD_INPUT
        return BadInput(self.message) if mistake else Failed(self.outcome, self.message)


def for_seeds(
    work: Callable[[bytes, int], Result], job: bytes, seeds: Sequence[int], cluster: Cluster
) -> Iterator[Result]:
    """Yield `work(job, seed)` for all seeds, in the order in which they are done.

    Args:
        work: A function at the top level of a module.
        job: What it needs, pickled; sent once.
        seeds: One call each.
        cluster: Where to work.

    Raises:
        Failed: The worker of one seed died again and again.
        DdgError: What `work` raised.
    """
    if cluster.workers == 1 and cluster.address is None:
        for seed in seeds:
            yield work(job, seed)
    else:
        yield from _with_ray(work, job, seeds, cluster)


def _with_ray(
    work: Callable[[bytes, int], Result], job: bytes, seeds: Sequence[int], cluster: Cluster
) -> Iterator[Result]:
    import ray

    ray.init(
        address=cluster.address or "local",
        num_cpus=None if cluster.address else cluster.workers,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    try:
        task: Any = ray.remote(max_retries=_RETRIES)(_carefully)
        shared = ray.put(job)
        waiting = list(reversed(seeds))
        running: dict[Any, int] = {}
        while waiting or running:
            while waiting and len(running) < _AHEAD * cluster.workers:
                seed = waiting.pop()
                running[task.remote(work, shared, seed)] = seed
            ready, _ = ray.wait(list(running), num_returns=1)
            seed = running.pop(ready[0])
            try:
                result = ray.get(ready[0])
            except ray.exceptions.WorkerCrashedError as error:
                message = f"the worker of scene {seed} died {_RETRIES + 1} times"
                raise Failed(Outcome.INTERNAL, message) from error
            if isinstance(result, _Refused):
                raise result.error()
            yield result
    finally:
        ray.shutdown()


def _carefully(work: Callable[[bytes, int], Result], job: bytes, seed: int) -> Result | _Refused:
    """Work on one seed, in a worker."""
    try:
        return work(job, seed)
    except DdgError as error:
        return _Refused(error.outcome, str(error))
