"""Two ways up a hill for many grasps at once: gradient ascent and simulated annealing."""

from collections.abc import Callable

import torch
from torch import Tensor

from ddg_planning.evaluate.refine_settings import RefineSettings

Values = Callable[[Tensor], Tensor]  # offsets (N, X) to values (N,)
Free = Callable[[Tensor], Tensor]  # offsets (N, X) to whether they may be taken (N,)


def ascend(values: Values, free: Free, start: Tensor, s: RefineSettings) -> tuple[Tensor, Tensor]:
    """Gradient ascent: every grasp has a step of its own, taken back where it does not go up."""
    x, scale = start, torch.full((len(start), 1), s.stride, dtype=start.dtype)
    best, slope = value_and_gradient(values, x)
    for _ in range(s.steps):
        trial = within(x + scale * slope / (slope.norm(dim=-1, keepdim=True) + 1e-9))
        value, gradient = value_and_gradient(values, trial)
        up = (value > best) & free(trial)
        x = torch.where(up[:, None], trial, x)
        slope = torch.where(up[:, None], gradient, slope)
        best = torch.where(up, value, best)
        scale = torch.where(up[:, None], 1.3 * scale, 0.4 * scale)
    return x, best


@torch.no_grad()
def anneal(values: Values, free: Free, start: Tensor, s: RefineSettings) -> tuple[Tensor, Tensor]:
    """Simulated annealing: all numbers are moved at random; the best that was found is kept."""
    rng = torch.Generator().manual_seed(s.seed)
    x, here = start, values(start)
    kept, best = x, here
    for step in range(s.steps):
        cold = 1.0 - 0.9 * step / s.steps
        noise = torch.randn(x.shape, generator=rng, dtype=x.dtype)
        trial = within(x + s.stride * cold * noise)
        value = values(trial)
        luck = torch.rand(len(x), generator=rng, dtype=x.dtype)
        taken = (torch.exp((value - here) / (s.temperature * cold)) > luck) & free(trial)
        x, here = torch.where(taken[:, None], trial, x), torch.where(taken, value, here)
        better = here > best
        kept, best = torch.where(better[:, None], x, kept), torch.where(better, here, best)
    return kept, best


def value_and_gradient(values: Values, offsets: Tensor) -> tuple[Tensor, Tensor]:
    """Values (N,) and their gradients (N, 6 + D)."""
    x = offsets.detach().clone().requires_grad_(True)
    value = values(x)
    (gradient,) = torch.autograd.grad(value.sum(), x)
    return value.detach(), gradient


def within(offsets: Tensor) -> Tensor:
    """The nearest offsets in the trust region: shift and turn in balls, joints in a box."""
    parts = []
    for part in (offsets[:, :3], offsets[:, 3:6]):
        parts.append(part / part.norm(dim=-1, keepdim=True).clamp(min=1.0))
    return torch.cat([*parts, offsets[:, 6:].clamp(-1.0, 1.0)], dim=-1)
