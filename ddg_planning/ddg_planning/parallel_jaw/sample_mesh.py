"""Antipodal grasps on a mesh that is known: what the networks learn from."""

from dataclasses import dataclass

import numpy as np

from ddg_core.arrays import Array
from ddg_planning.parallel_jaw.surface import Surface

_PORTION = 64  # surface points looked at in one go


@dataclass(frozen=True)
class MeshSampling:
    """Which pairs of contacts are taken.

    Attributes:
        friction: Both contacts lie within this friction cone of the line between them.
        tilt: Most angle of the line to the table, in [rad].
        tries: Surface points looked at per grasp wanted.
    """

    friction: float = 0.6
    tilt: float = float(np.radians(5.0))
    tries: int = 20


def antipodal_on_mesh(
    surface: Surface,
    up: Array,
    stroke: float,
    settings: MeshSampling,
    *,
    n: int,
    rng: np.random.Generator,
) -> tuple[Array, Array, Array]:
    """Middles (N, 3) [m], directions of closing (N, 3) and widths (N,) [m] of up to `n` grasps.

    A point of the surface and a direction inside its friction cone, as level as the table, make a
    line; the grasp is taken if the line leaves the object inside the cone of the other contact.

    Args:
        surface: The object.
        up: Normal of the table, shape (3,).
        stroke: Widest opening, in [m].
        settings: Which pairs are taken.
        n: Most grasps returned.
        rng: Source of the points and directions.
    """
    parts = [(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0))]
    found = 0
    for start in range(0, settings.tries * n, _PORTION):
        points, normals = surface.sample(min(_PORTION, settings.tries * n - start), rng=rng)
        axes = _lines(normals, up, settings, rng)
        parts.append(_grasps(surface, points, axes, stroke, settings))
        found += len(parts[-1][2])
        if found >= n:
            break
    middles, axes, widths = (np.concatenate(column)[:n] for column in zip(*parts, strict=True))
    return middles, axes, widths


def _lines(normals: Array, up: Array, s: MeshSampling, rng: np.random.Generator) -> Array:
    """Directions (N, 3) into the surface: in the cone seen from above, level within `tilt`."""
    level = -normals + (normals @ up)[:, None] * up
    length = np.linalg.norm(level, axis=1, keepdims=True)
    level = np.where(length > 1e-6, level / np.maximum(length, 1e-6), 0.0)
    turn = rng.uniform(-1.0, 1.0, len(normals)) * np.arctan(s.friction)
    rise = rng.uniform(-s.tilt, s.tilt, len(normals))
    c, sn = np.cos(turn)[:, None], np.sin(turn)[:, None]
    turned = c * level + sn * np.cross(up, level)
    lines: Array = np.cos(rise)[:, None] * turned + np.sin(rise)[:, None] * up
    return lines


def _grasps(
    surface: Surface, points: Array, axes: Array, stroke: float, s: MeshSampling
) -> tuple[Array, Array, Array]:
    """Those grasps with a jaw at one of `points` (N, 3) that have both contacts in their cones."""
    entering = np.linalg.norm(axes, axis=1) > 0.5  # into a level surface no level line goes
    points, axes = points[entering], axes[entering]
    touch = surface.pinch(points + 0.5 * stroke * axes, axes, 0.5 * stroke + 1e-4)
    first, second = np.moveaxis(touch.points, 1, 0)
    least = 1.0 / np.sqrt(1.0 + s.friction**2)
    widths = np.linalg.norm(second - first, axis=1)
    good = touch.hit & (np.linalg.norm(first - points, axis=1) <= 1e-3) & (widths >= 1e-4)
    good &= np.einsum("ni,ni->n", touch.normals[:, 0], axes) >= least
    good &= -np.einsum("ni,ni->n", touch.normals[:, 1], axes) >= least
    return ((first + second) / 2.0)[good], axes[good], widths[good]
