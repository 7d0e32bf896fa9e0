"""From the end of the search to grasps: ways in checked, fingers closed, doubles removed."""

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ddg_core.arrays import Array, BoolArray
from ddg_core.grasp import Grasp
from ddg_core.transforms import compose
from ddg_planning.generate.closing import (
    Closed,
    ClosingSettings,
    close,
    squeezed,
    thumb_joints,
)
from ddg_planning.generate.hold import HoldSettings, holding_cost
from ddg_planning.generate.product import Product
from ddg_planning.generate.rotations import matrix
from ddg_planning.generate.search import Scored
from ddg_planning.generate.solid import Solid
from ddg_planning.generate.worth import Worth


@dataclass(frozen=True)
class FinishSettings:
    """What is kept of the search.

    Attributes:
        apart_position, apart_angle: Two grasps of a type nearer than both are one, in [m], [rad].
        worth: What the log of the product is worth, per grasp type (and variant: "power found"):
            log odds of holding where it is 0, and per neper; `ddg teach worth` measures it on
            training objects. A variant that is not named counts as its type, a type as the mean of
            the others; without any the product stands as it is.
    """

    apart_position: float = 0.005
    apart_angle: float = 0.1
    worth: dict[str, Worth] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse types of which a higher score is worth less."""
        for kind, (_, slope) in self.worth.items():
            if slope <= 0.0:
                raise ValueError(f"worth: {kind}: the second number must be positive, got {slope}")

    def worth_of(self, label: str) -> Worth:
        """Log odds of a grasp of this type (and variant) where the log of its product is 0, and
        per neper.
        """  # noqa: D205  one sentence
        if not self.worth:
            return 0.0, 1.0
        for name in (label, label.partition(" ")[0]):
            if name in self.worth:
                return self.worth[name]
        offset, slope = np.mean(list(self.worth.values()), axis=0).tolist()
        return offset, slope


def finish(
    product: Product,
    scored: Scored,
    solid: Solid,
    closing: ClosingSettings,
    hold: HoldSettings,
    settings: FinishSettings,
    most: int,
) -> list[Grasp]:
    """Turn scored candidates into at most so many grasps, the likeliest first."""
    way = product.way_in(scored.states, scored.counts)  # (S, N, B, 3)
    free, clearance = product.collision.free([*way])
    if product.arm is not None:
        free &= product.out_of_reach(scored.states) < product.arm.settings.slack
    if not free.any():
        return []
    kept, clearance = scored.at(free), clearance[free]
    start, grip = _ends(product, kept)
    closed = close(kept.states, start, grip, product.hand, solid, closing)
    if hold.weight > 0.0:
        kept = replace(kept, scores=kept.scores - holding_cost(closed, product.hand, solid, hold))
    worth = torch.tensor([settings.worth_of(kind.model.label) for kind in product.types])
    offset, slope = worth.to(kept.scores.dtype)[kept.kinds].T
    kept = replace(kept, scores=offset + slope * kept.scores)
    order = torch.argsort(kept.scores, descending=True, stable=True).tolist()
    T = _matrices(kept.states.positions, kept.states.quaternions)
    names = np.array([kind.model.kind for kind in product.types])
    chosen = _apart(T, names[kept.kinds.numpy()], order, settings, most)
    thumb = thumb_joints(product.hand)
    grasps = [_grasp(product, kept, i, T[i], closed, thumb, closing) for i in chosen]
    away = clearance.clamp(min=0.0).tolist()
    return [replace(grasp, clearance=away[i]) for i, grasp in zip(chosen, grasps, strict=True)]


def _ends(product: Product, scored: Scored) -> tuple[Tensor, Tensor]:
    dtype = product.hand.dtype
    start = torch.stack([torch.as_tensor(t.model.start.copy()) for t in product.types]).to(dtype)
    grip = torch.stack([torch.as_tensor(t.model.grip.copy()) for t in product.types]).to(dtype)
    return start[scored.kinds], grip[scored.kinds]


def _matrices(p: Tensor, q: Tensor) -> Array:
    return compose(matrix(q.double()).numpy(), p.double().numpy())


def _apart(
    T: Array, kinds: NDArray[np.str_], order: list[int], s: FinishSettings, most: int
) -> list[int]:
    """The first indices in `order` that are not too near to a better one of the same type."""
    chosen: list[int] = []
    for i in order:
        if len(chosen) >= most:
            break
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
    thumb: BoolArray,
    closing: ClosingSettings,
) -> Grasp:
    """Lay the motion of the demonstration through the new grasp."""
    model = product.types[int(scored.kinds[i])].model
    limits = product.hand.hand.limits
    joints = model.joints.copy()
    joints[-2] = np.clip(closed.joints[i].double().numpy(), limits[:, 0], limits[:, 1])
    joints[-1] = squeezed(joints[-2], model.squeeze, limits, closing, thumb)
    score = float(scored.scores[i])
    return Grasp(
        T_base_wrist=T_base_grasp @ model.T_grasp_wrist,
        joints=joints,
        hand=model.hand,
        kind=model.kind,
        log_likelihood=score,
        score=score,
        contacts=closed.balls[i][closed.touching[i]].double().numpy(),
        models=(("generate", model.id),),
    )
