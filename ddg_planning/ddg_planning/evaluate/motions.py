"""Grasps as tensors, and where they bring the hand: its balls, and the nearest of each link."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ddg_core.arrays import Array
from ddg_core.errors import BadInput
from ddg_core.grasp import Grasp
from ddg_core.transforms import inverse, quaternion
from ddg_planning.evaluate.volume import Volume
from ddg_planning.generate.collision import placed
from ddg_planning.generate.hand_model import HandModel

OPEN, CLOSED, SQUEEZING = 1, 2, 3  # waypoints of `Motions`; 0 is before the way in
TOUCH = 0.003  # a ball this near to the body counts as touching, in [m]
SQUEEZE = 0.25  # the squeeze is looked at to here, in [rad], as in what the weights learned from
SHARP = 0.001  # over so many metres a gap stops being a touch


@dataclass(frozen=True, eq=False)
class Motions:
    """N grasps in the local frame of a volume.

    Attributes:
        positions: Wrist before the way in, open, closed and squeezing, shape (N, 4, 3), in [m].
        quaternions: The same, shape (N, 4, 4).
        joints: Driven joints at these, shape (N, 4, D), in [rad].
    """

    positions: Tensor
    quaternions: Tensor
    joints: Tensor


def motions(grasps: Sequence[Grasp], T_base_local: Array) -> Motions:
    """Take grasps of K >= 2 waypoints to the local frame.

    Raises:
        BadInput: They are not of one hand, or there is none.
    """
    widths = {grasp.joints.shape[1] for grasp in grasps}
    if len(widths) != 1:
        raise BadInput(f"expected grasps of one hand, got hands of {sorted(widths)} joints")
    rows = [[0, max(len(grasp.joints) - 3, 0), -2, -1] for grasp in grasps]
    T = np.stack([g.T_base_wrist[row] for g, row in zip(grasps, rows, strict=True)])
    joints = np.stack([g.joints[row] for g, row in zip(grasps, rows, strict=True)])
    joints[:, SQUEEZING] = joints[:, CLOSED] + np.clip(
        joints[:, SQUEEZING] - joints[:, CLOSED], -SQUEEZE, SQUEEZE
    )
    T = inverse(T_base_local) @ T
    return Motions(
        *(
            torch.as_tensor(values, dtype=torch.float32)
            for values in (T[..., :3, 3], quaternion(T), joints)
        )
    )


@dataclass(frozen=True, eq=False)
class Reached:
    """Where hand and object meet; S = 3 stages: open, closed, squeezing.

    Attributes:
        balls: Centres of the hand's balls, shape (N, S, B, 3), in [m].
        gaps: Between ball and body, negative inside, shape (N, S, B), in [m].
        nearest: Ball of each link with the least gap, shape (N, S, L).
        centres: Nearest ball of each link when closed, shape (N, L, 3), in [m].
        normals: Unit normals of the body there, shape (N, L, 3).
        touching: How much each link touches when closed, shape (N, L), in [0, 1].
    """

    balls: Tensor
    gaps: Tensor
    nearest: Tensor
    centres: Tensor
    normals: Tensor
    touching: Tensor

    def of_links(self, values: Tensor, stage: int, nearest_in: int) -> Tensor:
        """Values (N, L, X) at `stage` of the balls nearest in a stage, from (N, S, B, X)."""
        index = self.nearest[:, nearest_in - 1, :, None].expand(-1, -1, values.shape[-1])
        return values[:, stage - 1].gather(1, index)


def reach(volume: Volume, grasps: Motions, hand: HandModel) -> Reached:
    """Pose the hand and look around every link."""
    n, links = len(grasps.joints), len(hand.link_names)
    wrists, turns, joints = (
        values[:, OPEN:].flatten(0, 1)
        for values in (grasps.positions, grasps.quaternions, grasps.joints)
    )  # all stages of all grasps at once
    balls = placed(hand.balls(*hand.link_poses(joints)), wrists, turns).reshape(n, 3, -1, 3)
    gaps = volume.body(balls) - hand.ball_radii
    members = [torch.nonzero(hand.ball_links == link)[:, 0] for link in range(links)]
    nearest = torch.stack([m[gaps[..., m].argmin(dim=-1)] for m in members], dim=-1)
    centres = balls[:, 1].gather(1, nearest[:, 1, :, None].expand(n, links, 3))
    least = gaps[:, 1].gather(1, nearest[:, 1])
    return Reached(
        balls,
        gaps,
        nearest,
        centres,
        volume.solid.normal(centres),
        torch.sigmoid((TOUCH - least) / SHARP),
    )
