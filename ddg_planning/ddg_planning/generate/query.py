"""Query densities: where the links of a demonstrated grasp may stand on a new object."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.special import ive
from torch import Tensor

from ddg_core.arrays import Array, IntArray
from ddg_core.errors import Failed
from ddg_core.outcome import Outcome
from ddg_core.transforms import compose
from ddg_planning.generate.contact_model import ContactModel
from ddg_planning.generate.evidence import EvidenceSettings, SurfaceGrid, evidence
from ddg_planning.generate.object_model import ObjectModel
from ddg_planning.generate.rotations import from_matrix

_CHUNK = 64  # candidates at a time: their kernels then fit into the cache
_FAR = -60.0  # smaller exponents would give subnormal numbers, which are very slow


@dataclass(frozen=True)
class QuerySettings:
    """Bandwidths and number of kernels.

    Attributes:
        kernels: Kernels per link.
        sigma_position: sigma_p, in [m].
        concentration: kappa of the orientation kernel; the standard deviation of the angle is
            about 2 / sqrt(kappa) [rad].
        sigma_curvature: sigma_r, in [1/m].
        equal_curvatures: Principal curvatures that differ by less than about this, in [1/m],
            give no direction: the frame is turned at random about its normal.
        bands: How often sigma_r may be widened by sqrt(2) before a contact counts as
            untransferable.
    """

    kernels: int = 700
    sigma_position: float = 0.008
    concentration: float = 100.0
    sigma_curvature: float = 12.0
    equal_curvatures: float = 12.0
    bands: int = 6

    def __post_init__(self) -> None:
        """Refuse degenerate kernels."""
        positive = (self.kernels, self.sigma_position, self.concentration, self.sigma_curvature)
        if min(positive) <= 0 or self.equal_curvatures <= 0.0 or self.bands < 0:
            raise ValueError("kernels and bandwidths must be positive, bands not negative")


class Untransferable(Failed):
    """A contact model finds nothing on the object that it could touch."""

    def __init__(self, link: str) -> None:
        """Name the link."""
        super().__init__(
            Outcome.NO_CANDIDATE, f"nothing on the object is curved like the contact of {link!r}"
        )


def link_kernels(
    contact: ContactModel,
    model: ObjectModel,
    settings: QuerySettings,
    *,
    rng: np.random.Generator,
    surface: SurfaceGrid | None = None,
    negative: EvidenceSettings | None = None,
) -> tuple[Array, Array, float]:
    r"""Draw the kernels of the query density Q_i of one link.

    A feature (v, r) of the object and a contact kernel u are drawn together with probability
    :math:`\propto w_v\, w_{iu}\, N_2(r | r_u, \sigma_r)`, which is the feature's weight times
    M_i(r) times the conditional M_i(u | r); the kernel stands at :math:`s = v \circ u`.

    Args:
        contact: Contact model M_i.
        model: Features of the new object.
        settings: Bandwidths.
        rng: Source of the draws.
        surface: All surface of the object, for `negative`.
        negative: Draw twice as many kernels, and of those so many again by how much of the
            contact's surface is there (GM2); None leaves that out.

    Returns:
        Poses of the link `T_base_link` (K, 4, 4), their weights (K,) with sum 1, and the
        logarithm of how well the best feature's curvature fits, at most 0; with `negative` that
        of the best kernel's evidence is added.

    Raises:
        Untransferable: No feature is curved like the contact, at any allowed bandwidth.
    """
    for band in range(settings.bands + 1):
        joint = curvature_fit(contact, model.curvatures, settings, band)
        conditional = joint.sum(axis=1)  # M_i(r) up to a constant
        joint *= model.weights[:, None]
        if joint.sum() > 1e-9:
            break
    else:
        raise Untransferable(contact.link)
    fit = float(np.log(conditional.max())) - 0.35 * band
    more = 1 if surface is None or negative is None else 2
    flat = _systematic(joint.ravel(), settings.kernels * more, rng)
    feature, kernel = np.unravel_index(flat, joint.shape)
    frames = _turned(model.frames[feature], model.curvatures[feature], settings, rng)
    poses = compose(frames, model.points[feature]) @ contact.T_feature_link[kernel]
    if surface is not None and negative is not None:
        weights = evidence(contact, poses, surface, negative)
        fit += float(np.log(weights.max()))
        poses = poses[_systematic(weights, settings.kernels, rng)]
    return poses, np.full(len(poses), 1.0 / len(poses)), fit


def _systematic(weights: Array, n: int, rng: np.random.Generator) -> IntArray:
    """Draw n indices by weight: equal steps through the cumulated weights, one random offset."""
    cumulative = np.cumsum(weights)
    steps = (np.arange(n) + rng.random()) / n * cumulative[-1]
    drawn: IntArray = np.minimum(np.searchsorted(cumulative, steps), len(weights) - 1)
    return drawn


def curvature_fit(
    contact: ContactModel, curvatures: Array, settings: QuerySettings, band: int = 0
) -> Array:
    """Weights (F, M) of pairs of a feature with curvatures (F, 2) and a kernel of the contact.

    This is all that a kernel's weight goes by in GM1; summed over kernels it is M_i(r) up to a
    constant.
    """
    one, other = (curvatures[:, None, k] - contact.curvatures[:, k] for k in range(2))
    distance = (one * one + other * other) / (settings.sigma_curvature**2 * 2.0**band)
    fit: Array = np.where(distance < 25.0, np.exp(-0.5 * distance), 0.0) * contact.weights
    return fit


def _turned(
    frames: Array, curvatures: Array, settings: QuerySettings, rng: np.random.Generator
) -> Array:
    """Frames turned about their normals as far as their directions are uncertain.

    A principal direction has no sign, so half of the frames are turned by pi; where both
    curvatures are equal there is no direction at all.
    """
    gap = (curvatures[:, 0] - curvatures[:, 1]) / settings.equal_curvatures
    spread = np.pi * np.exp(-(gap**2))
    angle = np.pi * rng.integers(0, 2, len(frames)) + spread * rng.standard_normal(len(frames))
    c, s = np.cos(angle)[:, None], np.sin(angle)[:, None]
    x, y, z = frames[..., 0], frames[..., 1], frames[..., 2]
    return np.stack([c * x + s * y, c * y - s * x, z], axis=-1)


class QueryDensity:
    r"""The query densities of L links, evaluated for many poses at once.

    :math:`Q_i(p, q) = \sum_j w_j N_3(p | p_j, \sigma_p)\, \Theta(q | q_j, \kappa)` with Theta the
    pair of antipodal von Mises-Fisher densities on the unit quaternions (equation 2), normalised
    over position and the sphere of quaternions.

    Attributes:
        positions, quaternions: Kernels, shapes (L, K, 3), (L, K, 4).
        normaliser: Peak of a kernel of weight 1.
    """

    def __init__(
        self,
        poses: Array,
        weights: Array,
        settings: QuerySettings,
        *,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Take kernel poses (L, K, 4, 4) and weights (L, K) that sum to 1 per link."""
        self.sigma, self._kappa = settings.sigma_position, settings.concentration
        self.positions = torch.as_tensor(poses[..., :3, 3], dtype=dtype)
        self.quaternions = from_matrix(torch.as_tensor(poses[..., :3, :3])).to(dtype)
        # The square in the exponent is taken apart, so the origin must be near.
        self.origin = self.positions.mean(dim=(0, 1))
        near = (self.positions - self.origin) / self.sigma
        bias = torch.as_tensor(np.log(np.maximum(weights, 1e-30)), dtype=dtype) - self._kappa
        bias = bias - 0.5 * (near * near).sum(-1)
        ones = torch.ones_like(bias)
        kernels_p = torch.stack([*near.unbind(-1), bias, ones], dim=1)  # (L, 5, K)
        kernels_q = (self._kappa * self.quaternions).transpose(1, 2).contiguous()
        self.kernels = (kernels_p, kernels_q)  # (L, 5, K), (L, 4, K)
        gauss = (2.0 * np.pi * self.sigma**2) ** -1.5
        self.normaliser = float(gauss * self._kappa / (8.0 * np.pi**2 * ive(1, self._kappa)))

    def relative(self, p: Tensor, q: Tensor) -> Tensor:
        """Density of link poses in units of `normaliser`, differentiable, shape (N, L).

        Beside a kernel its antipode weighs exp(-2 kappa |q . q_j|) less; it is left out.

        Args:
            p: Positions, shape (N, L, 3), in [m].
            q: Unit quaternions, shape (N, L, 4).
        """
        return relative_densities((self,), (len(p),), p, q)

    def peaks(self, sample: int = 64) -> Tensor:
        """Largest relative density per link among evenly chosen kernel centres, shape (L,)."""
        step = max(1, self.positions.shape[1] // sample)
        p = self.positions[:, ::step].transpose(0, 1)
        q = self.quaternions[:, ::step].transpose(0, 1)
        peaks: Tensor = self.relative(p, q).amax(dim=0)
        return peaks


def relative_densities(
    densities: Sequence[QueryDensity], counts: Sequence[int], p: Tensor, q: Tensor
) -> Tensor:
    """Relative densities of poses of several types at once, shape (N, L).

    Args:
        densities: One per type; its links are the first ones of a row, what follows is padding.
        counts: How many rows belong to each type, in their order; sums to N.
        p: Positions, shape (N, L, 3), in [m].
        q: Unit quaternions, shape (N, L, 4).

    Returns:
        As `QueryDensity.relative`; 0 for padding.
    """
    origins = torch.stack([d.origin for d in densities])
    rows = torch.repeat_interleave(origins, torch.tensor(counts), dim=0)
    near = (p - rows[:, None]) / densities[0].sigma
    kernels = [d.kernels for d in densities]
    sums: Tensor = _KernelSums.apply(near, q, kernels, counts)  # type: ignore[no-untyped-call]
    return sums


class _KernelSums(torch.autograd.Function):
    """Sums of kernels and, in the same pass over them, their gradients."""

    @staticmethod
    def forward(
        ctx: Any,
        near: Tensor,
        q: Tensor,
        kernels: Sequence[tuple[Tensor, Tensor]],
        counts: Sequence[int],
    ) -> Tensor:
        square = -0.5 * (near * near).sum(-1, keepdim=True)
        rows = torch.cat([near, torch.ones_like(square), square], dim=-1)  # (N, L, 5)
        sums = near.new_zeros(near.shape[:2])
        wanted = ctx.needs_input_grad[0] or ctx.needs_input_grad[1]
        slope_p, slope_q = torch.zeros_like(near), torch.zeros_like(q)
        first = 0
        for (kernels_p, kernels_q), count in zip(kernels, counts, strict=True):
            for link in range(len(kernels_p)):
                for start in range(first, first + count, _CHUNK):
                    here = slice(start, min(start + _CHUNK, first + count))
                    cosine = q[here, link] @ kernels_q[link]
                    value = torch.addmm(cosine.abs(), rows[here, link], kernels_p[link])
                    value.clamp_(min=_FAR).exp_()
                    total = value.sum(-1)
                    sums[here, link] = total
                    if wanted:
                        pull = value @ kernels_p[link, :3].T
                        slope_p[here, link] = pull - total[:, None] * near[here, link]
                        slope_q[here, link] = value.mul_(cosine.sign_()) @ kernels_q[link].T
            first += count
        ctx.save_for_backward(slope_p, slope_q)
        return sums

    @staticmethod
    def backward(ctx: Any, *grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        slope_p, slope_q = ctx.saved_tensors
        return grad[0][..., None] * slope_p, grad[0][..., None] * slope_q, None, None
