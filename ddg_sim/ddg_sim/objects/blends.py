"""Shapes that are no thing in particular: a few convex bodies put together at random.

The catalogue's kinds are few. Who learns from them alone trusts in their shapes; these have the
sizes and weights of household things, and any form.
"""

from collections.abc import Callable

import numpy as np

from ddg_core.arrays import Array
from ddg_sim.objects.solids import (
    Draft,
    chain,
    ellipsoid,
    hull,
    of_parts,
    rounded_box,
    stack,
    turned,
)

Rng = np.random.Generator

_BODIES = (0.25, 0.35, 0.25, 0.15)  # chances of one to four bodies
_LARGEST, _WIDEST = 0.28, 0.14  # most of the longest and of the second longest extent, in [m]
_THINNEST = 0.012  # least of the shortest, in [m]
_DENSITY = (250.0, 1500.0)  # in [kg/m^3]
_MASS = (0.03, 0.5)  # in [kg]


def blend(rng: Rng) -> Draft:
    """Draw one to four bodies, each stuck into one before; or a bent bar."""
    while True:
        parts = _bar(rng) if rng.random() < 0.2 else _stuck(rng)
        extents = np.sort(np.ptp(np.concatenate(parts), axis=0))
        if extents[2] <= _LARGEST and extents[1] <= _WIDEST and extents[0] >= _THINNEST:
            break
    low = np.concatenate(parts)[:, 2].min()
    parts = [part - [0.0, 0.0, low] for part in parts]
    draft = of_parts(parts, 1.0)
    mass = float(np.clip(draft.visual.volume * _log(rng, *_DENSITY), *_MASS))
    return Draft(draft.visual, draft.parts, mass)


def _stuck(rng: Rng) -> list[Array]:
    """Bodies of which each holds a corner of one before."""
    parts = [_body(rng, 1.0)]
    for _ in range(int(rng.choice(len(_BODIES), p=_BODIES))):
        turn = rng.uniform(-np.pi, np.pi, 3) if rng.random() < 0.3 else _quarters(rng)
        part = turned(_body(rng, rng.uniform(0.4, 0.9)), x=turn[0], y=turn[1], z=turn[2])
        host = parts[int(rng.integers(len(parts)))]
        root, tip = (body[int(rng.integers(len(body)))] for body in (host, part))
        parts.append(part + root - rng.uniform(0.0, 0.8) * tip)  # so `root` is inside
    return parts


def _bar(rng: Rng) -> list[Array]:
    """Two to four straight pieces in a plane, thicker here, thinner there."""
    at, heading, path = np.zeros(2), 0.0, []
    for _ in range(int(rng.integers(3, 6))):
        path.append(at)
        at = at + rng.uniform(0.03, 0.10) * np.array([np.cos(heading), np.sin(heading)])
        heading += rng.uniform(-2.0, 2.0)
    thick = _log(rng, 0.006, 0.018)
    half = [thick * rng.uniform([0.7, 0.7, 0.7], [1.5, 1.5, 1.3]) for _ in path]
    return chain([ellipsoid([*p, 0.0], h) for p, h in zip(path, half, strict=True)])


def _body(rng: Rng, size: float) -> Array:
    """One convex body about the origin."""
    kinds: tuple[Callable[[Rng, Array], Array], ...] = (_block, _turned_body, _egg, _prism)
    half = size * np.array([_log(rng, 0.013, 0.05), _log(rng, 0.013, 0.05), _log(rng, 0.025, 0.1)])
    return hull(kinds[int(rng.integers(len(kinds)))](rng, half))


def _block(rng: Rng, half: Array) -> Array:
    return rounded_box([0, 0, 0], half, float(half.min()) * rng.uniform(0.05, 0.9))


def _turned_body(rng: Rng, half: Array) -> Array:
    heights = half[2] * np.sort(np.concatenate([[-1.0, 1.0], rng.uniform(-1.0, 1.0, 2)]))
    return stack(np.stack([half[0] * rng.uniform(0.4, 1.0, 4), heights], axis=1))


def _egg(rng: Rng, half: Array) -> Array:
    """A superellipsoid: from a ball to nearly a block."""
    ball = ellipsoid([0, 0, 0], [1, 1, 1], fine=3)
    power = rng.uniform(0.3, 1.0)
    return half * np.sign(ball) * np.abs(ball) ** power


def _prism(rng: Rng, half: Array) -> Array:
    corners = int(rng.integers(3, 7))
    angles = (np.arange(corners) + rng.uniform(-0.3, 0.3, corners)) * 2 * np.pi / corners
    ring = np.stack([np.cos(angles) * half[0], np.sin(angles) * half[1]], axis=1)
    narrow = rng.uniform(0.5, 1.0)
    low = np.column_stack([ring, np.full(corners, -half[2])])
    return np.concatenate([low, np.column_stack([ring * narrow, np.full(corners, half[2])])])


def _quarters(rng: Rng) -> Array:
    turns: Array = 0.5 * np.pi * rng.integers(0, 4, 3).astype(float)
    return turns


def _log(rng: Rng, low: float, high: float) -> float:
    """A number that is drawn evenly on a logarithmic scale."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
