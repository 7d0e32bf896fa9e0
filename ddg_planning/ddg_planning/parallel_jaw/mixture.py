"""A mixture of Gaussians, fitted by expectation and maximisation, to draw new samples from."""

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from ddg_core.arrays import Array


@dataclass(frozen=True, eq=False)
class Mixture:
    """K Gaussians in D dimensions.

    Attributes:
        weights: Shape (K,), sums to one.
        means: Shape (K, D).
        covariances: Shape (K, D, D).
    """

    weights: Array
    means: Array
    covariances: Array

    def sample(self, n: int, *, rng: np.random.Generator) -> Array:
        """Draw samples, shape (n, D)."""
        which = rng.choice(len(self.weights), size=n, p=self.weights)
        roots = np.linalg.cholesky(self.covariances)
        noise = rng.standard_normal((n, self.means.shape[1]))
        drawn: Array = self.means[which] + np.einsum("nij,nj->ni", roots[which], noise)
        return drawn


def fit_mixture(
    samples: Array, count: int, *, floor: float, rounds: int = 20, rng: np.random.Generator
) -> Mixture:
    """Fit `count` Gaussians, or as many as there are samples.

    Args:
        samples: Shape (N, D), of spread about 1.
        count: How many Gaussians.
        floor: Added to the variance of each dimension, so that a single sample has one too.
        rounds: Of expectation and maximisation.
        rng: Chooses the samples that the Gaussians start from.
    """
    n, d = samples.shape
    count = min(count, n)
    means = samples[rng.choice(n, count, replace=False)]
    covariances = np.repeat(np.eye(d)[None], count, axis=0)
    weights = np.full(count, 1.0 / count)
    for _ in range(rounds):
        away = samples[:, None] - means
        precise = np.linalg.inv(covariances)
        size = np.linalg.slogdet(covariances)[1]
        distance = np.einsum("nki,kij,nkj->nk", away, precise, away)
        log = np.log(weights) - 0.5 * (distance + size)
        share = np.exp(log - logsumexp(log, axis=1, keepdims=True))  # (N, K)
        total = share.sum(axis=0) + 1e-12
        weights = total / total.sum()
        means = (share.T @ samples) / total[:, None]
        away = samples[:, None] - means
        covariances = np.einsum("nk,nki,nkj->kij", share, away, away) / total[:, None, None]
        covariances += floor * np.eye(d)
    return Mixture(weights, means, covariances)
