"""What the evaluative model says of grasps that are moved a little, and whether they still work."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ddg_core.grasp import Grasp
from ddg_core.transforms import apply, compose, inverse
from ddg_core.view import ObjectView
from ddg_planning.evaluate.features import Features, features
from ddg_planning.evaluate.motions import CLOSED, OPEN, SQUEEZING, Motions, reach
from ddg_planning.evaluate.refine_settings import RefineSettings
from ddg_planning.evaluate.volume import Volume
from ddg_planning.generate.arm import Arm
from ddg_planning.generate.collision import Collision, placed
from ddg_planning.generate.generator import GeneratorSettings
from ddg_planning.generate.ground import Ground
from ddg_planning.generate.hand_model import HandModel
from ddg_planning.generate.local_frame import to_local
from ddg_planning.generate.rotations import from_rotation_vector, matrix, multiply, rotate

Judge = Callable[[Features], Tensor]  # features of N grasps to logits (heads, N)


class Hill:
    """What the model says of N grasps that are moved by offsets (N, 6 + D), differentiable.

    Offsets are shares of the trust region: shift and turn of the wrist in the local frame, then
    the closed joints. The wrist turns about the middle of what touches.

    Attributes:
        hand: The hand as the features see it.
        size: Numbers per grasp, 6 + D.
    """

    def __init__(
        self,
        volume: Volume,
        grasps: Motions,
        hand: HandModel,
        judge: Judge,
        settings: RefineSettings,
    ) -> None:
        """Keep the grasps and where they touch."""
        self._volume, self._grasps, self._judge = volume, grasps, judge
        self.hand = hand
        dtype, joints = grasps.joints.dtype, grasps.joints.shape[-1]
        self.size = 6 + joints
        s = settings
        region = [s.position] * 3 + [s.angle] * 3 + [s.joint] * joints
        self._region = torch.tensor(region, dtype=dtype)
        self._limits = torch.as_tensor(hand.hand.limits.copy(), dtype=dtype)
        with torch.no_grad():
            at = reach(volume, grasps, hand)
            weights = at.touching[..., None] + 1e-3
            self._pivots = (weights * at.centres).sum(dim=1) / weights.sum(dim=1)

    def logits(self, offsets: Tensor) -> Tensor:
        """Mean logit (N,) of the moved grasps."""
        return self._judge(features(self._volume, self.moved(offsets), self.hand)).mean(dim=0)

    def moved(self, offsets: Tensor) -> Motions:
        """The moved grasps."""
        move, spin = self._rigid(offsets)
        arms = self._grasps.positions - self._pivots[:, None]
        positions = self._pivots[:, None] + rotate(spin[:, None], arms) + move[:, None]
        bend = (offsets * self._region)[:, None, 6:]
        last = self._grasps.joints[:, [CLOSED, SQUEEZING]] + bend
        last = torch.minimum(torch.maximum(last, self._limits[:, 0]), self._limits[:, 1])
        return Motions(
            positions,
            multiply(spin[:, None], self._grasps.quaternions),
            torch.cat([self._grasps.joints[:, :CLOSED], last], dim=1),
        )

    def grasp(self, grasp: Grasp, offsets: Tensor, i: int) -> Grasp:
        """Grasp `i`, moved; all its waypoints move alike."""
        move, spin = (x[i].double() for x in self._rigid(offsets))
        pivot, turn = self._pivots[i].double(), matrix(spin).numpy()
        T_local = compose(turn, (pivot + move).numpy() - turn @ pivot.numpy())
        T_base_local = self._volume.T_base_local
        T = T_base_local @ T_local @ inverse(T_base_local)
        joints = grasp.joints.copy()
        joints[-2:] += (offsets * self._region)[i, 6:].double().numpy()
        joints = self.hand.hand.clip(joints)
        return replace(
            grasp,
            T_base_wrist=T @ grasp.T_base_wrist,
            joints=joints,
            contacts=apply(T, grasp.contacts),
        )

    def _rigid(self, offsets: Tensor) -> tuple[Tensor, Tensor]:
        """Shift (N, 3) and turn (N, 4)."""
        whole = offsets * self._region
        return whole[:, :3], from_rotation_vector(whole[:, 3:6])


class Way:
    """Whether moved grasps can be reached: the checks of the generator."""

    def __init__(
        self, view: ObjectView, volume: Volume, hill: Hill, settings: GeneratorSettings
    ) -> None:
        """Look at what the object stands on."""
        local = to_local(view, volume.T_base_local)
        ground = Ground(view.image, volume.T_base_local, local.cloud.points, settings.ground)
        self._hill, self._hand = hill, hill.hand
        self._collision = Collision(self._hand, volume.solid.on(ground), settings.collision)
        self._arm = (
            Arm(settings.arm, volume.T_base_local, self._hand.dtype) if settings.arm else None
        )

    @torch.no_grad()
    def free(self, offsets: Tensor) -> Tensor:
        """Whether the open hand comes in without touching, and the arm gets there, shape (N,)."""
        grasps = self._hill.moved(offsets)
        free, _ = self._collision.free(self._way_in(grasps))
        if self._arm is not None:
            at = grasps.positions[:, CLOSED], grasps.quaternions[:, CLOSED]
            free &= self._arm.excess(*at) < self._arm.settings.slack
        return free

    @torch.no_grad()
    def clearance(self, offsets: Tensor) -> Tensor:
        """Least distance to table and obstacles on the way in, shape (N,), in [m]."""
        return self._collision.free(self._way_in(self._hill.moved(offsets)))[1]

    def _way_in(self, grasps: Motions, samples: int = 4) -> list[Tensor]:
        balls = self._hand.balls(*self._hand.link_poses(grasps.joints[:, OPEN]))
        start, end = grasps.positions[:, 0], grasps.positions[:, OPEN]
        return [
            placed(balls, start + float(share) * (end - start), grasps.quaternions[:, OPEN])
            for share in np.linspace(0.0, 1.0, samples)
        ]
