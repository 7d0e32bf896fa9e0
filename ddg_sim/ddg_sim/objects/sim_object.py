"""The value that is an object: what it looks like, what it is in contact, how it can stand."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ddg_core.arrays import Array, IntArray, frozen_array
from ddg_core.errors import BadInput
from ddg_core.transforms import compose


@dataclass(frozen=True, eq=False)
class SimObject:
    """A rigid object in its own frame.

    Attributes:
        name: Catalogue name or file stem.
        vertices: Vertices of the visual surface, shape (V, 3), in [m].
        faces: Triangles of the visual surface, shape (F, 3), counter-clockwise from outside.
        parts: Convex parts for contact; each the vertices of one convex hull, shape (*, 3), in [m].
        mass: In [kg].
        com: Centre of mass, shape (3,), in [m].
        inertia: Tensor about the centre of mass, axes of the object frame, shape (3, 3), [kg m^2].
        stable_rotations: Rotations of poses in which it rests on a level table, shape (S, 3, 3),
            most probable first.
        stable_probabilities: Probability of each, shape (S,), sums to one.
        friction: Range that the sliding friction of its surface is drawn from.
    """

    name: str
    vertices: Array
    faces: IntArray
    parts: tuple[Array, ...]
    mass: float
    com: Array
    inertia: Array
    stable_rotations: Array
    stable_probabilities: Array
    friction: tuple[float, float] = (0.5, 1.0)

    def __post_init__(self) -> None:
        """Check and freeze the arrays."""
        freeze = object.__setattr__
        freeze(self, "vertices", frozen_array(f"{self.name}: vertices", self.vertices, None, 3))
        frozen_array(f"{self.name}: faces", self.faces, None, 3)
        faces = np.array(self.faces, dtype=np.int64)
        faces.setflags(write=False)
        freeze(self, "faces", faces)
        parts = (frozen_array(f"{self.name}: part", part, None, 3) for part in self.parts)
        freeze(self, "parts", tuple(parts))
        freeze(self, "com", frozen_array(f"{self.name}: com", self.com, 3))
        freeze(self, "inertia", frozen_array(f"{self.name}: inertia", self.inertia, 3, 3))
        rotations = frozen_array(f"{self.name}: poses", self.stable_rotations, None, 3, 3)
        freeze(self, "stable_rotations", rotations)
        chances = frozen_array(f"{self.name}: chances", self.stable_probabilities, len(rotations))
        freeze(self, "stable_probabilities", chances)
        if not self.parts or not len(rotations):
            raise BadInput(f"{self.name}: needs a convex part and a stable pose")
        if not 0.0 < self.mass < np.inf:
            raise BadInput(f"{self.name}: mass must be positive and finite, got {self.mass}")

    @cached_property
    def contact_vertices(self) -> Array:
        """Vertices of all convex parts, shape (*, 3), in [m]."""
        return np.concatenate(self.parts)

    @cached_property
    def extents(self) -> Array:
        """Size along the axes of the object frame, shape (3,), in [m]."""
        extents: Array = np.ptp(self.vertices, axis=0)
        return extents

    def resting(self, R_table_object: Array, *, yaw: float = 0.0) -> Array:
        """Pose `T_table_object` (4, 4) that rests on the plane z = 0 with the com above the origin.

        Args:
            R_table_object: Rotation, e.g. one of `stable_rotations`, shape (3, 3).
            yaw: Turn about the vertical afterwards, in [rad].
        """
        c, s = np.cos(yaw), np.sin(yaw)
        R = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]) @ R_table_object
        x, y, _ = R @ self.com
        return compose(R, [-x, -y, -float((self.contact_vertices @ R[2]).min())])

    @property
    def upright(self) -> Array:
        """The stable rotation that keeps the object's z axis most upright, shape (3, 3)."""
        best: Array = self.stable_rotations[np.argmax(self.stable_rotations[:, 2, 2])]
        return best

    def height(self, R_table_object: Array) -> float:
        """Vertical size in [m] when turned by `R_table_object` (3, 3)."""
        return float(np.ptp(self.contact_vertices @ R_table_object[2]))


def scaled(item: SimObject, factor: float) -> SimObject:
    """Return the object larger by `factor`, of the same mass; 1 gives back the same value."""
    if factor == 1.0:
        return item
    return replace(
        item,
        vertices=item.vertices * factor,
        parts=tuple(part * factor for part in item.parts),
        com=item.com * factor,
        inertia=item.inertia * factor**2,
    )
