"""What a predicted probability is worth: its order, its truth, and where to abstain."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ddg_core.arrays import Array, BoolArray, IntArray
from ddg_core.statistics import bootstrap_by_object, wilson
from ddg_planning.evaluate.network import EmS

_ONE_SIDED = 1.6449  # quantile of the normal distribution: 95 % lie below
_EVEN = 1e-4  # predictions nearer to 0 or 1 count as this far


def roc_auc(scores: Array, held: BoolArray) -> float:
    """Chance that a held grasp is scored above one that was not; ties count half; 0.5 if one sort.

    Args:
        scores: Shape (N,).
        held: What became of them, shape (N,).
    """
    positives = int(held.sum())
    negatives = len(held) - positives
    if not positives or not negatives:
        return 0.5
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    return float((rank[held].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(scores: Array, held: BoolArray) -> float:
    """Mean precision at each held grasp, from the best score down; 0 if none held."""
    order = np.argsort(-scores, kind="stable")
    hits = held[order]
    if not hits.any():
        return 0.0
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return float(precision[hits].mean())


def reliability(p: Array, held: BoolArray, bins: int = 10) -> list[tuple[float, float, int]]:
    """Mean prediction, share held and count per bin of equal width; empty bins are left out."""
    at = np.minimum((p * bins).astype(int), bins - 1)
    return [
        (float(p[at == b].mean()), float(held[at == b].mean()), int((at == b).sum()))
        for b in range(bins)
        if (at == b).any()
    ]


def calibration_error(p: Array, held: BoolArray, bins: int = 10) -> float:
    """Expected calibration error: mean gap between prediction and share held, over bins."""
    rows = reliability(p, held, bins)
    return sum(abs(said - was) * n for said, was, n in rows) / max(len(p), 1)


def first_of_each(p: Array, scenes: IntArray) -> IntArray:
    """Index of the best grasp of each scene, in the order of the scenes' numbers."""
    order = np.lexsort((-p, scenes))
    _, first = np.unique(scenes[order], return_index=True)
    best: IntArray = order[first]
    return best


def threshold(
    p: Array, held: BoolArray, objects: Sequence[str], precision: float, *, rng: np.random.Generator
) -> float | None:
    """Least probability above which the share held is `precision` or more; None if there is none.

    So that the precision lasts on grasps and on objects that the threshold was not chosen on, the
    lower ends (95 % of one side) both of the Wilson interval and of the bootstrap by object must
    reach it.

    Args:
        p: Predictions of executed grasps, shape (N,).
        held: What became of them, shape (N,).
        objects: What was grasped, N names.
        precision: Wanted share.
        rng: Source of the bootstrap's draws.
    """
    names = np.asarray(objects)
    for least in np.unique(p):
        kept = p >= least
        few = wilson(int(held[kept].sum()), int(kept.sum()), z=_ONE_SIDED)[0]
        if few < precision:
            continue
        low, _ = bootstrap_by_object(held[kept], names[kept], rng=rng, draws=2000, level=0.9)
        if low >= precision:
            return float(least)
    return None


def calibrate(network: EmS, logits: Tensor, held: Tensor) -> None:
    """Fit scale and shift of the logits (heads, N) so that the mean probability is true.

    Two numbers cannot change the order of a member's grasps.
    """
    scale, shift = _fit(logits.detach().double(), held.double())
    network.scale.copy_(scale)
    network.shift.copy_(shift)


def calibrate_chosen(network: EmS, p: Array, held: BoolArray) -> None:
    """Change scale and shift so that predictions are true of grasps that were chosen.

    The best of many predictions is too high a prediction more often than not: what is true of all
    grasps is not true of those that are executed.

    Args:
        network: That predicted.
        p: Its predictions for executed grasps, shape (N,).
        held: What became of them, shape (N,).
    """
    mean = torch.as_tensor(np.clip(p, _EVEN, 1.0 - _EVEN))
    scale, shift = _fit(torch.logit(mean)[None], torch.as_tensor(held).double())
    network.scale.mul_(scale)  # of the members as of their mean: they agree within a few percent
    network.shift.mul_(scale).add_(shift)


def _fit(z: Tensor, held: Tensor, steps: int = 100) -> tuple[Tensor, Tensor]:
    """Scale and shift of logits (heads, N) whose mean probability is likeliest, given (N,)."""
    fit = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([fit], max_iter=steps, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        p = torch.sigmoid(fit[0].exp() * z + fit[1]).mean(dim=0).clamp(1e-6, 1.0 - 1e-6)
        value = torch.nn.functional.binary_cross_entropy(p, held)
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    return fit[0].detach().exp(), fit[1].detach()
