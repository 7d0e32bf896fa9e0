"""Puts objects, and boxes that stand still, into a model."""

from dataclasses import dataclass

import mujoco

from ddg_core.arrays import Array, frozen_array
from ddg_core.errors import BadInput
from ddg_core.shapes import Box
from ddg_sim.model.robot import STATIC, WOOD, WORLD_BIT, add_shape, wxyz
from ddg_sim.model.settings import PhysicsSettings
from ddg_sim.objects.sim_object import SimObject

COLOUR = (0.85, 0.35, 0.25, 1.0)


@dataclass(frozen=True, eq=False)
class PlacedObject:
    """An object with what is drawn per scene.

    Attributes:
        item: The object.
        T_base_object: Its pose at the start, shape (4, 4).
        friction: Sliding friction of its surface; it is what acts, whatever it touches.
        mass: In [kg]; None takes the object's own. The inertia scales with it.
        name: Name of its body.
        colour: Red, green, blue, alpha in [0, 1].
    """

    item: SimObject
    T_base_object: Array
    friction: float = 0.75
    mass: float | None = None
    name: str = "object"
    colour: tuple[float, float, float, float] = COLOUR

    def __post_init__(self) -> None:
        """Check the numbers."""
        T = frozen_array("PlacedObject.T_base_object", self.T_base_object, 4, 4)
        object.__setattr__(self, "T_base_object", T)
        for key, value in (("friction", self.friction), ("mass", self.mass or 1.0)):
            if not 0.0 < value < 100.0:
                raise BadInput(f"PlacedObject.{key}: must be in (0, 100), got {value}")


def add_object(spec: mujoco.MjSpec, placed: PlacedObject, physics: PhysicsSettings) -> None:
    """Add a free body with one geom per convex part, and its surface for the cameras only.

    Its geoms have priority, so that the object's friction acts in every contact (MuJoCo would
    take the larger of the two).
    """
    item = placed.item
    body = spec.worldbody.add_body()
    body.name = placed.name
    body.pos, body.quat = placed.T_base_object[:3, 3], wxyz(placed.T_base_object)
    mass = item.mass if placed.mass is None else placed.mass
    I = item.inertia * (mass / item.mass)  # noqa: E741 - the field's notation
    body.explicitinertial = True
    body.mass, body.ipos = mass, item.com
    body.fullinertia = [I[0, 0], I[1, 1], I[2, 2], I[0, 1], I[0, 2], I[1, 2]]
    body.add_freejoint().name = placed.name
    for i, part in enumerate(item.parts):
        mesh = spec.add_mesh()
        mesh.name = f"{placed.name}/part{i}"
        mesh.uservert = part.ravel()
        geom = _mesh_geom(body, mesh.name, placed.colour)
        geom.contype = geom.conaffinity = WORLD_BIT
        geom.priority, geom.group = 1, 3
        geom.friction = physics.friction(placed.friction)
        physics.touch(geom)
    surface = spec.add_mesh()
    surface.name = f"{placed.name}/surface"
    surface.uservert, surface.userface = item.vertices.ravel(), item.faces.ravel()
    surface.inertia = mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL  # it need not be watertight
    geom = _mesh_geom(body, surface.name, placed.colour)
    geom.contype = geom.conaffinity = 0
    geom.group, geom.mass = 2, 0.0


def add_static(spec: mujoco.MjSpec, name: str, box: Box, physics: PhysicsSettings) -> None:
    """Add a box that stands still, e.g. a table or a pedestal; boxes are in the base frame."""
    geom = add_shape(spec.worldbody, name, box, physics)
    geom.rgba, geom.contype, geom.conaffinity = WOOD, STATIC.contype, STATIC.conaffinity


def _mesh_geom(body: mujoco.MjsBody, mesh: str, colour: tuple[float, ...]) -> mujoco.MjsGeom:
    geom = body.add_geom()
    geom.name = geom.meshname = mesh
    geom.type = mujoco.mjtGeom.mjGEOM_MESH
    geom.rgba = colour
    return geom
