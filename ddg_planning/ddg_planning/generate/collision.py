"""The collision expert: the hand, as balls, against the object's body, the table, obstacles."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ddg_planning.generate.hand_model import HandModel
from ddg_planning.generate.rotations import matrix
from ddg_planning.generate.solid import Solid


@dataclass(frozen=True)
class CollisionSettings:
    """What counts as collision and what it costs.

    Attributes:
        weight: Cost of a ball d metres deep: weight * (exp(steepness * d) - 1).
        steepness: In [1/m].
        contact_tolerance: The closed hand may sink this deep into the body, in [m].
        clear_tolerance: The open hand may sink this deep into the body, in [m].
        table_margin: Wanted between hand and table, in [m].
        obstacle_margin: Wanted between hand and obstacles, in [m].
        clearance: Nearer to table or obstacles a candidate must not come on its way, in [m]:
            what is seen is uncertain by about as much.
        depth: A candidate whose open hand sinks deeper than this on its way is dropped, in [m].
    """

    weight: float = 0.5
    steepness: float = 100.0
    contact_tolerance: float = 0.004
    clear_tolerance: float = 0.0
    table_margin: float = 0.004
    obstacle_margin: float = 0.005
    clearance: float = 0.002
    depth: float = 0.006

    def __post_init__(self) -> None:
        """Refuse negative costs and distances."""
        if min(self.weight, self.steepness, self.depth, self.clearance) < 0.0:
            raise ValueError("weight, steepness, depth and clearance must not be negative")

    def cost(self, depth: Tensor) -> Tensor:
        """Cost (N,) of penetration depths (N, B) in [m]; negative depths cost nothing."""
        inside = depth.clamp(min=0.0, max=0.05)
        return self.weight * torch.expm1(self.steepness * inside).sum(-1)


class Collision:
    """Depths of the hand's balls in object, table and obstacles."""

    def __init__(self, hand: HandModel, solid: Solid, settings: CollisionSettings) -> None:
        """Keep hand, scene and settings; obstacles far from the object are kept too."""
        self.hand, self.solid, self.settings = hand, solid, settings
        self._obstacles = torch.as_tensor(
            solid.obstacles[:: 1 + len(solid.obstacles) // 400].copy()
        )
        self._obstacles = self._obstacles.to(hand.dtype)

    def closed(self, balls: Tensor) -> Tensor:
        """Depths (N, B) of balls at (N, B, 3) of a hand that touches the object."""
        return torch.maximum(self._body(balls, self.settings.contact_tolerance), self._table(balls))

    def open(self, balls: Tensor) -> Tensor:
        """Depths (N, B) of balls at (N, B, 3) of a hand that must not touch the object yet."""
        return torch.maximum(self._body(balls, self.settings.clear_tolerance), self._table(balls))

    def _body(self, balls: Tensor, tolerance: float) -> Tensor:
        return self.hand.ball_radii - tolerance - self.solid.distance(balls)

    def _table(self, balls: Tensor) -> Tensor:
        return self.hand.ball_radii + self.settings.table_margin - self.solid.height(balls)

    def free(self, way: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Whether hands come in without touching, and their least clearance in [m], shapes (N,).

        `way` holds the balls (N, B, 3) of the open hands at each stop.
        """
        depth = torch.stack([self.open(balls).amax(dim=-1) for balls in way]).amax(dim=0)
        clearance = torch.stack([self.clearance(balls) for balls in way]).amin(dim=0)
        return (depth < self.settings.depth) & (clearance > self.settings.clearance), clearance

    def clearance(self, balls: Tensor) -> Tensor:
        """Least distance (N,) of balls (N, B, 3) to table and obstacles, in [m]."""
        least = (self.solid.height(balls) - self.hand.ball_radii).min(dim=-1).values
        if len(self._obstacles):
            n, b = balls.shape[:2]
            away = torch.cdist(balls.reshape(-1, 3), self._obstacles).min(dim=-1).values
            least = torch.minimum(
                least, (away.reshape(n, b) - self.hand.ball_radii).min(dim=-1).values
            )
        return least


def placed(balls: Tensor, positions: Tensor, quaternions: Tensor) -> Tensor:
    """Balls (N, B, 3) or (B, 3) in {wrist}, taken to wrists at (N, 3), (N, 4)."""
    return positions[:, None] + balls @ matrix(quaternions).transpose(-1, -2)
