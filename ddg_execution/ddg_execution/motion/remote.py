"""A motion planner in a process of its own: its crash or its memory are not the executor's."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from ddg_core.arrays import Array
from ddg_core.errors import DdgError, Failed, TimedOut
from ddg_core.outcome import Outcome
from ddg_execution.motion.port import MotionPlanner, NoIk, NoPath, Situation

_KINDS = {Outcome.NO_IK: NoIk, Outcome.NO_PATH: NoPath}


class RemotePlanner:
    """A `MotionPlanner` that asks another one in a process of its own, one question at a time.

    The process starts with the first question, and again after it has died.

    Args:
        make: Makes the planner over there; a function of a module, with picklable arguments.
        start: Longest wait for it to be made, in [s].
        patience: Longest wait for an answer, in [s].
    """

    def __init__(
        self, make: Callable[[], MotionPlanner], *, start: float = 60.0, patience: float = 30.0
    ) -> None:
        """Start nothing yet."""
        self._make, self._start, self._patience = make, start, patience
        self._line: Connection | None = None
        self._process: Any = None

    def configurations(self, T_base_wrist: Array, situation: Situation, *, near: Array) -> Array:
        """See `MotionPlanner.configurations`."""
        found: Array = self._ask("configurations", T_base_wrist, situation, near=near)
        return found

    def straight(self, starts: Array, T_base_wrist: Array, situation: Situation) -> list[Array]:
        """See `MotionPlanner.straight`."""
        found: list[Array] = self._ask("straight", starts, T_base_wrist, situation)
        return found

    def free(
        self, start: Array, goals: Array, situation: Situation, *, rng: np.random.Generator
    ) -> Array:
        """See `MotionPlanner.free`."""
        there = np.random.default_rng(rng.integers(2**63))
        found: Array = self._ask("free", start, goals, situation, rng=there)
        return found

    def close(self) -> None:
        """End the process."""
        if self._line is not None:
            self._line.close()
            self._line = None
            self._process.join(1.0)
            self._process.kill()
            self._process.join()

    def _ask(self, method: str, *args: Any, **kwargs: Any) -> Any:
        try:
            if self._line is None:
                self._open()
            assert self._line is not None
            self._line.send((method, args, kwargs))
            return self._answer(self._patience)
        except (EOFError, OSError) as error:
            self.close()
            raise Failed(Outcome.INTERNAL, "the planner's process died") from error

    def _open(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, self._make), daemon=True)
        self._process.start()
        theirs.close()
        try:
            self._answer(self._start)
        except DdgError:
            self.close()
            raise

    def _answer(self, patience: float) -> Any:
        assert self._line is not None
        if not self._line.poll(patience):
            self.close()
            raise TimedOut(f"the planner's process gave no answer within {patience:g} s")
        outcome, value = self._line.recv()
        if outcome is None:
            return value
        raise _KINDS[outcome](value) if outcome in _KINDS else Failed(outcome, value)


def serve(line: Connection, make: Callable[[], MotionPlanner]) -> None:
    """Make a planner and answer questions until the other side has gone; runs over there."""
    try:
        planner = make()
        line.send((None, None))
        while True:
            method, args, kwargs = line.recv()
            line.send(_answered(getattr(planner, method), args, kwargs))
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        return
    except DdgError as error:
        line.send((error.outcome, str(error)))
    except Exception as error:
        line.send((Outcome.INTERNAL, f"{type(error).__name__}: {error}"))


def _answered(work: Callable[..., Any], args: Any, kwargs: Any) -> tuple[Outcome | None, Any]:
    try:
        return None, work(*args, **kwargs)
    except DdgError as error:
        return error.outcome, str(error)
