"""Affinity propagation: which of many things stand best for the others (Frey and Dueck, 2007)."""

import numpy as np

from ddg_core.arrays import Array, IntArray


def exemplars(
    similarity: Array,
    *,
    preference: float,
    damping: float = 0.9,
    steps: int = 1000,
    patience: int = 50,
) -> IntArray:
    """Choose exemplars and give every thing to one of them, so that the net similarity is high.

    The net similarity is the sum of the similarities of all things to their exemplars, plus
    `preference` per exemplar. How many exemplars there are follows from the data.

    Args:
        similarity: Of thing i to thing k as its exemplar, shape (N, N); the diagonal is ignored.
        preference: Of a thing to be an exemplar: the lower, the fewer there are.
        damping: Share of the old message in the new, in [0.5, 1).
        steps: Rounds of messages at most.
        patience: Rounds without a change after which the choice stands.

    Returns:
        Index of the exemplar per thing, shape (N,); an exemplar is its own.
    """
    n = len(similarity)
    rows = np.arange(n)
    # Equal things would wait for each other for ever: the first is preferred by a trifle.
    S = similarity + 1e-9 * (1.0 + np.abs(similarity).max()) * (n - rows) / n
    S[rows, rows] = preference + 1e-9 * (n - rows) / n
    responsibility, availability = np.zeros((n, n)), np.zeros((n, n))
    chosen, still = np.zeros(n, dtype=bool), 0
    for _ in range(steps):
        total = availability + S
        first = total.argmax(axis=1)
        most = total[rows, first]
        total[rows, first] = -np.inf
        rival = np.repeat(most[:, None], n, axis=1)
        rival[rows, first] = total.max(axis=1) if n > 1 else -np.inf
        rival = np.where(np.isfinite(rival), rival, 0.0)
        responsibility = damping * responsibility + (1.0 - damping) * (S - rival)
        support = np.maximum(responsibility, 0.0)
        support[rows, rows] = responsibility[rows, rows]
        new = support.sum(axis=0) - support
        own = new[rows, rows]
        new = np.minimum(new, 0.0)
        new[rows, rows] = own
        availability = damping * availability + (1.0 - damping) * new
        now = (responsibility + availability)[rows, rows] > 0.0
        still = still + 1 if (now == chosen).all() and now.any() else 0
        chosen = now
        if still >= patience:
            break
    if not chosen.any():
        chosen = rows == S.sum(axis=0).argmax()
    return _settled(S, np.flatnonzero(chosen))


def _settled(S: Array, chosen: IntArray) -> IntArray:
    """Give things to the nearest exemplar, and let each group choose its best once more."""
    nearest = chosen[S[:, chosen].argmax(axis=1)]
    nearest[chosen] = chosen
    for exemplar in chosen:
        group = np.flatnonzero(nearest == exemplar)
        inner = S[np.ix_(group, group)].copy()
        np.fill_diagonal(inner, 0.0)
        nearest[group] = group[inner.sum(axis=0).argmax()]
    again = np.unique(nearest)
    labels: IntArray = again[S[:, again].argmax(axis=1)]
    labels[again] = again
    return labels
