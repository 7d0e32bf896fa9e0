"""Turns a kinematic tree into MuJoCo bodies, joints, geoms, couplings and position drives."""

from collections.abc import Mapping
from dataclasses import dataclass

import mujoco
import numpy as np

from ddg_core.arrays import Array
from ddg_core.hand import Hand
from ddg_core.kinematics import MOVING, Joint, KinematicTree
from ddg_core.shapes import Box, Capsule, Shape
from ddg_core.transforms import quaternion
from ddg_sim.model.settings import DriveSettings, PhysicsSettings

WORLD_BIT = 1  # objects, table: whatever the robot may touch
LIGHT, DARK, WOOD = (0.82, 0.83, 0.85, 1.0), (0.2, 0.21, 0.23, 1.0), (0.72, 0.60, 0.45, 1.0)


@dataclass(frozen=True)
class Touch:
    """Who touches whom: MuJoCo's contype and conaffinity."""

    contype: int
    conaffinity: int


ROBOT = Touch(0, WORLD_BIT)
STATIC = Touch(WORLD_BIT, WORLD_BIT)


def wxyz(T: Array) -> Array:
    """MuJoCo's quaternion w, x, y, z (4,) of a transform (4, 4)."""
    return np.roll(quaternion(T), 1)


def hand_touch(hand: Hand) -> dict[str, Touch]:
    """Which links of a hand touch each other, per link.

    The thumb touches all fingers; fingers touch those that grow from another part of the palm (on
    a folding palm they can cross). Fingers side by side on one part, and links of one finger,
    pass: in a grasp they never meet, and every pair costs time.
    """
    settings, parent = hand.settings, {j.child: j.parent for j in hand.tree.joints}
    palm = set(settings.palm_links)
    groups: dict[str, str] = {}
    for link in (*settings.thumb_links, *settings.finger_links):
        base = link
        while base not in palm and base in parent:
            base = parent[base]
        groups[link] = "thumb" if link in settings.thumb_links else base
    bits = {group: 2 << i for i, group in enumerate(sorted(set(groups.values())))}
    everyone = sum(bits.values())
    return {
        link: Touch(bits[group], WORLD_BIT | (everyone & ~bits[group]))
        for link, group in groups.items()
    }


def add_tree(
    parent: mujoco.MjsBody,
    tree: KinematicTree,
    physics: PhysicsSettings,
    touch: Mapping[str, Touch],
) -> dict[str, mujoco.MjsBody]:
    """Hang a tree on a body: bodies are named as links, joints as joints.

    Args:
        parent: Body that the root link is fixed to without offset; a body of the root's name
            (the world) is the root link.
        tree: Links and joints.
        physics: Armature of coupled joints; gravity is compensated on all moving links.
        touch: Touch per link; others are `ROBOT`.

    Returns:
        Bodies by link name.
    """
    root = tree.link_names[0]
    bodies = {root: parent if root == parent.name else _add_body(parent, root, np.eye(4), tree)}
    for joint in tree.joints:
        body = _add_body(bodies[joint.parent], joint.child, joint.T_parent_child, tree)
        bodies[joint.child] = body
        if joint.kind in MOVING:
            _add_joint(body, joint, physics)
    leaves = set(tree.link_names) - {j.parent for j in tree.joints}
    for link, shapes in tree.shapes.items():
        for i, shape in enumerate(shapes):
            colour = DARK if link in leaves else LIGHT
            geom = add_shape(bodies[link], f"{link}/{i}", shape, physics)
            geom.rgba, who = colour, touch.get(link, ROBOT)
            geom.contype, geom.conaffinity = who.contype, who.conaffinity
    return bodies


def couple(spec: mujoco.MjSpec, tree: KinematicTree, physics: PhysicsSettings) -> None:
    """Add an equality constraint per mimic joint."""
    for joint in tree.joints:
        if joint.mimic is None or joint.kind not in MOVING:
            continue
        source, multiplier, offset = joint.mimic
        equality = spec.add_equality()
        equality.name = f"couple_{joint.name}"
        equality.type = mujoco.mjtEq.mjEQ_JOINT
        equality.name1, equality.name2 = joint.name, source
        equality.data[:2] = offset, multiplier
        equality.data[2:5] = 0.0
        equality.solref = physics.coupling_solref
        equality.solimp[:3] = 0.99, 0.999, 0.001


def drive(spec: mujoco.MjSpec, joint: Joint, max_effort: float, settings: DriveSettings) -> None:
    """Add a position actuator with a force limit, named as its joint."""
    actuator = spec.add_actuator()
    actuator.name = actuator.target = joint.name
    actuator.trntype = mujoco.mjtTrn.mjTRN_JOINT
    actuator.set_to_position(settings.stiffness * max_effort, dampratio=settings.damping_ratio)
    actuator.forcerange = -max_effort, max_effort
    actuator.ctrlrange = joint.lower, joint.upper
    spec.joint(joint.name).armature = settings.armature
    spec.joint(joint.name).frictionloss = settings.friction


def add_shape(
    body: mujoco.MjsBody, name: str, shape: Shape, physics: PhysicsSettings
) -> mujoco.MjsGeom:
    """Add one of our primitives as a geom; capsules are real capsules."""
    geom = body.add_geom()
    geom.name, geom.group = name, 1
    physics.touch(geom)
    if isinstance(shape, Box):
        geom.type = mujoco.mjtGeom.mjGEOM_BOX
        geom.size, geom.pos, geom.quat = shape.half, shape.T_link_box[:3, 3], wxyz(shape.T_link_box)
    elif isinstance(shape, Capsule) and np.linalg.norm(shape.b - shape.a) > 1e-9:
        geom.type = mujoco.mjtGeom.mjGEOM_CAPSULE
        geom.fromto = [*shape.a, *shape.b]
        geom.size[0] = shape.radius
    elif isinstance(shape, Capsule):
        geom.type = mujoco.mjtGeom.mjGEOM_SPHERE
        geom.size[0], geom.pos = shape.radius, shape.a
    else:
        raise TypeError(f"{name}: no MuJoCo geom for {type(shape).__name__}")
    return geom


def _add_body(
    parent: mujoco.MjsBody, link: str, T_parent_child: Array, tree: KinematicTree
) -> mujoco.MjsBody:
    body = parent.add_body()
    body.name = link
    body.pos, body.quat = T_parent_child[:3, 3], wxyz(T_parent_child)
    body.gravcomp = 1.0
    body.explicitinertial = True
    if link in tree.inertials:
        inertial = tree.inertials[link]
        I = inertial.inertia  # noqa: E741 - the field's notation
        body.mass, body.ipos = inertial.mass, inertial.com
        body.fullinertia = [I[0, 0], I[1, 1], I[2, 2], I[0, 1], I[0, 2], I[1, 2]]
    return body


def _add_joint(body: mujoco.MjsBody, joint: Joint, physics: PhysicsSettings) -> None:
    added = body.add_joint()
    added.name = joint.name
    slides = joint.kind == "prismatic"
    added.type = mujoco.mjtJoint.mjJNT_SLIDE if slides else mujoco.mjtJoint.mjJNT_HINGE
    added.axis = joint.axis
    if np.isfinite([joint.lower, joint.upper]).all():
        added.range = joint.lower, joint.upper
    if joint.mimic is not None:
        added.armature = physics.coupled_armature
        # The source's limit and the coupling hold it; its own limit would only fight them.
        added.limited = mujoco.mjtLimited.mjLIMITED_FALSE
