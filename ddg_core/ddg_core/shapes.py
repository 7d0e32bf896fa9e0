"""The primitives that links are made of: capsules (a ball is a short one) and boxes."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ddg_core.arrays import Array, frozen_array
from ddg_core.errors import BadInput


class Shape(Protocol):
    """A solid primitive in the frame of its link."""

    def signed_distance(self, points: Array) -> Array:
        """Distance in [m] of points (..., 3) to the surface, negative inside, shape (...)."""

    def sample(self, spacing: float) -> tuple[Array, Array]:
        """Surface points (N, 3) about `spacing` [m] apart and their outward normals (N, 3)."""

    def bounds(self) -> Array:
        """Axis-aligned bounds (2, 3) in the link frame, in [m]."""


@dataclass(frozen=True, eq=False)
class Capsule:
    """All points within `radius` [m] of the segment from `a` to `b` (both shape (3,), in [m])."""

    a: Array
    b: Array
    radius: float

    def __post_init__(self) -> None:
        """Check and freeze the ends."""
        object.__setattr__(self, "a", frozen_array("Capsule.a", self.a, 3))
        object.__setattr__(self, "b", frozen_array("Capsule.b", self.b, 3))
        if not self.radius > 0.0:
            raise BadInput(f"Capsule.radius: must be positive, got {self.radius}")

    def signed_distance(self, points: Array) -> Array:
        """See `Shape.signed_distance`; exact."""
        axis = self.b - self.a
        along = (points - self.a) @ axis / max(float(axis @ axis), 1e-18)
        nearest = self.a + np.clip(along, 0.0, 1.0)[..., None] * axis
        distance: Array = np.linalg.norm(points - nearest, axis=-1) - self.radius
        return distance

    def sample(self, spacing: float) -> tuple[Array, Array]:
        """See `Shape.sample`: a spiral of points, caps included."""
        axis = self.b - self.a
        length = float(np.linalg.norm(axis))
        n = max(12, round(2 * np.pi * self.radius * (length + 2 * self.radius) / spacing**2))
        # Equal steps along the axis are equal areas, on the tube and (Archimedes) on the caps.
        s = (np.arange(n) + 0.5) / n * (length + 2 * self.radius) - self.radius
        foot = np.clip(s, 0.0, length)
        z = (s - foot) / self.radius
        phi = np.arange(n) * np.pi * (3.0 - np.sqrt(5.0))
        ring = np.sqrt(np.maximum(0.0, 1.0 - z**2))
        x, y, w = _basis(axis if length > 1e-9 else np.array([0.0, 0.0, 1.0]))
        normals = ring[:, None] * (np.cos(phi)[:, None] * x + np.sin(phi)[:, None] * y)
        normals = normals + z[:, None] * w
        return self.a + foot[:, None] * w + self.radius * normals, normals

    def bounds(self) -> Array:
        """See `Shape.bounds`."""
        ends = np.stack([self.a, self.b])
        return np.stack([ends.min(axis=0) - self.radius, ends.max(axis=0) + self.radius])


@dataclass(frozen=True, eq=False)
class Box:
    """A box with half sizes `half` (3,) [m] at pose `T_link_box` (4, 4)."""

    T_link_box: Array
    half: Array

    def __post_init__(self) -> None:
        """Check and freeze the arrays."""
        T_link_box = frozen_array("Box.T_link_box", self.T_link_box, 4, 4)
        object.__setattr__(self, "T_link_box", T_link_box)
        half = frozen_array("Box.half", self.half, 3)
        if not (half > 0.0).all():
            raise BadInput(f"Box.half: must be positive, got {half.tolist()}")
        object.__setattr__(self, "half", half)

    def signed_distance(self, points: Array) -> Array:
        """See `Shape.signed_distance`; exact."""
        local = (points - self.T_link_box[:3, 3]) @ self.T_link_box[:3, :3]
        beyond = np.abs(local) - self.half
        outside: Array = np.linalg.norm(np.maximum(beyond, 0.0), axis=-1)
        inside: Array = np.minimum(beyond.max(axis=-1), 0.0)
        return outside + inside

    def sample(self, spacing: float) -> tuple[Array, Array]:
        """See `Shape.sample`: a grid on each face."""
        points, normals = [], []
        for axis in range(3):
            u, v = (axis + 1) % 3, (axis + 2) % 3
            grid = np.stack(
                np.meshgrid(*(_centres(self.half[k], spacing) for k in (u, v)), indexing="ij"), -1
            ).reshape(-1, 2)
            for sign in (-1.0, 1.0):
                face = np.zeros((len(grid), 3))
                face[:, u], face[:, v], face[:, axis] = (
                    grid[:, 0],
                    grid[:, 1],
                    sign * self.half[axis],
                )
                points.append(face)
                normals.append(np.tile(sign * np.eye(3)[axis], (len(grid), 1)))
        R, t = self.T_link_box[:3, :3], self.T_link_box[:3, 3]
        return np.concatenate(points) @ R.T + t, np.concatenate(normals) @ R.T

    def bounds(self) -> Array:
        """See `Shape.bounds`."""
        reach = np.abs(self.T_link_box[:3, :3]) @ self.half
        return np.stack([self.T_link_box[:3, 3] - reach, self.T_link_box[:3, 3] + reach])


def _centres(half: float, spacing: float) -> Array:
    n = max(1, round(2 * half / spacing))
    centres: Array = (np.arange(n) + 0.5) / n * 2 * half - half
    return centres


def _basis(axis: Array) -> tuple[Array, Array, Array]:
    """Return a right-handed orthonormal basis (x, y, w) with w along `axis`."""
    w = axis / np.linalg.norm(axis)
    x = np.cross(w, np.eye(3)[np.argmin(np.abs(w))])
    x /= np.linalg.norm(x)
    return x, np.cross(w, x), w
