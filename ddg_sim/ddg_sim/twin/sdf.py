"""An object of the catalogue as Gazebo takes it: SDF, with its meshes as files."""

import xml.etree.ElementTree as ET
from pathlib import Path

import trimesh

from ddg_core.arrays import Array
from ddg_core.transforms import quaternion
from ddg_sim.model.objects import PlacedObject
from ddg_sim.objects.solids import mesh_of
from ddg_sim.twin.spawn import Placement

VERSION = "1.9"


def placement_sdf(placement: Placement, folder: Path) -> str:
    """Model of an object where it is let go, with the pedestal that it may need.

    It has the mass, inertia, friction and convex parts that the MuJoCo twin gives it.

    Args:
        placement: The object, drawn as for the MuJoCo twin.
        folder: Where its meshes are written; must live as long as the simulation.
    """
    placed = placement.placed
    root = ET.Element("sdf", version=VERSION)
    model = ET.SubElement(root, "model", name=placed.name)
    link = ET.SubElement(model, "link", name=placed.name)
    _pose(link, placed.T_base_object)
    _inertial(link, placed)
    surface = trimesh.Trimesh(placed.item.vertices, placed.item.faces, process=False)
    visual = ET.SubElement(link, "visual", name="surface")
    _mesh(visual, surface, folder / "surface.obj")
    material = ET.SubElement(visual, "material")
    ET.SubElement(material, "diffuse").text = " ".join(map(str, placed.colour))
    for i, part in enumerate(placed.item.parts):
        collision = ET.SubElement(link, "collision", name=f"part_{i}")
        _mesh(collision, mesh_of(part), folder / f"part_{i}.obj")
        _friction(collision, placed.friction)
    for name, box in placement.statics.items():
        _static_box(model, name, box.T_link_box, 2.0 * box.half)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode")


def _inertial(link: ET.Element, placed: PlacedObject) -> None:
    item = placed.item
    mass = item.mass if placed.mass is None else placed.mass
    inertial = ET.SubElement(link, "inertial")
    ET.SubElement(inertial, "pose").text = " ".join(map(str, (*item.com, 0, 0, 0)))
    ET.SubElement(inertial, "mass").text = str(mass)
    tensor = ET.SubElement(inertial, "inertia")
    scaled = item.inertia * (mass / item.mass)
    for i, a in enumerate("xyz"):
        for j in range(i, 3):
            ET.SubElement(tensor, f"i{a}{'xyz'[j]}").text = str(scaled[i, j])


def _mesh(parent: ET.Element, mesh: trimesh.Trimesh, path: Path) -> None:
    mesh.export(path)
    shape = ET.SubElement(ET.SubElement(parent, "geometry"), "mesh")
    ET.SubElement(shape, "uri").text = path.resolve().as_uri()


def _friction(collision: ET.Element, sliding: float) -> None:
    surface = ET.SubElement(ET.SubElement(collision, "surface"), "friction")
    ode = ET.SubElement(surface, "ode")
    for name in ("mu", "mu2"):
        ET.SubElement(ode, name).text = str(sliding)


def _static_box(model: ET.Element, name: str, T: Array, size: Array) -> None:
    link = ET.SubElement(model, "link", name=name)
    _pose(link, T)
    for kind in ("visual", "collision"):
        part = ET.SubElement(link, kind, name=f"{name}_{kind}")
        box = ET.SubElement(ET.SubElement(part, "geometry"), "box")
        ET.SubElement(box, "size").text = " ".join(map(str, size))
    joint = ET.SubElement(model, "joint", name=f"{name}_stands", type="fixed")
    ET.SubElement(joint, "parent").text = "world"
    ET.SubElement(joint, "child").text = name


def _pose(parent: ET.Element, T: Array) -> None:
    pose = ET.SubElement(parent, "pose", rotation_format="quat_xyzw")
    pose.text = " ".join(f"{x:.9f}" for x in (*T[:3, 3], *quaternion(T)))
