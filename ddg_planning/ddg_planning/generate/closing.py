"""Closing the fingers on the object's body: where each joint comes to rest."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ddg_core.arrays import Array, BoolArray
from ddg_planning.generate.collision import placed
from ddg_planning.generate.hand_model import HandModel
from ddg_planning.generate.transfer import Candidates


class Body(Protocol):
    """What stops the fingers."""

    def distance(self, points: Tensor) -> Tensor:
        """Signed distance of points (..., 3) to it, in [m], shape (...)."""


@dataclass(frozen=True)
class ClosingSettings:
    """The closing of the fingers.

    Attributes:
        steps: Steps from the open hand to `reach`.
        reach: How far a joint may close, 1 being the demonstrated grip.
        touch: A ball this near to the body touches it, in [m].
        squeeze: Joint targets of the last waypoint lie this much deeper, in [rad].
        thumb: The same of the thumb, which presses against all fingers together.
        still: A joint that was told to move less than this is left alone, in [rad].
    """

    steps: int = 14
    reach: float = 1.3
    touch: float = 0.001
    squeeze: float = 0.25
    thumb: float = 0.4
    still: float = 0.02

    def __post_init__(self) -> None:
        """Refuse a hand that does not close."""
        if self.steps < 1 or self.reach <= 0.0 or min(self.squeeze, self.thumb) < 0.0:
            raise ValueError("steps and reach must be positive, squeeze and thumb not negative")


@dataclass(frozen=True, eq=False)
class Closed:
    """Hands closed on the body.

    Attributes:
        joints: Joints where the fingers rest, shape (N, D), in [rad].
        touching: Which balls touch, shape (N, B).
        balls: Where the balls are, shape (N, B, 3), in [m].
    """

    joints: Tensor
    touching: Tensor
    balls: Tensor


def moved_links(hand: HandModel) -> BoolArray:
    """Which links each driven joint moves, shape (D, L)."""
    middle = torch.as_tensor(hand.hand.limits.mean(axis=1), dtype=hand.dtype)
    joints = middle.repeat(1 + len(middle), 1)
    joints[1:] += 0.1 * torch.eye(len(middle), dtype=hand.dtype)
    p, q = hand.link_poses(joints)
    change = (p[1:] - p[0]).abs().amax(-1) + (q[1:] - q[0]).abs().amax(-1)
    moved: BoolArray = (change > 1e-4).numpy()
    return moved


def thumb_joints(hand: HandModel) -> BoolArray:
    """Which driven joints move the thumb, shape (D,)."""
    return np.asarray(moved_links(hand)[:, hand.thumb.numpy()].any(axis=1))


def close(
    states: Candidates,
    start: Tensor,
    grip: Tensor,
    hand: HandModel,
    solid: Body,
    settings: ClosingSettings,
) -> Closed:
    """Close the fingers from `start` (N, D) towards `grip` (N, D) and beyond until they touch.

    A joint stops as soon as any link that it moves touches the body; joints further out go on.
    """
    moves = torch.as_tensor(moved_links(hand))
    limits = torch.as_tensor(hand.hand.limits.copy(), dtype=hand.dtype)
    stride = (grip - start) * (settings.reach / settings.steps)
    joints = start.clone()
    free = stride.abs() > 0.0
    for _ in range(settings.steps + 1):
        p, q = hand.link_poses(joints)
        balls = placed(hand.balls(p, q), states.positions, states.quaternions)
        touching = solid.distance(balls) - hand.ball_radii < settings.touch
        links = torch.zeros(len(joints), len(hand.link_names), dtype=torch.bool)
        links.index_put_(
            (torch.arange(len(joints))[:, None], hand.ball_links), touching, accumulate=True
        )
        free = free & ~(links[:, None, :] & moves).any(-1)
        bent = torch.where(free, joints + stride, joints)
        joints = torch.minimum(torch.maximum(bent, limits[:, 0]), limits[:, 1])
    return Closed(joints, touching, balls)


def squeezed(
    joints: Array,
    direction: Array,
    limits: Array,
    s: ClosingSettings,
    thumb: BoolArray | None = None,
) -> Array:
    """Targets (..., D) deeper than `joints` in the direction (D,) that each joint was told to go.

    What a joint did does not tell: the object pushes weak joints open while the hand closes.
    Joints that move the `thumb`, shape (D,), go deeper; without it all go alike.
    """
    told = np.where(np.abs(direction) > s.still, np.sign(direction), 0.0)
    deeper = s.squeeze if thumb is None else np.where(thumb, s.thumb, s.squeeze)
    targets: Array = np.clip(joints + deeper * told, limits[:, 0], limits[:, 1])
    return targets
