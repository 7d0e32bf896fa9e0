"""Where the time went: stages of a command, told on stderr as they begin."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median


class Stopwatch:
    """Times stages and prints each as it begins."""

    def __init__(self) -> None:
        """Start the clock."""
        self._began = time.monotonic()
        self.timings: dict[str, float] = {}

    @property
    def elapsed(self) -> float:
        """Time since the start, in [s]."""
        return time.monotonic() - self._began

    def say(self, text: str) -> None:
        """Print a line on stderr with the time since the start."""
        print(f"{self.elapsed:6.1f} s  {text}", file=sys.stderr, flush=True)

    @contextmanager
    def stage(self, name: str, text: str) -> Iterator[None]:
        """Say `text` and note how long what follows takes, under `name`."""
        self.say(text)
        began = time.monotonic()
        try:
            yield
        finally:
            self.timings[name] = time.monotonic() - began


def fastest_s(work: Callable[[], object], repeats: int = 3) -> float:
    """Shortest wall time of `work`, warm, in several, in [s]: a neighbour's work is not ours."""
    return min(_seconds(work, repeats))


def median_s(work: Callable[[], object], repeats: int = 9) -> float:
    """Median wall time of `work`, warm, in [s]: what people wait who share the machine."""
    return median(_seconds(work, repeats))


def _seconds(work: Callable[[], object], repeats: int) -> list[float]:
    work()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return seconds


def table(timings: dict[str, float]) -> str:
    """Stages and seconds, one per line; steps of a stage ("plan/generate") are indented."""
    rows = []
    for name, seconds in timings.items():
        depth, step = name.count("/"), name.rsplit("/", 1)[-1]
        rows.append((f"{'  ' * depth}{step}", f"{'  ' * depth}{seconds:7.2f} s"))
    width = max((len(left) for left, _ in rows), default=0)
    return "\n".join(f"{left:<{width}}  {right}" for left, right in rows)
