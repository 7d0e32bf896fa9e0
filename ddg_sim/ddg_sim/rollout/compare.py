"""Two planners on the same scenes: which is better, and how sure is that?"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ddg_core.errors import BadInput
from ddg_core.statistics import mcnemar
from ddg_sim.rollout.evaluate import Tried

_DRAWS = 10_000


def compare(first: Sequence[Tried], second: Sequence[Tried]) -> dict[str, Any]:
    """Compare rates on common seeds; trials of one object are taken as one cluster.

    Returns:
        `n`, both rates, their difference (second - first) with its interval by bootstrap over
        objects, `p_clustered` by flipping the sign of whole objects, and `p_mcnemar`.

    Raises:
        BadInput: No common seed, or the same seed shows different objects.
    """
    a, b = ({t.seed: t for t in trials} for trials in (first, second))
    seeds = sorted(a.keys() & b.keys())
    if not seeds:
        raise BadInput("compare: the two results have no scene in common")
    for seed in seeds:
        if a[seed].object != b[seed].object:
            raise BadInput(
                f"compare: scene {seed} is {a[seed].object} in one result"
                f" and {b[seed].object} in the other"
            )
    x = np.array([a[seed].held for seed in seeds], float)
    y = np.array([b[seed].held for seed in seeds], float)
    _, member = np.unique([a[seed].object for seed in seeds], return_inverse=True)
    gains, sizes = np.bincount(member, weights=y - x), np.bincount(member)
    rng = np.random.default_rng(0)
    picks = rng.integers(len(sizes), size=(_DRAWS, len(sizes)))
    spread = gains[picks].sum(axis=1) / sizes[picks].sum(axis=1)
    flips = rng.choice([-1.0, 1.0], size=(_DRAWS, len(sizes))) @ gains
    extreme = np.abs(flips) >= abs(gains.sum()) - 1e-9
    low, high = np.quantile(spread, [0.025, 0.975])
    return {
        "n": len(seeds),
        "objects": len(sizes),
        "rate_first": float(x.mean()),
        "rate_second": float(y.mean()),
        "difference": float((y - x).mean()),
        "difference95": (float(low), float(high)),
        "p_clustered": float((extreme.sum() + 1) / (_DRAWS + 1)),
        "p_mcnemar": mcnemar(x > 0, y > 0),
    }
