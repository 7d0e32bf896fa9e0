"""A thread in which simulated time keeps up with the wall clock, and in which requests are run."""

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
MAX_LAG = 0.1  # simulated time that is caught up on after a stall; what is beyond is let go, in [s]


class Advancing(Protocol):
    """A simulation that can be taken forward."""

    @property
    def time(self) -> float:
        """Simulated time, in [s]."""

    def advance(self, until: float) -> None:
        """Step until simulated time `until` [s]."""


class Pace:
    """Runs a simulation in its own thread, `factor` times as fast as the wall clock.

    Nothing else may touch the simulation while the thread runs: whoever wants something of it
    hands a callable to `ask`, and it is run between two ticks.
    """

    def __init__(
        self,
        simulation: Advancing,
        *,
        factor: float,
        tick: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; `start` begins.

        Args:
            simulation: What to advance.
            factor: Simulated seconds per second of the wall clock.
            tick: How often to look at the clock, in [s].
            clock: The clock to keep up with, in [s].
        """
        self._simulation = simulation
        self._factor = factor
        self._tick = tick
        self._clock = clock
        self._requests: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="physics", daemon=True)
        self._late = 0.0
        self.paused = False
        self.error: Exception | None = None

    @property
    def late(self) -> float:
        """Simulated time that was let go since the start because stepping took too long, in [s]."""
        return self._late

    def start(self) -> None:
        """Begin to advance."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and wait for it."""
        self._requests.put(None)
        self._thread.join(timeout=5.0)

    def ask(self, work: Callable[[], T]) -> "Future[T]":
        """Run `work` in the thread; the future has what it returned or raised."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(work())
            except Exception as error:
                future.set_exception(error)

        self._requests.put(run)
        return future

    def _run(self) -> None:
        try:
            self._pace()
        except Exception as error:  # a thread has nobody to raise to: the owner looks here
            self.error = error
            raise

    def _pace(self) -> None:
        origin, epoch = self._clock(), self._simulation.time
        while True:
            if not self._serve(until=time.monotonic() + self._tick):
                return
            now = self._clock()
            if self.paused:
                origin, epoch = now, self._simulation.time
                continue
            due = epoch + (now - origin) * self._factor
            lag = due - self._simulation.time
            if lag > MAX_LAG * max(1.0, self._factor):
                self._late += lag
                origin, epoch = now, self._simulation.time
                continue
            self._simulation.advance(due)

    def _serve(self, *, until: float) -> bool:
        """Run requests as they come until the next tick; False: the thread is to end."""
        while True:
            try:
                request: Any = self._requests.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                return True
            if request is None:
                return False
            request()
            if time.monotonic() >= until:
                return True
