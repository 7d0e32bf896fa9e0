"""What a score of each grasp type is worth: types are comparable only by how often they hold.

A type with soft kernels scores higher than one with sharp ones without holding more often. Grasps
that were tried tell, per type, how the log odds of holding rise with the log of the product.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize

from ddg_core.arrays import Array, BoolArray
from ddg_core.errors import BadInput

ALIKE = (1.0, 4.0)  # precision of the prior: types differ little in offset, and less in slope
LEAST = 0.25  # a type's slope is at least this share of the common one

Worth = tuple[float, float]  # log odds of holding where the product is 1, and per neper of its log


def fit_worth(kinds: Sequence[str], scores: Array, held: BoolArray) -> dict[str, Worth]:
    """Learn the worth of each type by logistic regression, drawn towards what all have in common.

    Args:
        kinds: Type of each of N grasps.
        scores: Log of the product of each, shape (N,).
        held: What became of each, shape (N,).

    Raises:
        BadInput: All ended alike, or a higher score holds less often.
    """
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
