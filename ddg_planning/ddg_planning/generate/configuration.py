"""The hand configuration model: which joint vectors the demonstrated closing passes through."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ddg_core.arrays import Array


@dataclass(frozen=True)
class ConfigurationSettings:
    """Constants of equations (5) and (6).

    Attributes:
        beta: How far along the closing the model reaches to either side of the grip.
        alpha: Fall-off of the weights, in [1/rad^2].
        sigma: Bandwidth per joint, in [rad].
        kernels: Values of gamma.
    """

    beta: float = 0.6
    alpha: float = 1.0
    sigma: float = 0.06
    kernels: int = 25

    def __post_init__(self) -> None:
        """Refuse an empty or degenerate model."""
        if self.kernels < 1 or self.sigma <= 0.0 or self.beta < 0.0:
            raise ValueError("needs kernels >= 1, sigma > 0 and beta >= 0")


class ConfigurationModel:
    r"""The density C(h) of equation (5) over driven joints h.

    :math:`C(h) = \sum_\gamma w(h(\gamma)) N_D(h | h(\gamma), \sigma)` with
    :math:`h(\gamma) = (1 - \gamma) h_g + \gamma h_t` for gamma in [-beta, beta]; negative gamma is
    tighter than the grip. The weights are normalised to sum 1.
    """

    def __init__(
        self,
        grip: Array,
        start: Array,
        limits: Array,
        settings: ConfigurationSettings,
        *,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Lay kernels along the closing.

        Args:
            grip: Joints at the grasp h_g, shape (D,), in [rad].
            start: Joints when the closing starts h_t, shape (D,), in [rad].
            limits: Lower and upper limit per joint, shape (D, 2), in [rad].
            settings: Constants.
            dtype: Precision.
        """
        gamma = np.linspace(-settings.beta, settings.beta, settings.kernels)
        along = (1.0 - gamma[:, None]) * grip + gamma[:, None] * start
        centres = np.clip(along, limits[:, 0], limits[:, 1])
        weights = np.exp(-settings.alpha * ((centres - grip) ** 2).sum(axis=1))
        self.sigma = settings.sigma
        self.gamma = gamma
        self.centres = torch.as_tensor(centres, dtype=dtype)
        self.log_weights = torch.as_tensor(np.log(weights / weights.sum()), dtype=dtype)

    @property
    def log_normaliser(self) -> float:
        """Logarithm of the peak of one normalised kernel."""
        return -0.5 * self.centres.shape[1] * float(np.log(2.0 * np.pi * self.sigma**2))

    def log_density(self, joints: Tensor) -> Tensor:
        """Log C of joints (N, D), shape (N,)."""
        kinds = torch.zeros(len(joints), dtype=torch.long)
        return _log_densities((self,), kinds, joints) + self.log_normaliser

    @cached_property
    def log_peak(self) -> float:
        """Log C at its likeliest kernel centre; scores are stated relative to it."""
        return float(self.log_density(self.centres).max())

    def sample(self, n: int, *, rng: np.random.Generator) -> Array:
        """Draw joints (n, D): a kernel by its weight, then half a bandwidth of scatter."""
        weights = np.exp(self.log_weights.double().numpy())
        chosen = rng.choice(len(weights), size=n, p=weights / weights.sum())
        centres = self.centres.double().numpy()[chosen]
        drawn: Array = centres + 0.5 * self.sigma * rng.standard_normal(centres.shape)
        return drawn


def log_configurations(
    models: Sequence[ConfigurationModel], kinds: Tensor, joints: Tensor
) -> Tensor:
    """Log C of joints (N, D), each by the model of its type, relative to that model's peak.

    Args:
        models: One per type, with the same number of kernels and the same bandwidth.
        kinds: Index of the type per row, shape (N,).
        joints: Driven joints, shape (N, D), in [rad].
    """
    peaks = torch.tensor([m.log_peak - m.log_normaliser for m in models], dtype=joints.dtype)
    return _log_densities(models, kinds, joints) - peaks[kinds]


def _log_densities(models: Sequence[ConfigurationModel], kinds: Tensor, joints: Tensor) -> Tensor:
    centres = torch.stack([m.centres for m in models])[kinds]  # (N, kernels, D)
    log_weights = torch.stack([m.log_weights for m in models])[kinds]
    offset = (joints[:, None] - centres) / models[0].sigma
    return torch.logsumexp(log_weights - 0.5 * (offset * offset).sum(-1), dim=-1)
