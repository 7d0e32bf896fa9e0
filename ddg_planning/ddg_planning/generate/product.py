"""The product of all experts: contacts, configuration, missing surface, collision, reach."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ddg_planning.generate.arm import Arm
from ddg_planning.generate.collision import Collision, placed
from ddg_planning.generate.configuration import log_configurations
from ddg_planning.generate.hand_model import HandModel
from ddg_planning.generate.query import relative_densities
from ddg_planning.generate.rotations import from_rotation_vector, matrix, multiply, rotate
from ddg_planning.generate.transfer import Candidates, Transferred


@dataclass(frozen=True)
class ProductSettings:
    """How the experts are multiplied.

    Attributes:
        floor: A link far from all its kernels costs this much, in nepers.
        links: The contact term is stated for a grasp of this many links, whatever the type has
            (the length-normalised product).
        configuration_weight: Exponent of the hand configuration model.
        missing_weight: Cost of a contact whose whole surface is missing on the object, in nepers:
            the negative evidence that kernels alone do not see.
        missing_distance: Surface further than about this counts as missing, in [m].
        fit_weight: Exponent of how well the curvatures of the object fit the contacts.
        unseen: A contact that a view-based model leaves out costs this much, in nepers: about
            what one costs that is found. `floor` is what one costs that is not.
    """

    floor: float = 8.0
    links: float = 5.0
    configuration_weight: float = 1.0
    missing_weight: float = 3.0
    missing_distance: float = 0.006
    fit_weight: float = 0.5
    unseen: float = 2.0

    def __post_init__(self) -> None:
        """Refuse a product without contacts."""
        if self.floor <= 0.0 or self.links <= 0.0 or self.configuration_weight < 0.0:
            raise ValueError("floor and links must be positive, configuration_weight >= 0")


class Product:
    """The product of all experts: contacts, configuration, collision; over all types at once."""

    def __init__(
        self,
        types: tuple[Transferred, ...],
        hand: HandModel,
        collision: Collision,
        settings: ProductSettings,
        arm: Arm | None = None,
    ) -> None:
        """Put what all types have into tables, one row per type, padded to the most links."""
        self.types, self.hand, self.collision, self.arm = types, hand, collision, arm
        self.settings = settings
        starts = torch.stack([torch.as_tensor(t.model.start.copy()) for t in types])
        self._open = hand.balls(*hand.link_poses(starts.to(hand.dtype)))  # (T, B, 3)
        most = max(len(t.links) for t in types)
        pad = [most - len(t.links) for t in types]
        self._links = torch.stack([_padded(t.links, n) for t, n in zip(types, pad, strict=True)])
        self._peaks = torch.stack(
            [_padded(t.peaks, n, 1.0) for t, n in zip(types, pad, strict=True)]
        )
        self._pads = torch.stack([_padded(t.pads, n) for t, n in zip(types, pad, strict=True)])
        shares = [
            _padded(torch.ones_like(t.peaks) * (1.0 - t.model.absent) / len(t.links), n)
            for t, n in zip(types, pad, strict=True)
        ]
        self._shares = torch.stack(shares)  # (T, L): 1 / number of contacts, 0 for padding
        self._configurations = tuple(t.configuration for t in types)
        absent = [settings.unseen * t.model.absent for t in types]
        fits = [settings.fit_weight * t.fit * (1.0 - t.model.absent) for t in types]
        self._offsets = torch.tensor(fits, dtype=hand.dtype) - torch.tensor(
            absent, dtype=hand.dtype
        )
        grips = torch.stack([torch.as_tensor(t.model.grip.copy()) for t in types])
        at = hand.link_poses(grips.to(hand.dtype))[0]
        self._pivots = torch.stack([at[i, t.links].mean(dim=0) for i, t in enumerate(types)])

    def log_density(self, states: Candidates, counts: Sequence[int]) -> Tensor:
        """Log of the product for candidates sorted by type, shape (N,)."""
        s, kinds = self.settings, rows_of(counts)
        p, q = self.hand.link_poses(states.joints)
        q = multiply(states.quaternions[:, None], q)
        p = states.positions[:, None] + p @ matrix(states.quaternions).transpose(-1, -2)
        row, links, shares = (
            torch.arange(len(kinds))[:, None],
            self._links[kinds],
            self._shares[kinds],
        )
        p_touch, q_touch = p[row, links], q[row, links]
        densities = tuple(kind.query for kind in self.types)
        relative = relative_densities(densities, counts, p_touch, q_touch) / self._peaks[kinds]
        contact = torch.log(relative + float(np.exp(-s.floor))) * shares
        missing = self._missing(p_touch, q_touch, kinds) * shares
        total = s.links * (contact - s.missing_weight * missing).sum(-1)
        hand = log_configurations(self._configurations, kinds, states.joints)
        total = total + s.configuration_weight * hand + s.links * self._offsets[kinds]
        collision = self.collision
        cost = collision.settings.cost(collision.closed(self.hand.balls(p, q)))
        cost = cost + collision.settings.cost(self.open_depth(states, counts))
        if self.arm is not None:
            cost = cost + self.arm.cost(states.positions, states.quaternions)
        return total - cost

    def _missing(self, p: Tensor, q: Tensor, kinds: Tensor) -> Tensor:
        """Share of the touched surface that is not there on the object, per link, shape (N, L)."""
        pads = self._pads[kinds] @ matrix(q).transpose(-1, -2) + p[:, :, None]
        away = self.collision.solid.distance(pads) / self.settings.missing_distance
        return 1.0 - torch.exp(-0.5 * away * away).mean(dim=-1)

    def out_of_reach(self, states: Candidates) -> Tensor:
        """How far wrists are out of the arm's reach, in [m], shape (N,); 0 without an arm."""
        if self.arm is None:
            return torch.zeros(len(states), dtype=states.positions.dtype)
        return self.arm.excess(states.positions, states.quaternions)

    def open_depth(self, states: Candidates, counts: Sequence[int]) -> Tensor:
        """Depths (N, B) in [m] of the open hand at the wrist pose of the grasp."""
        return self.collision.open(
            placed(self._balls(counts), states.positions, states.quaternions)
        )

    def moved(
        self, states: Candidates, counts: Sequence[int], move: Tensor, turn: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Wrist poses (N, 3), (N, 4) shifted by `move` (N, 3) and turned by `turn` (N, 3).

        They turn about the middle of the touching links: turned about the wrist, the fingertips
        would swing away.
        """
        pivots = self._pivots[rows_of(counts)]
        arm = rotate(states.quaternions, pivots)
        spin = from_rotation_vector(turn)
        positions = states.positions + arm - rotate(spin, arm) + move
        return positions, multiply(spin, states.quaternions)

    def _balls(self, counts: Sequence[int]) -> Tensor:
        return self._open[rows_of(counts)]

    def way_in(self, states: Candidates, counts: Sequence[int], samples: int = 4) -> Tensor:
        """Balls (S, N, B, 3) of the open hand from the pre-grasp to the grasp."""
        starts, at = [], 0
        for kind, count in zip(self.types, counts, strict=True):
            here = slice(at, at + count)
            starts.append(kind.waypoints(states.positions[here], states.quaternions[here], 0)[0])
            at += count
        before, balls = torch.cat(starts), self._balls(counts)
        shares = torch.linspace(0.0, 1.0, samples, dtype=before.dtype)
        return torch.stack(
            [
                placed(balls, before + s * (states.positions - before), states.quaternions)
                for s in shares
            ]
        )


def rows_of(counts: Sequence[int]) -> Tensor:
    """Index of the type per candidate, shape (N,), for candidates sorted by type."""
    return torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))


def _padded(values: Tensor, more: int, fill: float = 0.0) -> Tensor:
    """Append `more` rows of `fill`."""
    return torch.cat([values, values.new_full((more, *values.shape[1:]), fill)])
