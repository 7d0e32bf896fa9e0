"""The two models: a floating hand for rollouts, and the whole cell for the twin."""

from collections.abc import Mapping, Sequence

import mujoco
import numpy as np

from ddg_core.cell import CellSettings
from ddg_core.description import cell_tree, cell_urdf
from ddg_core.hand import Hand
from ddg_core.kinematics import KinematicTree
from ddg_core.shapes import Box
from ddg_core.transforms import compose
from ddg_sim.model.looks import furnish_room, paint, urdf_colours
from ddg_sim.model.objects import PlacedObject, add_object, add_static
from ddg_sim.model.robot import STATIC, add_tree, couple, drive, hand_touch, wxyz
from ddg_sim.model.settings import PhysicsSettings
from ddg_sim.model.world import WRIST, FloatingHand, World

OPTICAL = np.diag([1.0, -1.0, -1.0])  # MuJoCo's cameras look along -z with y up
TABLE = Box(compose(np.eye(3), [0.5, 0.0, -0.05]), np.array([1.0, 1.0, 0.05]))


def floating_hand(
    hand: Hand,
    objects: Sequence[PlacedObject] = (),
    statics: Mapping[str, Box] | None = None,
    physics: PhysicsSettings | None = None,
) -> FloatingHand:
    """Build a hand on six position-driven wrist joints, objects, and things that stand still.

    Args:
        hand: The hand.
        objects: Objects with their poses.
        statics: Boxes in the base frame by name; None puts a table whose top is z = 0.
        physics: Solver, contacts, drives.
    """
    physics = physics or PhysicsSettings()
    spec = physics.new_spec(hand.name)
    wrist = hand.settings.wrist_link
    bodies = add_tree(spec.worldbody, hand.tree, physics, hand_touch(hand))
    _float(spec, bodies[wrist], physics)
    _drive_hand(spec, hand, hand.tree, physics)
    _furnish(spec, objects, {"table": TABLE} if statics is None else statics, physics)
    _light(spec)
    return FloatingHand(spec.compile(), hand)


def cell_world(
    cell: CellSettings,
    hand: Hand,
    objects: Sequence[PlacedObject] = (),
    statics: Mapping[str, Box] | None = None,
    physics: PhysicsSettings | None = None,
) -> World:
    """Build the whole cell: arm, hand, table and camera of the URDF, objects, more boxes.

    The camera is named as its optical frame and has its intrinsics.

    Args:
        cell: The cell.
        hand: Its hand.
        objects: Objects with their poses.
        statics: Further boxes in the base frame by name, e.g. a pedestal.
        physics: Solver, contacts, drives.
    """
    physics = physics or PhysicsSettings()
    tree = cell_tree(cell)
    spec = physics.new_spec("cell")
    fixed = _fixed_links(tree)
    touch = {**hand_touch(hand), **dict.fromkeys(fixed, STATIC)}
    bodies = add_tree(spec.worldbody, tree, physics, touch)
    for joint in tree.joints:  # MuJoCo lets neighbours pass, but not where the parent is fixed
        if joint.parent in fixed and joint.child not in fixed:
            pair = spec.add_exclude()
            pair.bodyname1, pair.bodyname2 = joint.parent, joint.child
    for name in cell.arm.joint_names:
        drive(spec, tree.joint(name), tree.joint(name).effort, physics.arm)
    _drive_hand(spec, hand, tree, physics)
    _add_camera(bodies[cell.camera.frame], cell)
    _furnish(spec, objects, statics or {}, physics)
    paint(spec, urdf_colours(cell_urdf(cell)))
    furnish_room(spec)
    return World(spec.compile(), hand)


def _drive_hand(
    spec: mujoco.MjSpec, hand: Hand, tree: KinematicTree, physics: PhysicsSettings
) -> None:
    for name, effort in zip(hand.joint_names, hand.settings.max_effort, strict=True):
        joint = tree.joint(name)
        drive(spec, joint, effort, physics.jaw if joint.kind == "prismatic" else physics.finger)
    couple(spec, tree, physics)


def _float(spec: mujoco.MjSpec, body: mujoco.MjsBody, physics: PhysicsSettings) -> None:
    """Give a body six driven joints: three slides, then turns about x, y and z."""
    for i, name in enumerate(WRIST):
        linear = i < 3
        settings = physics.wrist_linear if linear else physics.wrist_angular
        limit = physics.wrist_force if linear else physics.wrist_torque
        joint = body.add_joint()
        joint.name, joint.axis = name, np.eye(3)[i % 3]
        joint.type = mujoco.mjtJoint.mjJNT_SLIDE if linear else mujoco.mjtJoint.mjJNT_HINGE
        joint.armature = settings.armature
        actuator = spec.add_actuator()
        actuator.name = actuator.target = name
        actuator.trntype = mujoco.mjtTrn.mjTRN_JOINT
        actuator.set_to_position(settings.stiffness * limit, dampratio=settings.damping_ratio)
        actuator.forcerange = -limit, limit


def _furnish(
    spec: mujoco.MjSpec,
    objects: Sequence[PlacedObject],
    statics: Mapping[str, Box],
    physics: PhysicsSettings,
) -> None:
    for name, box in statics.items():
        add_static(spec, name, box, physics)
    for placed in objects:
        add_object(spec, placed, physics)
    spec.visual.global_.offwidth, spec.visual.global_.offheight = 1280, 960
    spec.visual.map.znear, spec.visual.map.zfar = 0.02, 20.0
    spec.stat.extent = 1.0


def _light(spec: mujoco.MjSpec) -> None:
    light = spec.worldbody.add_light()
    light.pos, light.dir, light.diffuse = [0.3, 0.6, 2.0], [0.1, -0.3, -1.0], [0.6, 0.6, 0.6]
    light.type = mujoco.mjtLightType.mjLIGHT_DIRECTIONAL
    spec.visual.headlight.ambient = [0.35, 0.35, 0.35]


def _fixed_links(tree: KinematicTree) -> list[str]:
    """Links that cannot move: fixed to the root."""
    fixed = [tree.link_names[0]]
    for joint in tree.joints:
        if joint.kind == "fixed" and joint.parent in fixed:
            fixed.append(joint.child)
    return fixed


def _add_camera(body: mujoco.MjsBody, cell: CellSettings) -> None:
    """The camera where its frame is, so that it moves with what carries it."""
    intrinsics = cell.camera.intrinsics
    camera = body.add_camera()
    camera.name = cell.camera.frame
    camera.quat = wxyz(compose(OPTICAL, np.zeros(3)))
    camera.resolution = [intrinsics.width, intrinsics.height]
    camera.focal_pixel = [intrinsics.fx, intrinsics.fy]
    # There it is the shift of the image's middle from the principal point, not the other way.
    camera.principal_pixel = [
        (intrinsics.width - 1) / 2 - intrinsics.cx,
        (intrinsics.height - 1) / 2 - intrinsics.cy,
    ]
    camera.sensor_size = [intrinsics.width * 1e-5, intrinsics.height * 1e-5]
