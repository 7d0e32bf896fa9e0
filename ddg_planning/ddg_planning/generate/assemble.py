"""From the end of the search to grasps: ways in checked, fingers closed, doubles removed."""

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ddg_core.arrays import Array
from ddg_core.grasp import Grasp
from ddg_core.transforms import compose
from ddg_planning.generate.closing import Closed, ClosingSettings, close, squeezed
from ddg_planning.generate.grasp_model import GraspModel
from ddg_planning.generate.hold import HoldSettings, imbalance
from ddg_planning.generate.product import Product
from ddg_planning.generate.rotations import matrix
from ddg_planning.generate.search import Scored
from ddg_planning.generate.solid import Solid


@dataclass(frozen=True)
class FinishSettings:
    """What is kept of the search.

    Attributes:
        apart_position, apart_angle: Two grasps of a type nearer than both are one, in [m], [rad].
        trust: Share of each type's grasps that held, measured in simulation on training objects:
            a prior over types. A type that is not named counts as 0.5.
        trust_weight: Nepers per unit of its log odds.
    """

    apart_position: float = 0.005
    apart_angle: float = 0.1
    trust: dict[str, float] = field(default_factory=dict)
    trust_weight: float = 5.0

    def __post_init__(self) -> None:
        """Refuse certainty."""
        for kind, share in self.trust.items():
            if not 0.0 < share < 1.0:
                raise ValueError(f"trust: {kind}: must be in (0, 1), got {share}")

    def prior(self, model: GraspModel) -> float:
        """Log prior of a grasp type, in nepers."""
        share = self.trust.get(model.kind, 0.5) if model.trust is None else model.trust
        return self.trust_weight * float(np.log(share / (1.0 - share)))


def finish(
    product: Product,
    scored: Scored,
    solid: Solid,
    closing: ClosingSettings,
    hold: HoldSettings,
    settings: FinishSettings,
) -> list[Grasp]:
    """Turn scored candidates into grasps, the likeliest first."""
    way = product.way_in(scored.states, scored.counts)  # (S, N, B, 3)
    collision = product.collision
    depth = torch.stack([collision.open(balls).amax(dim=-1) for balls in way]).amax(dim=0)
    clearance = torch.stack([collision.clearance(balls) for balls in way]).amin(dim=0)
    free = (depth < collision.settings.depth) & (clearance > 0.0)
    if product.arm is not None:
        free &= product.out_of_reach(scored.states) < product.arm.settings.slack
    if not free.any():
        return []
    kept, clearance = scored.at(free), clearance[free]
    start, grip = _ends(product, kept)
    closed = close(kept.states, start, grip, product.hand, solid, closing)
    if hold.weight > 0.0:
        unheld = imbalance(closed, product.hand, solid, hold).clamp(max=1.0)
        kept = replace(kept, scores=kept.scores - hold.weight * unheld)
    prior = torch.tensor([settings.prior(kind.model) for kind in product.types])
    kept = replace(kept, scores=kept.scores + prior.to(kept.scores.dtype)[kept.kinds])
    order = torch.argsort(kept.scores, descending=True, stable=True).tolist()
    T = _matrices(kept.states.positions, kept.states.quaternions)
    names = np.array([kind.model.kind for kind in product.types])
    chosen = _apart(T, names[kept.kinds.numpy()], order, settings)
    return [_grasp(product, kept, i, T[i], closed, float(clearance[i]), closing) for i in chosen]


def _ends(product: Product, scored: Scored) -> tuple[Tensor, Tensor]:
    dtype = product.hand.dtype
    start = torch.stack([torch.as_tensor(t.model.start.copy()) for t in product.types]).to(dtype)
    grip = torch.stack([torch.as_tensor(t.model.grip.copy()) for t in product.types]).to(dtype)
    return start[scored.kinds], grip[scored.kinds]


def _matrices(p: Tensor, q: Tensor) -> Array:
    return compose(matrix(q.double()).numpy(), p.double().numpy())


def _apart(T: Array, kinds: NDArray[np.str_], order: list[int], s: FinishSettings) -> list[int]:
    """Indices in `order` without those too near to a better one of the same type."""
    chosen: list[int] = []
    for i in order:
        same = [j for j in chosen if kinds[j] == kinds[i]]
        shift = np.linalg.norm(T[same, :3, 3] - T[i, :3, 3], axis=-1)
        cosine = (np.einsum("nab,ab->n", T[same, :3, :3], T[i, :3, :3]) - 1.0) / 2.0
        angle = np.arccos(np.clip(cosine, -1.0, 1.0))
        if not ((shift < s.apart_position) & (angle < s.apart_angle)).any():
            chosen.append(i)
    return chosen


def _grasp(
    product: Product,
    scored: Scored,
    i: int,
    T_base_grasp: Array,
    closed: Closed,
    clearance: float,
    closing: ClosingSettings,
) -> Grasp:
    """Lay the motion of the demonstration through the new grasp."""
    model = product.types[int(scored.kinds[i])].model
    limits = product.hand.hand.limits
    joints = model.joints.copy()
    joints[-2] = np.clip(closed.joints[i].double().numpy(), limits[:, 0], limits[:, 1])
    joints[-1] = squeezed(joints[-2], model.squeeze, limits, closing)
    score = float(scored.scores[i])
    grasp = Grasp(
        T_base_wrist=T_base_grasp @ model.T_grasp_wrist,
        joints=joints,
        hand=model.hand,
        kind=model.kind,
        log_likelihood=score,
        contacts=closed.balls[i][closed.touching[i]].double().numpy(),
        models=(("generate", model.id),),
    )
    return replace(grasp, clearance=max(clearance, 0.0), score=score)
