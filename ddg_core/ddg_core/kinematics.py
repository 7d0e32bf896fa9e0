"""The kinematic tree of a URDF: joints, couplings, link shapes, vectorised forward kinematics."""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ddg_core.arrays import Array
from ddg_core.errors import BadInput, UnknownName
from ddg_core.fit import fit_primitive
from ddg_core.shapes import Box, Capsule, Shape
from ddg_core.transforms import apply, from_xyz_rpy

MOVING = ("revolute", "continuous", "prismatic")
MeshPoints = Callable[[str], Array]


@dataclass(frozen=True, eq=False)
class Joint:
    """One joint of a URDF; angles in [rad] or [m], velocity per [s], effort in [N m] or [N]."""

    name: str
    kind: str
    parent: str
    child: str
    T_parent_child: Array  # at joint value 0
    axis: Array
    lower: float
    upper: float
    velocity: float
    effort: float
    mimic: tuple[str, float, float] | None  # (joint, multiplier, offset)


@dataclass(frozen=True, eq=False)
class Inertial:
    """Mass [kg], its centre (3,) [m] and the tensor about it (3, 3) [kg m^2], in link axes."""

    mass: float
    com: Array
    inertia: Array


@dataclass(frozen=True, eq=False)
class KinematicTree:
    """Links and joints in topological order.

    Attributes:
        name: Name of the robot.
        joints: All joints, parents before children.
        link_names: All links, the root first, then the child of each joint in order.
        shapes: Collision primitives per link, in the frame of the link.
        inertials: Mass and inertia of the links that have them.
    """

    name: str
    joints: tuple[Joint, ...]
    link_names: tuple[str, ...]
    shapes: dict[str, tuple[Shape, ...]]
    inertials: dict[str, Inertial]

    @property
    def driven(self) -> tuple[str, ...]:
        """Names of the joints that move by themselves: not fixed, no mimic."""
        return tuple(j.name for j in self.joints if j.kind in MOVING and j.mimic is None)

    def joint(self, name: str) -> Joint:
        """Return the joint of that name; UnknownName if there is none."""
        for joint in self.joints:
            if joint.name == name:
                return joint
        raise UnknownName(f"joint of {self.name!r}", name, (j.name for j in self.joints))

    def subtree(self, root: str) -> "KinematicTree":
        """Return the part of the tree from link `root` outwards."""
        if root not in self.link_names:
            raise UnknownName(f"link of {self.name!r}", root, self.link_names)
        links = [root]
        joints = []
        for joint in self.joints:
            if joint.parent in links:
                joints.append(joint)
                links.append(joint.child)
        shapes = {link: self.shapes[link] for link in links}
        inertials = {link: self.inertials[link] for link in links if link in self.inertials}
        return KinematicTree(self.name, tuple(joints), tuple(links), shapes, inertials)

    def forward(self, joint_names: Sequence[str], values: Array) -> Array:
        """Poses of all links in the root frame.

        Args:
            joint_names: The D driven joints that `values` gives; others are at 0.
            values: Joint values, shape (..., D), in [rad] or [m].

        Returns:
            `T_root_link`, shape (..., L, 4, 4), in the order of `link_names`.
        """
        column = {name: i for i, name in enumerate(joint_names)}
        for name in joint_names:
            self.joint(name)
        index = {name: i for i, name in enumerate(self.link_names)}
        T = np.zeros((*values.shape[:-1], len(self.link_names), 4, 4))
        T[..., 0, :, :] = np.eye(4)
        for joint in self.joints:
            T_parent = T[..., index[joint.parent], :, :] @ joint.T_parent_child
            if joint.kind in MOVING:
                source, multiplier, offset = joint.mimic or (joint.name, 1.0, 0.0)
                q = values[..., column[source]] if source in column else np.zeros(values.shape[:-1])
                T_parent = T_parent @ _motion(joint, multiplier * q + offset)
            T[..., index[joint.child], :, :] = T_parent
        return T


def read_urdf(
    source: Path | str,
    mesh_points: MeshPoints | None = None,
    shaped: Collection[str] | None = None,
) -> KinematicTree:
    """Read a URDF file, or its text.

    A collision cylinder named `<x>_tube` together with the spheres `<x>_cap0` and `<x>_cap1` is
    read as one capsule; other cylinders are refused: our shapes are primitives. So are meshes,
    unless `mesh_points` is given: then each is enclosed in a fitted primitive, and links without
    collision shapes take their visual ones.

    Args:
        source: File or text.
        mesh_points: Gives the vertices (N, 3) of a mesh by its file name in the URDF.
        shaped: Links whose shapes are read; None reads all.

    Raises:
        BadInput: Not a URDF, no single root, or a shape that is no primitive.
    """
    text = Path(source).read_text("utf-8") if isinstance(source, Path) else source
    try:
        robot = ET.fromstring(text)
    except ET.ParseError as error:
        raise BadInput(f"not a URDF: {error}") from error
    joints = [_joint(node) for node in robot.findall("joint")]
    links = {node.attrib["name"]: node for node in robot.findall("link")}
    roots = set(links) - {j.child for j in joints}
    if len(roots) != 1:
        raise BadInput(f"URDF {robot.get('name')!r}: needs one root link, has {sorted(roots)}")
    ordered: list[Joint] = []
    names = [roots.pop()]
    while len(ordered) < len(joints):
        ready = [j for j in joints if j.parent in names and j.child not in names]
        if not ready:
            raise BadInput(f"URDF {robot.get('name')!r}: joints loop, or name unknown links")
        ordered += ready
        names += [j.child for j in ready]
    wanted = names if shaped is None else shaped
    shapes = {n: tuple(_shapes(links[n], mesh_points)) if n in wanted else () for n in names}
    masses = {name: links[name].find("inertial") for name in names}
    inertials = {name: _inertial(node) for name, node in masses.items() if node is not None}
    label = robot.get("name", "robot")
    return KinematicTree(label, tuple(ordered), tuple(names), shapes, inertials)


