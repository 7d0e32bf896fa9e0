"""What a score of each grasp type is worth: types are comparable only by how often they hold.

A type with soft kernels scores higher than one with sharp ones without holding more often. Grasps
that were tried tell, per type, how the log odds of holding rise with the log of the product.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize

from ddg_core.arrays import Array, BoolArray, IntArray
from ddg_core.errors import BadInput

ALIKE = (1.0, 4.0)  # precision of the prior: types differ little in offset, and less in slope
LEAST = 0.25  # a type's slope is at least this share of the common one
FIRST, ROUNDS = 5, 6  # the first of a scene have a say; who they are is asked so many times

Worth = tuple[float, float]  # log odds of holding where the product is 1, and per neper of its log


def fit_worth(
    kinds: Sequence[str], scores: Array, held: BoolArray, scenes: IntArray
) -> dict[str, Worth]:
    """Learn the worth of each type where it is used: among the grasps that come first in a scene.

    A straight line cannot be right for all scores. So it is fitted to all of them, and then again
    and again to those that come first by the last fit. A type that never does keeps its line.

    Args:
        kinds: Type of each of N grasps.
        scores: Log of the product of each, shape (N,).
        held: What became of each, shape (N,).
        scenes: Where each was tried, shape (N,).

    Raises:
        BadInput: All ended alike, or a higher score holds less often.
    """
    worth = _fit(kinds, scores, held)
    for _ in range(ROUNDS):
        offsets, slopes = np.array([worth[kind] for kind in kinds]).T
        rows = _first(offsets + slopes * scores, scenes)
        try:
            worth |= _fit([kinds[i] for i in rows], scores[rows], held[rows])
        except BadInput:  # too few are left to tell more
            break
    return worth


def _first(worth: Array, scenes: IntArray) -> list[int]:
    """Which grasps come first in their scenes, several of each."""
    order = np.argsort(-worth, kind="stable")
    return [i for scene in np.unique(scenes) for i in order[scenes[order] == scene][:FIRST]]


def _fit(kinds: Sequence[str], scores: Array, held: BoolArray) -> dict[str, Worth]:
    """Logistic regression per type, drawn towards what all have in common."""
    names = sorted(set(kinds))
    if not len(held) or held.all() or not held.any():
        raise BadInput("the worth of grasp types needs grasps that held, and some that did not")
    middle, spread = float(scores.mean()), float(scores.std()) + 1e-9
    z, at = (scores - middle) / spread, np.array([names.index(kind) for kind in kinds])
    y = np.asarray(held, dtype=float)

    def loss(x: Array) -> tuple[float, Array]:
        common, own = x[:2], x[2:].reshape(-1, 2)
        logit = common[0] + own[at, 0] + (common[1] + own[at, 1]) * z
        value = np.logaddexp(0.0, logit) - y * logit
        slope = 1.0 / (1.0 + np.exp(-logit)) - y
        per_type = np.stack([np.bincount(at, w, len(names)) for w in (slope, slope * z)], axis=1)
        drawn = np.array(ALIKE) * own
        gradient = np.concatenate([per_type.sum(axis=0), (per_type + drawn).ravel()])
        return float(value.sum() + 0.5 * (drawn * own).sum()), gradient

    x = minimize(loss, np.zeros(2 + 2 * len(names)), jac=True, method="L-BFGS-B").x
    if x[1] <= 0.0:
        raise BadInput("grasps with a higher score held less often: there is nothing to go by")
    offsets = x[0] + x[2::2]
    slopes = np.maximum(x[1] + x[3::2], LEAST * x[1]) / spread
    return {
        name: (float(offset - slope * middle), float(slope))
        for name, offset, slope in zip(names, offsets, slopes, strict=True)
    }
