"""What every collision check can do, whatever compares the bodies."""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np

from ddg_core.arrays import Array


class Checks(ABC):
    """Says whether configurations of the arm are free in one situation."""

    @abstractmethod
    def free(self, q: Array) -> bool:
        """Whether configuration (A,) touches nothing, {wrist} in the workspace; limits apart."""

    @abstractmethod
    def touching(self, q: Array) -> tuple[tuple[str, str], ...]:
        """Names of what touches each other at configuration (A,), for messages."""

    def free_line(self, a: Array, b: Array, *, resolution: float) -> bool:
        """Whether the straight line between configurations (A,) is free, both ends included.

        Args:
            a: One end, in [rad].
            b: The other end, in [rad].
            resolution: Distance between checked configurations, as Euclidean norm, in [rad].
        """
        n = max(1, int(np.ceil(np.linalg.norm(b - a) / resolution)))
        return all(self.free(a + i / n * (b - a)) for i in _far_apart_first(n))

    def free_path(self, path: Array, *, resolution: float) -> bool:
        """Whether all straight lines of a path (M, A) are free."""
        return all(self.free_line(a, b, resolution=resolution) for a, b in itertools.pairwise(path))


def _far_apart_first(n: int) -> Iterator[int]:
    """0 to n, both included, in an order that meets a collision early: ends, middle, quarters."""
    yield 0
    yield n
    spans = [(0, n)]
    while spans:
        low, high = spans.pop(0)
        middle = (low + high) // 2
        if middle > low:
            yield middle
            spans += [(low, middle), (middle, high)]
