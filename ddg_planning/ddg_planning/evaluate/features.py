"""What the network looks at: one row per hand link and one per grasp, for many grasps at once.

All vectors are in the frame of the closed hand's wrist; heights and upward parts are along the
table's normal. So nothing changes when the scene is turned about the vertical. Numbers are scaled
to about 1 by hand; the network's own statistics do the rest.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ddg_planning.evaluate.motions import CLOSED, OPEN, SQUEEZING, TOUCH, Motions, Reached, reach
from ddg_planning.evaluate.volume import CURVATURES, GUESSED, NORMAL, SEEN, Volume
from ddg_planning.generate.closing import Closed
from ddg_planning.generate.hand_model import HandModel
from ddg_planning.generate.hold import HoldSettings, imbalance
from ddg_planning.generate.rotations import conjugate, matrix, rotate

HOLD = HoldSettings(friction=0.5, press=6.0)  # as in what the weights learned from


@dataclass(frozen=True, eq=False)
class Features:
    """What the network sees of N grasps.

    Attributes:
        links: Shape (N, L, F).
        whole: Shape (N, G).
    """

    links: Tensor
    whole: Tensor


def features(volume: Volume, grasps: Motions, hand: HandModel) -> Features:
    """Describe grasps on an encoded view."""
    reached = reach(volume, grasps, hand)
    whole = torch.cat(
        [
            volume.summary.expand(len(grasps.joints), -1),
            _placing(volume, grasps),
            _contacts(volume, grasps, reached),
            _opposition(reached, hand),
            _squeeze(volume, grasps, reached),
            _hold(volume, hand, reached),
            _room(hand, reached),
            grasps.joints[:, 1:].flatten(1),
        ],
        dim=-1,
    )
    return Features(_links(volume, grasps, reached), whole)


def _links(volume: Volume, grasps: Motions, at: Reached) -> Tensor:
    """Per link: gaps, the place and surface of the contact, how the fingers press."""
    to_wrist = matrix(grasps.quaternions[:, CLOSED])  # row vectors times this are in {wrist}
    gap = [at.of_links(at.gaps[..., None], stage, stage) for stage in (OPEN, CLOSED, SQUEEZING)]
    surface = volume.sample(at.centres)
    arms = at.centres - volume.solid.middle
    pressing = at.of_links(at.balls, SQUEEZING, CLOSED) - at.centres
    closing = at.centres - at.of_links(at.balls, OPEN, CLOSED)
    return torch.cat(
        [
            _near(gap[0], 0.02),
            _near(gap[1], 0.01),
            _near(gap[2], 0.01),
            at.touching[..., None],
            (at.centres - grasps.positions[:, CLOSED, None]) @ to_wrist * 10.0,
            at.normals @ to_wrist,
            arms @ to_wrist * 10.0,
            at.normals[..., 2:],
            arms[..., 2:] * 10.0,
            _dot(arms, at.normals) * 10.0,
            _near(surface[..., SEEN : SEEN + 1], 0.02),
            _near(surface[..., GUESSED : GUESSED + 1], 0.02),
            surface[..., NORMAL] @ to_wrist,
            surface[..., CURVATURES] / 50.0,
            at.centres[..., 2:] * 10.0,
            pressing @ to_wrist * 50.0,
            _dot(pressing, at.normals) * -50.0,
            closing @ to_wrist * 20.0,
            _dot(closing, at.normals) * -20.0,
        ],
        dim=-1,
    )


def _placing(volume: Volume, grasps: Motions) -> Tensor:
    """How the wrist stands to the vertical, the camera, the object and its way in."""
    n = len(grasps.joints)
    to_wrist = conjugate(grasps.quaternions[:, CLOSED])
    look = torch.nn.functional.normalize(volume.viewpoint - volume.solid.middle, dim=0)
    wrist = grasps.positions[:, CLOSED]
    return torch.cat(
        [
            rotate(to_wrist, torch.tensor([0.0, 0.0, 1.0]).expand(n, 3)),
            rotate(to_wrist, look.expand(n, 3)),
            rotate(to_wrist, volume.solid.middle - wrist) * 10.0,
            rotate(to_wrist, wrist - grasps.positions[:, 0]) * 10.0,
        ],
        dim=-1,
    )


def _contacts(volume: Volume, grasps: Motions, at: Reached) -> Tensor:
    """Where the contacts are as a whole, and where their normals point."""
    to_wrist = conjugate(grasps.quaternions[:, CLOSED])
    w = at.touching[..., None]
    total = w.sum(dim=1)
    off = (w * (at.centres - volume.solid.middle)).sum(dim=1) / (total + 1e-3)
    push = (w * at.normals).sum(dim=1) / (total + 1.0)
    spread = torch.einsum("nl,nli,nlj->nij", at.touching, at.normals, at.normals)
    return torch.cat(
        [
            rotate(to_wrist, off) * 10.0,
            off.norm(dim=-1, keepdim=True) * 10.0,
            off[:, 2:] * 10.0,
            off[:, :2].norm(dim=-1, keepdim=True) * 10.0,
            rotate(to_wrist, push),
            push[:, 2:],
            push.norm(dim=-1, keepdim=True),
            torch.linalg.eigvalsh(spread),
        ],
        dim=-1,
    )


def _opposition(at: Reached, hand: HandModel) -> Tensor:
    """How much thumb, palm and fingers touch, and how squarely thumb and fingers face."""
    thumb = hand.thumb
    palm = torch.tensor([name in hand.hand.settings.palm_links for name in hand.link_names])
    fingers = ~thumb & ~palm
    amounts = torch.stack([at.touching[:, g].sum(-1) for g in (thumb, palm, fingers)], dim=-1)
    both = (at.touching[:, thumb].amax(-1) * at.touching[:, fingers].amax(-1))[:, None]

    def mean(values: Tensor, group: Tensor) -> Tensor:
        w = at.touching[:, group, None]
        return (w * values[:, group]).sum(dim=1) / (w.sum(dim=1) + 1e-3)

    a, b = mean(at.normals, thumb), mean(at.normals, fingers)
    across = mean(at.centres, fingers) - mean(at.centres, thumb)
    line = torch.nn.functional.normalize(across, dim=-1)
    facing = [_dot(a, b), _dot(a, line), _dot(b, line), across.norm(dim=-1, keepdim=True) * 10.0]
    return torch.cat([amounts, both, *(both * f for f in facing), both * line[:, 2:]], dim=-1)


def _squeeze(volume: Volume, grasps: Motions, at: Reached) -> Tensor:
    """What force and torque would be left over if every contact pressed as deep as commanded."""
    to_wrist = conjugate(grasps.quaternions[:, CLOSED])
    pressing = at.of_links(at.balls, SQUEEZING, CLOSED) - at.centres
    depth = (-_dot(pressing, at.normals)).clamp(min=0.0) * at.touching[..., None] * 50.0
    forces = -depth * at.normals
    arms = (at.centres - volume.solid.middle) / volume.solid.size
    force = forces.sum(dim=1)
    torque = torch.linalg.cross(arms, forces).sum(dim=1)
    total = depth.sum(dim=1)
    return torch.cat(
        [
            rotate(to_wrist, force),
            force[:, 2:],
            force.norm(dim=-1, keepdim=True) / (total + 0.1),
            torque.norm(dim=-1, keepdim=True) / (total + 0.1),
            torque[:, 2:].abs(),
            total,
        ],
        dim=-1,
    )


def _hold(volume: Volume, hand: HandModel, at: Reached) -> Tensor:
    """The holding expert's verdict."""
    closed = Closed(at.gaps[:, 1], at.gaps[:, 1] < TOUCH, at.balls[:, 1])
    return imbalance(closed, hand, volume.solid, HOLD).clamp(max=2.0)[:, None]


def _room(hand: HandModel, at: Reached) -> Tensor:
    """Room above the table, and the deepest overlap with the body, per stage."""
    low = (at.balls[..., 2] - hand.ball_radii).amin(dim=-1)
    return torch.cat([low * 10.0, at.gaps.amin(dim=-1).clamp(-0.05, 0.05) * 50.0], dim=-1)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(dim=-1, keepdim=True)


def _near(distance: Tensor, scale: float) -> Tensor:
    """Distances in [m] squashed to (-1, 1): what is near matters."""
    return torch.tanh(distance / scale)
