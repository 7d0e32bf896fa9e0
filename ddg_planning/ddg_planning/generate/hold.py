"""The holding expert: could the fingers, where they come to rest, press and carry the object?"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ddg_planning.generate.closing import Closed
from ddg_planning.generate.hand_model import HandModel
from ddg_planning.generate.solid import Solid

PORTION = 128  # hands that are solved together: what fits the cache


@dataclass(frozen=True)
class HoldSettings:
    """How a hold is judged.

    Attributes:
        weight: Cost of a hold that balances nothing, in nepers; 0 leaves the expert out.
        touch: A link this near to the guessed body when the fingers rest will touch it, in [m].
        unknown: Share of that cost where the thumb is not: the guessed body tells nothing then.
        friction: Coefficient of friction assumed.
        press: Force of the thumb, in [N].
        limit: Largest force of another link, in [N].
        density: Of the object, in [kg/m^3]: a mean of full and empty household things.
        heaviest: Mass assumed at most, in [kg].
        steps: Steps of the solver.
    """

    weight: float = 60.0
    touch: float = 0.005
    unknown: float = 0.35
    friction: float = 0.4
    press: float = 3.0
    limit: float = 5.0
    density: float = 500.0
    heaviest: float = 0.5
    steps: int = 80

    def __post_init__(self) -> None:
        """Refuse what can never hold."""
        if min(self.friction, self.press, self.limit) <= 0.0 or min(self.weight, self.touch) < 0.0:
            raise ValueError("friction, press, limit must be positive, weight, touch not negative")
        if not 0.0 <= self.unknown <= 1.0:
            raise ValueError(f"unknown must be in [0, 1], got {self.unknown}")


def holding_cost(closed: Closed, hand: HandModel, solid: Solid, settings: HoldSettings) -> Tensor:
    """Cost of what a hold leaves unbalanced, in nepers, shape (N,)."""
    gaps = solid.distance(closed.balls) - hand.ball_radii
    near = replace(closed, touching=gaps < settings.touch)
    left = imbalance(near, hand, solid, settings).clamp(max=1.0)
    known = near.touching[:, hand.thumb[hand.ball_links]].any(dim=1)
    cost: Tensor = settings.weight * torch.where(known, left, settings.unknown)
    return cost


def imbalance(closed: Closed, hand: HandModel, solid: Solid, settings: HoldSettings) -> Tensor:
    r"""How far the best contact forces are from balance, shape (N,), about 0 (good) to 1.

    The thumb presses with a given force; the other links may answer with any force in their
    friction cones up to a limit. What is left over of forces, of torques (about the middle of the
    body, per its size) and of the object's weight is stated as a share of the thumb's force. It
    is a bounded least-squares problem per hand, solved for all hands at once.
    """
    points, normals, touched = _contacts(closed, hand, solid)
    edges = _cone_edges(normals, settings.friction)  # (N, L, 4, 3)
    arms = (points - solid.middle)[:, :, None].expand_as(edges) / solid.size
    wrenches = torch.cat([edges, torch.linalg.cross(arms, edges)], dim=-1)  # (N, L, 4, 6)
    pressing = hand.thumb[:, None, None].expand(*wrenches.shape[:3], 1)[..., :1].to(points.dtype)
    G = torch.cat([wrenches, 2.0 * pressing], dim=-1)
    G = (G * touched[:, :, None, None]).flatten(1, 2).transpose(1, 2)  # (N, 7, 4 L)
    mass = min(settings.density * solid.volume, settings.heaviest)
    target = torch.zeros(7, dtype=points.dtype)
    target[2], target[6] = 9.81 * mass, 2.0 * settings.press
    ceiling = torch.where(hand.thumb, settings.press, settings.limit).repeat_interleave(4)
    rest = _left_over(G, target, ceiling, touched, settings.steps)
    left: Tensor = rest.norm(dim=-1) / (2.0 * settings.press)
    return left


def _contacts(closed: Closed, hand: HandModel, solid: Solid) -> tuple[Tensor, Tensor, Tensor]:
    """Deepest contact per link: points and outward normals (N, L, 3), touched (N, L)."""
    n, links = len(closed.balls), len(hand.link_names)
    depth = torch.where(closed.touching, hand.ball_radii - solid.distance(closed.balls), -1.0)
    spread = depth.new_full((n, links, depth.shape[1]), -1.0)
    balls = torch.arange(depth.shape[1])
    spread[:, hand.ball_links, balls] = depth
    deepest, index = spread.max(dim=-1)
    centres = closed.balls.gather(1, index[..., None].expand(n, links, 3))
    normals = solid.normal(centres)
    points = centres - hand.ball_radii[index][..., None] * normals
    return points, normals, deepest > -1.0


def _cone_edges(normals: Tensor, friction: float) -> Tensor:
    """Four edges (N, L, 4, 3) of the friction cones that press against outward normals."""
    helper = torch.zeros_like(normals)
    helper.scatter_(-1, normals.abs().argmin(-1, keepdim=True), 1.0)
    x = torch.nn.functional.normalize(torch.linalg.cross(normals, helper), dim=-1)
    y = torch.linalg.cross(normals, x)
    sides = [friction * x, -friction * x, friction * y, -friction * y]
    return torch.stack([side - normals for side in sides], dim=-2)


def _left_over(G: Tensor, target: Tensor, ceiling: Tensor, touched: Tensor, steps: int) -> Tensor:
    """What is left over of the target at best, shape (N, 7).

    A link that does not touch has columns of zeros, and most do not: hands with about as many
    contacts are solved together, without the columns that none of them needs.
    """
    counts = touched.sum(dim=1)
    order = counts.argsort()
    left = []
    for rows in torch.split(order, PORTION):
        links = touched[rows].to(G.dtype).topk(int(counts[rows[-1]]), dim=1).indices
        columns = (4 * links[..., None] + torch.arange(4)).flatten(1)
        part = G[rows].gather(2, columns[:, None].expand(-1, len(target), -1))
        force = _bounded_least_squares(part, target, ceiling[columns], steps)
        left.append((part @ force[..., None])[..., 0] - target)
    return torch.cat(left)[order.argsort()]


@torch.no_grad()  # at the least of |G f - target| its slope in G is the one with f held still
def _bounded_least_squares(G: Tensor, target: Tensor, ceiling: Tensor, steps: int) -> Tensor:
    """Minimise |G f - target| over 0 <= f <= ceiling by accelerated projected gradients."""
    step = 1.0 / (G.square().sum(dim=(1, 2)) + 1e-9)[:, None]
    f = G.new_zeros(len(G), G.shape[2])
    ahead, momentum = f, 1.0
    for _ in range(steps):
        rest = (G @ ahead[..., None])[..., 0] - target
        slope = (rest[:, None] @ G)[:, 0]
        new = torch.minimum((ahead - step * slope).clamp(min=0.0), ceiling)
        faster = (1.0 + (1.0 + 4.0 * momentum**2) ** 0.5) / 2.0
        ahead = new + (momentum - 1.0) / faster * (new - f)
        f, momentum = new, faster
    return f
