"""A learned grasp type brought onto a new object: its product of experts, ready to evaluate."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ddg_core.arrays import Array
from ddg_core.transforms import quaternion
from ddg_core.view import ObjectView
from ddg_planning.generate.configuration import ConfigurationModel, ConfigurationSettings
from ddg_planning.generate.contact_model import ContactModel
from ddg_planning.generate.evidence import EvidenceSettings, SurfaceGrid
from ddg_planning.generate.grasp_model import GraspModel
from ddg_planning.generate.hand_model import HandModel
from ddg_planning.generate.object_model import ObjectModel
from ddg_planning.generate.query import QueryDensity, QuerySettings, link_kernels
from ddg_planning.generate.rotations import conjugate, multiply, rotate


@dataclass(frozen=True, eq=False)
class Candidates:
    """N hand states of one or several grasp types, in torch.

    Attributes:
        positions: Wrist positions, shape (N, 3), in [m].
        quaternions: Wrist orientations, shape (N, 4).
        joints: Driven joints, shape (N, D), in [rad].
    """

    positions: Tensor
    quaternions: Tensor
    joints: Tensor

    def __len__(self) -> int:
        """Return N."""
        return len(self.positions)

    def at(self, index: Tensor) -> "Candidates":
        """Return the candidates of that index or mask."""
        return Candidates(self.positions[index], self.quaternions[index], self.joints[index])


def join(parts: list[Candidates]) -> Candidates:
    """Put candidates one after another."""
    return Candidates(
        torch.cat([c.positions for c in parts]),
        torch.cat([c.quaternions for c in parts]),
        torch.cat([c.joints for c in parts]),
    )


@dataclass(frozen=True, eq=False)
class Transferred:
    """One grasp type on one object.

    Attributes:
        model: The learned type.
        links: Indices of its contact links in `HandModel.link_names`, shape (L,).
        query: Their query densities.
        peaks: Largest relative density per link, shape (L,).
        configuration: The hand configuration model.
        pads: Surface points that touched each link, in the frame of the link, shape (L, P, 3).
        fit: Mean over links of the log of the best curvature fit, at most 0.
    """

    model: GraspModel
    links: Tensor
    query: QueryDensity
    peaks: Tensor
    configuration: ConfigurationModel
    pads: Tensor
    fit: float

    def draw(self, n: int, *, rng: np.random.Generator) -> tuple[Array, Tensor, Tensor, Tensor]:
        """Draw configurations, and for each a link and one of its kernels.

        Returns:
            Joints (n, D), links (n,), and where those shall stand, (n, 3) and quaternions (n, 4).
        """
        joints = self.configuration.sample(n, rng=rng)
        link = torch.as_tensor(rng.integers(0, len(self.links), n))
        kernel = torch.as_tensor(rng.integers(0, self.query.positions.shape[1], n))
        at = self.query.positions[link, kernel], self.query.quaternions[link, kernel]
        return joints, self.links[link], *at

    def waypoints(self, positions: Tensor, quaternions: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """Wrist poses (N, 3), (N, 4) at waypoint `k` for wrist poses at the grasp."""
        T: Array = self.model.T_grasp_wrist[k]
        shift = torch.as_tensor(T[:3, 3].copy(), dtype=positions.dtype)
        turn = torch.as_tensor(quaternion(T), dtype=positions.dtype)
        p = positions + rotate(quaternions, shift)
        return p, multiply(quaternions, turn.expand_as(quaternions))


def draw_hands(
    types: Sequence[Transferred],
    counts: Sequence[int],
    hand: HandModel,
    *,
    rng: np.random.Generator,
) -> Candidates:
    """Draw hand states of several types, sorted by type: one link of each stands at a kernel."""
    drawn = [kind.draw(n, rng=rng) for kind, n in zip(types, counts, strict=True)]
    values, *others = zip(*drawn, strict=True)
    links, positions, quaternions = (torch.cat(parts) for parts in others)
    joints = torch.as_tensor(hand.hand.clip(np.concatenate(values)), dtype=hand.dtype)
    p, q = hand.link_poses(joints)
    rows = torch.arange(len(joints))
    wrist_q = multiply(quaternions, conjugate(q[rows, links]))
    return Candidates(positions - rotate(wrist_q, p[rows, links]), wrist_q, joints)


class Target:
    """A new object, and the query kernels of every contact on it, drawn once."""

    def __init__(
        self,
        model: ObjectModel,
        view: ObjectView,
        query: QuerySettings,
        negative: EvidenceSettings | None,
        *,
        rng: np.random.Generator,
    ) -> None:
        """Take an object model and the view that it was made from, in the same frame."""
        self.query, self._negative, self._rng = query, negative, rng
        self._models = {False: model}
        self._grids: dict[bool, SurfaceGrid] = {}
        self._drawn: dict[tuple[int, bool], tuple[Array, Array, float]] = {}
        self._cloud = view.cloud

    def kernels(self, contact: ContactModel, *, seen: bool) -> tuple[Array, Array, float]:
        """Kernels as of `link_kernels`, on the seen surface alone or with the guessed one.

        Raises:
            Untransferable: The contact finds nothing to touch.
        """
        key = (id(contact), seen)
        if key not in self._drawn:
            if seen not in self._models:
                self._models[seen] = self._models[False].only_seen()
            self._drawn[key] = link_kernels(
                contact,
                self._models[seen],
                self.query,
                rng=self._rng,
                surface=self._grid(seen) if self._negative else None,
                negative=self._negative,
            )
        return self._drawn[key]

    def _grid(self, seen: bool) -> SurfaceGrid:
        assert self._negative is not None
        if seen not in self._grids:
            model, points, normals = self._models[False], self._cloud.points, self._cloud.normals
            if not seen:
                points = np.concatenate([points, model.guessed])
                normals = np.concatenate([normals, model.guessed_normals])
            self._grids[seen] = SurfaceGrid(points, normals, radius=self._negative.radius)
        return self._grids[seen]


def transfer(
    model: GraspModel,
    target: Target,
    hand: HandModel,
    configuration: ConfigurationSettings,
) -> Transferred:
    """Transfer a learned grasp type to an object.

    Raises:
        Untransferable: A contact of it finds nothing to touch.
    """
    query = target.query
    drawn = [target.kernels(contact, seen=model.absent > 0.0) for contact in model.contacts]
    density = QueryDensity(
        np.stack([d[0] for d in drawn]), np.stack([d[1] for d in drawn]), query, dtype=hand.dtype
    )
    return Transferred(
        model=model,
        links=torch.tensor([hand.link_names.index(c.link) for c in model.contacts]),
        query=density,
        peaks=density.peaks(),
        configuration=ConfigurationModel(
            model.grip, model.start, hand.hand.limits, configuration, dtype=hand.dtype
        ),
        pads=torch.stack([_pad(contact, hand.dtype) for contact in model.contacts]),
        fit=float(np.mean([d[2] for d in drawn])),
    )


_PAD = 10  # points per contact that missing surface is looked for at


def _pad(contact: ContactModel, dtype: torch.dtype) -> Tensor:
    """Surface points (P, 3) of a contact in the frame of the link, evenly by weight."""
    steps = (np.arange(_PAD) + 0.5) / _PAD * contact.weights.sum()
    chosen = np.searchsorted(np.cumsum(contact.weights), steps).clip(max=len(contact.weights) - 1)
    p = torch.as_tensor(contact.positions[chosen], dtype=dtype)
    q = torch.as_tensor(contact.quaternions[chosen], dtype=dtype)
    return -rotate(conjugate(q), p)
