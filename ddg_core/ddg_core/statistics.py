"""How sure a success rate is: intervals and paired tests for counts of held and not held."""

from collections.abc import Sequence
from math import comb, sqrt

import numpy as np
from numpy.typing import ArrayLike

from ddg_core.errors import BadInput

Z95 = 1.959963984540054  # quantile of the normal distribution for a two-sided 95 % interval


def wilson(successes: int, n: int, *, z: float = Z95) -> tuple[float, float]:
    """Wilson score interval of a success rate.

    Args:
        successes: How many of the trials succeeded.
        n: Number of independent trials.
        z: Normal quantile; the default gives 95 %.

    Returns:
        Lower and upper bound in [0, 1]; (0, 1) for no trial.
    """
    if not 0 <= successes <= n:
        raise BadInput(f"wilson: successes must be in [0, {n}], got {successes}")
    if n == 0:
        return 0.0, 1.0
    share = successes / n
    centre = share + z * z / (2 * n)
    half = z * sqrt(share * (1.0 - share) / n + z * z / (4 * n * n))
    scale = 1.0 + z * z / n
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


def bootstrap_by_object(
    held: ArrayLike,
    objects: Sequence[str],
    *,
    rng: np.random.Generator,
    draws: int = 10_000,
    level: float = 0.95,
) -> tuple[float, float]:
    """Percentile interval of a success rate whose trials share objects.

    Trials of one object are alike, so whole objects are drawn with replacement, each with all
    its trials.

    Args:
        held: Success per trial, shape (N,).
        objects: Name of the object of each trial, N of them.
        rng: Where the draws come from.
        draws: Number of bootstrap samples.
        level: Share of the samples inside the interval.

    Returns:
        Lower and upper bound in [0, 1]; (0, 1) for no trial.
    """
    success = np.asarray(held, dtype=np.float64)
    if success.shape != (len(objects),):
        raise BadInput(f"bootstrap_by_object: {success.shape} outcomes for {len(objects)} objects")
    if not len(objects):
        return 0.0, 1.0
    names, member = np.unique(np.asarray(objects), return_inverse=True)
    wins = np.bincount(member, weights=success)
    trials = np.bincount(member)
    picks = rng.integers(len(names), size=(draws, len(names)))
    rates = wins[picks].sum(axis=1) / trials[picks].sum(axis=1)
    low, high = np.quantile(rates, [(1.0 - level) / 2, (1.0 + level) / 2])
    return float(low), float(high)


def mcnemar(first: ArrayLike, second: ArrayLike) -> float:
    """Exact two-sided McNemar test of two planners on the same scenes.

    Args:
        first: Success of one planner per scene, shape (N,).
        second: Success of the other on the same scenes, shape (N,).

    Returns:
        Probability of a difference at least this large if both were equally good; 1 if they
        never differ.
    """
    a, b = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    if a.shape != b.shape or a.ndim != 1:
        raise BadInput(f"mcnemar: outcomes must be paired, got shapes {a.shape} and {b.shape}")
    only_first, only_second = int((a & ~b).sum()), int((b & ~a).sum())
    n = only_first + only_second
    tail = sum(comb(n, k) for k in range(min(only_first, only_second) + 1))
    return min(1.0, 2 * tail / float(2**n))
