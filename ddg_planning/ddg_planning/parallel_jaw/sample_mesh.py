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
    found: list[tuple[Array, Array, float]] = []
    for start in range(0, settings.tries * n, _PORTION):
        points, normals = surface.sample(min(_PORTION, settings.tries * n - start), rng=rng)
        axes = _lines(normals, up, settings, rng)
        found += [
            grasp
            for point, axis in zip(points, axes, strict=True)
            if (grasp := _grasp(surface, point, axis, stroke, settings)) is not None
        ]
        if len(found) >= n:
            break
    found = found[:n]
    return (
        np.array([middle for middle, _, _ in found]).reshape(-1, 3),
        np.array([axis for _, axis, _ in found]).reshape(-1, 3),
        np.array([width for _, _, width in found]),
    )


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


def _grasp(
    surface: Surface, point: Array, axis: Array, stroke: float, s: MeshSampling
) -> tuple[Array, Array, float] | None:
    """The grasp whose first jaw is at `point`, if both contacts are in their cones."""
    if np.linalg.norm(axis) < 0.5:  # the surface is level: no level line enters it
        return None
    touch = surface.pinch((point + 0.5 * stroke * axis)[None], axis[None], 0.5 * stroke + 1e-4)
    if not touch.hit[0] or np.linalg.norm(touch.points[0, 0] - point) > 1e-3:
        return None
    first, second = touch.points[0]
    least = 1.0 / np.sqrt(1.0 + s.friction**2)
    width = float(np.linalg.norm(second - first))
    if width < 1e-4 or min(touch.normals[0, 0] @ axis, -touch.normals[0, 1] @ axis) < least:
        return None
    return (first + second) / 2.0, axis, width
