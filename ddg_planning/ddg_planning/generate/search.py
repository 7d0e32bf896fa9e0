"""The search for likely grasps: draw many, keep the best, climb the log density, drop collisions.

The original anneals every candidate for hundreds of random steps. The log of the product is smooth,
so its gradient shows the way: a dozen steps uphill end higher (docs/results.md has the figures).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ddg_planning.generate.product import Product, rows_of
from ddg_planning.generate.transfer import Candidates, draw_hands, join
from ddg_planning.generate.worth import Worth


@dataclass(frozen=True)
class SearchSettings:
    """How many candidates, how long.

    Attributes:
        candidates: Scored candidates, over all types together.
        even: Share of them that all types get alike, for a first look.
        partial: A view-based model gets this share of what a whole one gets then.
        chosen: So many types share the rest: those whose best is worth most so far.
        oversample: Hand states drawn per scored candidate; the surplus is dropped where the open
            hand collides or the arm cannot reach.
        kept: Share of the scored candidates that climb.
        steps: Steps uphill.
        step_position: Largest step of the wrist, in [m].
        step_angle: Largest step of the wrist, in [rad].
        step_joint: Largest step of a joint, in [rad].
    """

    candidates: int = 1200
    even: float = 1.0
    partial: float = 1.0
    chosen: int = 10
    oversample: float = 2.0
    kept: float = 0.3
    steps: int = 4
    step_position: float = 0.004
    step_angle: float = 0.08
    step_joint: float = 0.03

    def __post_init__(self) -> None:
        """Refuse an empty search."""
        if min(self.candidates, self.chosen) < 1 or self.oversample < 1.0:
            raise ValueError("needs candidates >= 1, chosen >= 1 and oversample >= 1")
        if not all(0.0 < share <= 1.0 for share in (self.kept, self.even, self.partial)):
            raise ValueError("kept, even and partial must be above 0, and at most 1")


@dataclass(frozen=True, eq=False)
class Scored:
    """Candidates sorted by type, with scores.

    Attributes:
        states: The hand states.
        counts: Number of candidates of each type, in the order of the types; sums to N.
        scores: Log of the product of all experts, shape (N,).
    """

    states: Candidates
    counts: tuple[int, ...]
    scores: Tensor

    @property
    def kinds(self) -> Tensor:
        """Index of the type per candidate, shape (N,)."""
        return rows_of(self.counts)

    def at(self, mask: Tensor) -> "Scored":
        """Return the candidates where `mask` (N,) is true."""
        kept = torch.bincount(self.kinds[mask], minlength=len(self.counts))
        return Scored(self.states.at(mask), tuple(kept.tolist()), self.scores[mask])


def propose(
    product: Product,
    settings: SearchSettings,
    worth_of: Callable[[str], Worth],
    *,
    rng: np.random.Generator,
) -> Scored:
    """Draw candidates and score those whose open hand is nearly free.

    A part is drawn of all types, of view-based ones less (`SearchSettings.partial`), the rest of
    those whose best score is worth most so far.
    """
    looks = _first_look(product, settings)
    first = _scored(product, looks, settings, rng=rng)
    rest = settings.candidates - sum(looks)
    if rest <= 0:
        return first
    best = [part.amax() for part in torch.split(first.scores, looks)]
    worth = [worth_of(kind.model.label) for kind in product.types]
    promise = np.array([a + b * float(score) for (a, b), score in zip(worth, best, strict=True)])
    counts = np.zeros(len(looks), dtype=int)
    chosen = np.argsort(-promise, kind="stable")[: settings.chosen]
    counts[chosen] = rest // len(chosen)
    return _together(first, _scored(product, counts.tolist(), settings, rng=rng))


def _first_look(product: Product, settings: SearchSettings) -> list[int]:
    """How many candidates each type gets before any is known."""
    shares = np.array([settings.partial if t.model.absent else 1.0 for t in product.types])
    wanted = settings.candidates * settings.even * shares / shares.sum()
    looks: list[int] = np.ceil(wanted).astype(int).tolist()
    return looks


def _scored(
    product: Product, counts: Sequence[int], settings: SearchSettings, *, rng: np.random.Generator
) -> Scored:
    """Draw `counts` candidates of the types, and score them."""
    more = [int(count * settings.oversample) for count in counts]
    drawn = draw_hands(product.types, more, product.hand, rng=rng)
    with torch.no_grad():
        depth = product.open_depth(drawn, more).amax(dim=-1).clamp(min=0.0)
        order = torch.argsort(depth + product.out_of_reach(drawn), stable=True)
        kinds = rows_of(more)[order]
        best = [order[kinds == kind][:count] for kind, count in enumerate(counts)]
        states = drawn.at(torch.cat(best).sort().values)
        scores = product.log_density(states, tuple(counts))
    return Scored(states, tuple(counts), scores)


def _together(first: Scored, second: Scored) -> Scored:
    """Both, sorted by type."""
    order = torch.argsort(torch.cat([first.kinds, second.kinds]), stable=True)
    counts = tuple(a + b for a, b in zip(first.counts, second.counts, strict=True))
    scores = torch.cat([first.scores, second.scores])[order]
    return Scored(join([first.states, second.states]).at(order), counts, scores)


def best_of_each(scored: Scored, share: float) -> Scored:
    """Keep the best `share` of every type."""
    mask, at = torch.zeros(len(scored.scores), dtype=torch.bool), 0
    for count in scored.counts:
        order = torch.argsort(scored.scores[at : at + count], descending=True, stable=True)
        mask[at + order[: int(np.ceil(share * count))]] = True
        at += count
    return scored.at(mask)


def climb(product: Product, scored: Scored, settings: SearchSettings) -> Scored:
    """Ascend the gradient of the log density, every candidate with a step of its own.

    A step that does not go up is taken back and halved, so no score ever falls.
    """
    states, scores = scored.states, scored.scores.clone()
    scale = torch.ones(len(scores), 1, dtype=scores.dtype)
    limits = torch.as_tensor(product.hand.hand.limits.copy(), dtype=scores.dtype)
    gradient = _gradient(product, states, scored.counts)
    for _ in range(settings.steps):
        move, turn, bend = (
            scale * _capped(g, size)
            for g, size in zip(
                gradient,
                (settings.step_position, settings.step_angle, settings.step_joint),
                strict=True,
            )
        )
        positions, quaternions = product.moved(states, scored.counts, move, turn)
        trial = Candidates(
            positions,
            torch.nn.functional.normalize(quaternions, dim=-1),
            torch.minimum(torch.maximum(states.joints + bend, limits[:, 0]), limits[:, 1]),
        )
        value, slope = _value_and_gradient(product, trial, scored.counts)
        up = value > scores
        scores = torch.where(up, value, scores)
        keep = up[:, None]
        states = Candidates(
            torch.where(keep, trial.positions, states.positions),
            torch.where(keep, trial.quaternions, states.quaternions),
            torch.where(keep, trial.joints, states.joints),
        )
        gradient = tuple(
            torch.where(keep, new, old) for new, old in zip(slope, gradient, strict=True)
        )
        scale = torch.where(keep, (1.3 * scale).clamp(max=2.0), 0.4 * scale)
    return Scored(states, scored.counts, scores)


def _capped(gradient: Tensor, size: float) -> Tensor:
    """Steps along the gradient, of length `size`, shorter where it is nearly flat."""
    length = gradient.norm(dim=-1, keepdim=True)
    step: Tensor = gradient * (size / (length + 0.5 / size))
    return step


def _gradient(product: Product, states: Candidates, counts: tuple[int, ...]) -> tuple[Tensor, ...]:
    return _value_and_gradient(product, states, counts)[1]


def _value_and_gradient(
    product: Product, states: Candidates, counts: tuple[int, ...]
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Score (N,) and its gradient by wrist shift (N, 3), wrist turn (N, 3), joints (N, D)."""
    move = torch.zeros_like(states.positions, requires_grad=True)
    turn = torch.zeros_like(states.positions, requires_grad=True)
    joints = states.joints.detach().clone().requires_grad_(True)
    positions, quaternions = product.moved(states, counts, move, turn)
    value = product.log_density(Candidates(positions, quaternions, joints), counts)
    gradient = torch.autograd.grad(value.sum(), (move, turn, joints))
    return value.detach(), gradient
