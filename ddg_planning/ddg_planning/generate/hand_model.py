"""The hand as torch computes it: forward kinematics in quaternions, links as balls."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ddg_core.arrays import Array
from ddg_core.hand import Hand
from ddg_core.kinematics import MOVING
from ddg_core.shapes import Box, Capsule, Shape
from ddg_core.transforms import quaternion
from ddg_planning.generate.rotations import matrix, multiply, rotate


class HandModel:
    """Forward kinematics of a hand for many joint vectors at once, differentiable.

    It computes what `Hand.link_poses` computes (a test holds the two together), but with all
    joints of the same depth in one operation. Frames: everything is in {wrist}.

    Attributes:
        link_names: The L links that have a shape, as in `Hand.link_names`.
        thumb: Which of them are the thumb's, shape (L,).
        ball_links: Index of the link of each of the B balls that fill the links, shape (B,).
        ball_radii: Radius per ball, shape (B,), in [m].
    """

    def __init__(self, hand: Hand, *, dtype: torch.dtype = torch.float32) -> None:
        """Flatten the tree: fixed joints are merged into the offsets of moving ones."""
        self.hand, self.dtype = hand, dtype
        self.link_names = hand.link_names
        self.thumb = torch.tensor([name in hand.settings.thumb_links for name in self.link_names])
        matrix, offset = hand.coupling
        self._coupling, self._offset = self._tensor(matrix.T), self._tensor(offset)
        self._flatten()
        balls = [(i, *ball) for i, s in hand.surfaces for ball in balls_inside(s)]
        self.ball_links = torch.tensor([b[0] for b in balls], dtype=torch.long)
        self._spread = self._tensor(_spread(self.ball_links, [b[1] for b in balls], hand))
        self.ball_radii = self._tensor([b[2] for b in balls])

    def _tensor(self, values: object) -> Tensor:
        return torch.as_tensor(np.asarray(values), dtype=self.dtype)

    def _flatten(self) -> None:
        tree = self.hand.tree
        names = self.hand.moving_joint_names
        anchor = {tree.link_names[0]: (0, np.eye(4))}  # link -> (moving frame, offset in it)
        depth, parent, fixed, axis, slide = [0], [0], [np.eye(4)], [np.zeros(3)], [False]
        column = [0]
        for joint in tree.joints:
            frame, offset = anchor[joint.parent]
            offset = offset @ joint.T_parent_child
            if joint.kind in MOVING:
                column.append(names.index(joint.name))
                parent.append(frame)
                depth.append(depth[frame] + 1)
                fixed.append(offset)
                axis.append(joint.axis)
                slide.append(joint.kind == "prismatic")
                frame, offset = len(depth) - 1, np.eye(4)
            anchor[joint.child] = (frame, offset)
        order = np.argsort(depth, kind="stable")
        rank = np.argsort(order)
        self._levels = [np.flatnonzero(np.array(depth)[order] == d) for d in range(max(depth) + 1)]
        self._parent = torch.tensor(rank[np.array(parent)[order]])
        self._column = torch.tensor(np.array(column)[order])
        T = np.stack(fixed)[order]
        self._fixed_q, self._fixed_p = self._tensor(quaternion(T)), self._tensor(T[:, :3, 3])
        turns = np.stack(axis)[order] * ~np.array(slide)[order][:, None]
        self._turn, self._slide = (
            self._tensor(turns),
            self._tensor(np.stack(axis)[order] - turns),
        )
        self._link_frame = torch.tensor([int(rank[anchor[n][0]]) for n in self.link_names])
        T = np.stack([anchor[n][1] for n in self.link_names])
        self._link_q, self._link_p = self._tensor(quaternion(T)), self._tensor(T[:, :3, 3])

    def link_poses(self, joints: Tensor) -> tuple[Tensor, Tensor]:
        """Positions (N, L, 3) in [m] and quaternions (N, L, 4) of the links in {wrist}.

        Args:
            joints: Driven joints, shape (N, D), in [rad].
        """
        values = (joints @ self._coupling + self._offset)[:, self._column]  # (N, F)
        half = 0.5 * values[..., None]
        motion = torch.cat([self._turn * torch.sin(half), torch.cos(half)], dim=-1)
        still = (self._turn.abs().sum(-1) == 0.0)[:, None]
        unit = torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=self.dtype)
        motion = torch.where(still, unit, motion)
        local_q = multiply(self._fixed_q, motion)
        local_p = self._fixed_p + rotate(self._fixed_q, values[..., None] * self._slide)
        ps, qs = [local_p[:, :1]], [local_q[:, :1]]
        for level in self._levels[1:]:
            above, here = self._parent[level[0] : level[-1] + 1], slice(level[0], level[-1] + 1)
            p, q = torch.cat(ps, 1)[:, above], torch.cat(qs, 1)[:, above]
            ps.append(p + rotate(q, local_p[:, here]))
            qs.append(multiply(q, local_q[:, here]))
        p, q = torch.cat(ps, 1)[:, self._link_frame], torch.cat(qs, 1)[:, self._link_frame]
        return p + rotate(q, self._link_p), multiply(q, self._link_q)

    def balls(self, p: Tensor, q: Tensor) -> Tensor:
        """Centres (N, B, 3) of the balls that fill the links, given the poses of the links."""
        poses = torch.cat([matrix(q).flatten(2), p], dim=-1).flatten(1)  # (N, 12 L)
        return (poses @ self._spread).reshape(len(p), -1, 3)


def _spread(links: Tensor, centres: Sequence[Array], hand: Hand) -> Array:
    """Linear map (12 L, 3 B) from rotations and positions of all links to centres of balls.

    Most of it is zeros, and yet one product with it is faster than gathering a pose per ball.
    """
    n = len(centres)
    spread = np.zeros((len(hand.link_names), 12, n, 3))
    for axis in range(3):
        spread[links, 3 * axis : 3 * axis + 3, np.arange(n), axis] = np.array(centres)
        spread[links, 9 + axis, np.arange(n), axis] = 1.0
    return spread.reshape(-1, 3 * n)


def balls_inside(shape: Shape) -> list[tuple[Array, float]]:
    """Balls (centre in the link frame, radius [m]) that together fill a primitive.

    A capsule is filled by balls on its axis; a box by a grid of balls of its least half size,
    which leaves its edges uncovered by at most 0.73 of that.
    """
    if isinstance(shape, Capsule):
        length = float(np.linalg.norm(shape.b - shape.a))
        steps = np.linspace(0.0, 1.0, 1 + round(np.ceil(length / shape.radius)))
        return [(shape.a + s * (shape.b - shape.a), shape.radius) for s in steps]
    if isinstance(shape, Box):
        radius = float(shape.half.min())
        spans: Sequence[Array] = [
            np.linspace(radius - h, h - radius, 1 + round(np.ceil((h - radius) / radius)))
            if h > radius
            else np.zeros(1)
            for h in shape.half
        ]
        grid = np.stack(np.meshgrid(*spans, indexing="ij"), -1).reshape(-1, 3)
        centres = grid @ shape.T_link_box[:3, :3].T + shape.T_link_box[:3, 3]
        return [(centre, radius) for centre in centres]
    raise TypeError(f"no balls for a {type(shape).__name__}")
