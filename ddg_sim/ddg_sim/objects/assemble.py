"""From a mesh, its convex parts and a mass to a `SimObject`: inertia and stable poses."""

from collections.abc import Sequence

import numpy as np
import trimesh

from ddg_core.arrays import Array
from ddg_core.errors import BadInput
from ddg_sim.objects.sim_object import SimObject
from ddg_sim.objects.solids import Mesh, mesh_of, union

_LEAST_CHANCE = 0.002  # poses less likely than this are left out, unless all are (a ball)
_MOST_POSES = 64


def assemble(name: str, visual: Mesh, parts: Sequence[Array], mass: float) -> SimObject:
    """Join visual mesh, convex parts and mass [kg] to an object of uniform density.

    The visual mesh gives the inertia if it is watertight, else the convex parts do.

    Raises:
        BadInput: Neither the mesh nor the parts enclose a volume.
    """
    solid = visual if visual.is_volume else union(mesh_of(part) for part in parts)
    if not solid.volume > 1e-9:
        raise BadInput(f"{name}: the mesh encloses no volume ({solid.volume * 1e6:.3g} cm^3)")
    com = np.asarray(solid.center_mass)
    inertia = np.asarray(solid.moment_inertia) * mass / solid.volume
    rotations, chances = stable_poses(np.concatenate(list(parts)), com)
    return SimObject(
        name=name,
        vertices=np.asarray(visual.vertices),
        faces=np.asarray(visual.faces),
        parts=tuple(parts),
        mass=mass,
        com=com,
        inertia=inertia,
        stable_rotations=rotations,
        stable_probabilities=chances,
    )


def stable_poses(points: Array, com: Array) -> tuple[Array, Array]:
    """Rotations (S, 3, 3) in which the hull of `points` rests on a table, and probabilities (S,).

    The probability is that of coming to rest there when dropped slowly at a random orientation.
    """
    T, chances = trimesh.poses.compute_stable_poses(mesh_of(points), center_mass=com)
    order = np.argsort(-chances, kind="stable")[:_MOST_POSES]
    order = order[chances[order] >= min(_LEAST_CHANCE, 0.5 * chances.max())]
    rotations: Array = np.asarray(T)[order, :3, :3]
    return rotations, chances[order] / chances[order].sum()
