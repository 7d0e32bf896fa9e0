"""Calibration and figures, in torch alone."""

from typing import Any

import torch
from torch import Tensor, nn

from ddg_planning.training.networks import Judge
from ddg_planning.training.score import probabilities


def calibrate(model: Judge, logits: Tensor, held: Tensor) -> None:
    """Fit scale and shift of the logits (heads, N) so that the mean probability is true."""
    fit = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    z, y = logits.double(), held.double()
    optimiser = torch.optim.LBFGS([fit], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        p = torch.sigmoid(fit[0].exp() * z + fit[1]).mean(dim=0).clamp(1e-6, 1.0 - 1e-6)
        value = nn.functional.binary_cross_entropy(p, y)
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    model.scale.copy_(fit[0].detach().exp())
    model.shift.copy_(fit[1].detach())


def measured(model: Judge, logits: Tensor, held: Tensor, seeds: Tensor) -> dict[str, Any]:
    """How good calibrated predictions of N grasps are, and those of the best of each scene."""
    p = probabilities(model.cpu(), logits)[0].double()
    best = [
        int(torch.where(seeds == seed, p, -1.0).argmax()) for seed in sorted(set(seeds.tolist()))
    ]
    return {
        "grasps": len(p),
        "held": float(held.mean()),
        "auc": auc(p, held),
        "ece": ece(p, held),
        "log_loss": float(nn.functional.binary_cross_entropy(p, held.double())),
        "scenes": len(best),
        "best_held": float(held[best].mean()),
        "best_predicted": float(p[best].mean()),
        "best_ece": ece(p[best], held[best]),
    }


def auc(p: Tensor, held: Tensor) -> float:
    """Chance that a held grasp is scored above one that was not; ties count half."""
    good, bad = p[held > 0.5], p[held <= 0.5]
    if not len(good) or not len(bad):
        return 0.5
    order = bad.sort().values
    below = torch.searchsorted(order, good, right=False) + torch.searchsorted(
        order, good, right=True
    )
    return float(below.double().mean() / (2 * len(bad)))


def ece(p: Tensor, held: Tensor, bins: int = 10) -> float:
    """Expected calibration error over bins of equal width."""
    at = (p * bins).long().clamp(max=bins - 1)
    gaps = [(p[at == b] - held[at == b]).sum().abs() for b in range(bins)]
    return float(torch.stack(gaps).sum() / max(len(p), 1))
