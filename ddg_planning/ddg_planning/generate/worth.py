"""What a score of each grasp type is worth: types are comparable only by how often they hold.

A type with soft kernels scores higher than one with sharp ones without holding more often. Grasps
that were tried tell, per type, how the log odds of holding rise with the log of the product.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize

from ddg_core.arrays import Array, BoolArray, IntArray
from ddg_core.errors import BadInput

ALIKE = (3.0, 12.0)  # precision of the prior: types differ little in offset, and less in slope
OWN = (10.0, 40.0)  # the same of what a variant of one type has for itself
LEAST = 0.25  # a slope is at least this share of the common one
EACH = 0.1  # say of every grasp by itself, beside that of its scene's choice
MISSED = 0.05  # added to a choice's chance: a scene where nothing held must not decide all

Worth = tuple[float, float]  # log odds of holding where the product is 1, and per neper of its log


def fit_worth(
    kinds: Sequence[str], scores: Array, held: BoolArray, scenes: IntArray
) -> dict[str, Worth]:
    """Learn the worth by which what comes first in a scene holds most often.

    A straight line cannot be right for all scores, and types that come first where all others are
    poor hold less often than their line tells. So most of the say has the choice among the grasps
    of a scene, drawn by the softmax of their worth: the log of its chance to hold. The rest has
    the logistic regression of each grasp by itself, which also tells the level.

    Args:
        kinds: Type, and variant after a space, of each of N grasps.
        scores: Log of the product of each, shape (N,).
        held: What became of each, shape (N,).
        scenes: Where each was tried, shape (N,).

    Raises:
        BadInput: All ended alike, or a higher score holds less often.
    """
    if not len(held) or held.all() or not held.any():
        raise BadInput("the worth of grasp types needs grasps that held, and some that did not")
    order = np.argsort(scenes, kind="stable")
    names, at = np.unique(np.asarray(kinds)[order], return_inverse=True)
    middle, spread = float(scores.mean()), float(scores.std()) + 1e-9
    x, y = (scores[order] - middle) / spread, held[order].astype(float)
    first = np.flatnonzero(np.diff(scenes[order], prepend=scenes.min() - 1))
    parts, precision = _parts(names.tolist())

    def loss(flat: Array) -> tuple[float, Array]:
        lines = flat.reshape(2, -1) @ parts.T  # offset and slope of each kind
        value, slope = _say(lines[0, at] + lines[1, at] * x, y, first)
        down = np.stack([np.bincount(at, w, len(names)) for w in (slope, slope * x)]) @ parts
        prior = precision * flat
        return value + 0.5 * float(prior @ flat), down.ravel() + prior

    start = np.zeros((2, parts.shape[1]))
    start[1, 0] = 1.0
    found = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B").x.reshape(2, -1)
    if found[1, 0] <= 0.0:
        raise BadInput("grasps with a higher score held less often: there is nothing to go by")
    offsets, slopes = found @ parts.T
    slopes = np.maximum(slopes, LEAST * found[1, 0]) / spread
    worth = zip(names.tolist(), (offsets - slopes * middle).tolist(), slopes.tolist(), strict=True)
    return {name: (offset, slope) for name, offset, slope in worth}


def _parts(names: Sequence[str]) -> tuple[Array, Array]:
    """What the lines of K kinds are sums of, shape (K, P), and their precision, shape (2 P,).

    A common part, one per type, one per variant, and each kind's own.
    """
    columns, precision = [np.ones((len(names), 1))], [(0.0, 0.0)]
    split = [name.partition(" ")[::2] for name in names]
    for labels, prior in zip([*zip(*split, strict=True), names], (ALIKE, ALIKE, OWN), strict=True):
        members = np.unique(labels)
        columns.append(np.asarray(labels)[:, None] == members)
        precision += [prior] * len(members)
    return np.hstack(columns).astype(float), np.array(precision).T.ravel()


def _say(worth: Array, held: Array, first: IntArray) -> tuple[float, Array]:
    """Negative log of what happened, by this worth (N,), and its gradient, shape (N,).

    Grasps of a scene follow each other; `first` tells where each scene begins.
    """
    sizes = np.diff(first, append=len(worth))
    share = np.exp(worth - np.repeat(np.maximum.reduceat(worth, first), sizes))
    share /= np.repeat(np.add.reduceat(share, first), sizes)
    chance = np.add.reduceat(share * held, first)
    chosen = share * (np.repeat(chance, sizes) - held) / np.repeat(chance + MISSED, sizes)
    alone = np.logaddexp(0.0, worth) - held * worth
    value = EACH * alone.sum() - np.log(chance + MISSED).sum()
    return float(value), EACH * (1.0 / (1.0 + np.exp(-worth)) - held) + chosen