def _floats(node: ET.Element | None, key: str, default: str) -> list[float]:
    return [float(x) for x in (node.get(key, default) if node is not None else default).split()]


def _origin(node: ET.Element) -> Array:
    origin = node.find("origin")
    return from_xyz_rpy(_floats(origin, "xyz", "0 0 0"), _floats(origin, "rpy", "0 0 0"))


def _joint(node: ET.Element) -> Joint:
    ends = {tag: node.find(tag) for tag in ("parent", "child", "limit", "mimic")}
    if ends["parent"] is None or ends["child"] is None:
        raise BadInput(f"URDF joint {node.get('name')!r}: needs a parent and a child")
    limit, mimic = ends["limit"], ends["mimic"]
    axis = np.array(_floats(node.find("axis"), "xyz", "1 0 0"))
    return Joint(
        name=node.attrib["name"],
        kind=node.attrib["type"],
        parent=ends["parent"].attrib["link"],
        child=ends["child"].attrib["link"],
        T_parent_child=_origin(node),
        axis=axis / np.linalg.norm(axis),
        lower=_floats(limit, "lower", "-inf")[0],
        upper=_floats(limit, "upper", "inf")[0],
        velocity=_floats(limit, "velocity", "inf")[0],
        effort=_floats(limit, "effort", "inf")[0],
        mimic=None
        if mimic is None
        else (
            mimic.attrib["joint"],
            _floats(mimic, "multiplier", "1")[0],
            _floats(mimic, "offset", "0")[0],
        ),
    )


def _inertial(node: ET.Element) -> Inertial:
    T, tensor = _origin(node), node.find("inertia")
    keys = ("ixx", "iyy", "izz", "ixy", "ixz", "iyz")
    xx, yy, zz, xy, xz, yz = (_floats(tensor, key, "0")[0] for key in keys)
    inertia = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    mass = _floats(node.find("mass"), "value", "0")[0]
    return Inertial(mass, T[:3, 3], T[:3, :3] @ inertia @ T[:3, :3].T)


def _shapes(link: ET.Element, mesh_points: MeshPoints | None) -> Iterator[Shape]:
    nodes = link.findall("collision")
    if not nodes and mesh_points is not None:
        nodes = link.findall("visual")
    for node in nodes:
        name = node.get("name", "")
        geometry = node.find("geometry/*")
        T = _origin(node)
        if geometry is not None and geometry.tag == "box":
            yield Box(T, np.array(_floats(geometry, "size", "")) / 2)
        elif geometry is not None and geometry.tag == "sphere":
            if not name.endswith(("_cap0", "_cap1")):
                yield Capsule(T[:3, 3], T[:3, 3], _floats(geometry, "radius", "")[0])
        elif geometry is not None and geometry.tag == "cylinder" and name.endswith("_tube"):
            half = _floats(geometry, "length", "")[0] / 2 * T[:3, 2]
            radius = _floats(geometry, "radius", "")[0]
            yield Capsule(T[:3, 3] - half, T[:3, 3] + half, radius)
        elif geometry is not None and geometry.tag == "mesh" and mesh_points is not None:
            points = mesh_points(geometry.attrib["filename"]) * _floats(geometry, "scale", "1 1 1")
            yield fit_primitive(apply(T, points))
        else:
            kind = "nothing" if geometry is None else geometry.tag
            raise BadInput(
                f"URDF link {link.get('name')!r}, shape {name!r}: {kind} is no primitive of ours"
                " (box, sphere, or a capsule as <x>_tube, <x>_cap0, <x>_cap1)"
            )


def _motion(joint: Joint, q: Array) -> Array:
    """Transforms (..., 4, 4) of the joint's motion by q (...)."""
    T = np.zeros((*np.shape(q), 4, 4))
    T[...] = np.eye(4)
    if joint.kind == "prismatic":
        T[..., :3, 3] = np.asarray(q)[..., None] * joint.axis
        return T
    x, y, z = joint.axis
    K = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    s, c = np.sin(q)[..., None, None], np.cos(q)[..., None, None]
    T[..., :3, :3] = np.eye(3) + s * K + (1.0 - c) * (K @ K)  # Rodrigues
    return T
