"""The MuJoCo models against the URDF they are made from, and the physics they are made for."""

import time
from dataclasses import replace

import mujoco
import numpy as np
import pytest
import trimesh
from robot_figures import SVH_FORCES
from scipy.spatial.transform import Rotation

from ddg_core.description import cell_tree, load_cell, load_hand
from ddg_core.errors import UnknownName
from ddg_core.shapes import Box
from ddg_core.transforms import apply, compose, exp
from ddg_sim.model.build import cell_world, floating_hand
from ddg_sim.model.objects import PlacedObject
from ddg_sim.model.world import WRIST
from ddg_sim.objects.assemble import assemble

HAND = load_hand("svh")
CELL = load_cell()


def cylinder(radius=0.03, height=0.15, mass=0.3):
    mesh = trimesh.creation.cylinder(radius, height, sections=32)
    return assemble("cylinder", mesh, [np.array(mesh.vertices)], mass)


def run(world, data, seconds, before_step=lambda share: None):
    steps = round(seconds / world.model.opt.timestep)
    for i in range(steps):
        before_step((i + 1) / steps)
        mujoco.mj_step(world.model, data)


def command(world, data, addresses, start, end):
    """Move commands from start to end in 1 s."""
    run(world, data, 1.0, lambda s: data.ctrl.__setitem__(addresses, start + s * (end - start)))


def still(world, T=None):
    data = mujoco.MjData(world.model)
    world.set_frame(np.eye(4) if T is None else T)
    world.set_wrist(data, np.eye(4) if T is None else T)
    return data


def test_links_are_where_the_urdf_puts_them():
    world = floating_hand(HAND, statics={})
    data = still(world)
    rng = np.random.default_rng(0)
    for joints in rng.uniform(*HAND.limits.T, (20, 9)):
        world.set_hand(data, joints)
        mujoco.mj_kinematics(world.model, data)
        expected = HAND.tree.forward(HAND.joint_names, joints)
        for name, T in zip(HAND.tree.link_names, expected, strict=True):
            np.testing.assert_allclose(world.pose(data, name), T, atol=1e-6)


def test_the_whole_cell_is_where_the_urdf_puts_it():
    world, tree = cell_world(CELL, HAND), cell_tree(CELL)
    data = mujoco.MjData(world.model)
    limits = np.array([[tree.joint(n).lower, tree.joint(n).upper] for n in tree.driven])
    for values in np.random.default_rng(1).uniform(*limits.T, (5, len(limits))):
        q = dict(zip(tree.driven, values, strict=True))
        world.set_joints(data, CELL.arm.joint_names, [q[n] for n in CELL.arm.joint_names])
        world.set_hand(data, np.array([q[n] for n in HAND.joint_names]))
        mujoco.mj_kinematics(world.model, data)
        for name, T in zip(tree.link_names, tree.forward(tree.driven, values), strict=True):
            np.testing.assert_allclose(world.pose(data, name), T, atol=1e-6)


def test_shapes_are_where_the_urdf_puts_them():
    world = floating_hand(HAND, statics={})
    data = still(world)
    mujoco.mj_kinematics(world.model, data)
    poses = HAND.link_poses(HAND.pose("open"))
    count = 0
    for i, name in enumerate(HAND.link_names):
        for k, shape in enumerate(HAND.tree.shapes[name]):
            geom = world.model.geom(f"{name}/{k}").id
            middle = apply(poses[i], shape.bounds().mean(axis=0, keepdims=True))[0]
            np.testing.assert_allclose(data.geom_xpos[geom], middle, atol=1e-9)
            count += 1
    assert count == world.model.ngeom


def test_the_wrist_goes_where_it_is_told():
    world = floating_hand(HAND, statics={})
    T_start = compose(Rotation.from_euler("xyz", [2.0, -0.4, 1.0]).as_matrix(), [0.5, 0.1, 0.4])
    data = still(world, T_start)
    T_goal = T_start @ exp([0.05, -0.02, 0.1, 0.3, -0.2, 0.4])
    data.ctrl[world.ctrl(WRIST)] = world.wrist_joints(T_goal)
    run(world, data, 1.0)
    np.testing.assert_allclose(world.pose(data, "base_link"), T_goal, atol=1e-3)


def test_fingers_track_and_coupled_joints_follow():
    world = floating_hand(HAND, statics={})
    data = still(world)
    goal = HAND.pose("closed")
    worst = 0.0

    def follow(share):
        nonlocal worst
        data.ctrl[world.hand_ctrl] = goal * min(1.0, 1.5 * share)
        moving = data.qpos[world.qpos(HAND.moving_joint_names)]
        worst = max(worst, np.abs(moving - HAND.expand(data.qpos[world.hand_qpos])).max())

    run(world, data, 1.5, follow)
    np.testing.assert_allclose(data.qpos[world.hand_qpos], goal, atol=0.01)
    assert worst < 0.01


def test_the_arm_holds_the_hand_without_sag_and_tracks():
    world = cell_world(CELL, HAND)
    data = mujoco.MjData(world.model)
    names = CELL.arm.joint_names
    home = np.array(CELL.arm.home)
    world.set_joints(data, names, home)
    run(world, data, 0.5)
    np.testing.assert_allclose(data.qpos[world.qpos(names)], home, atol=1e-3)
    goal = home + 0.2
    command(world, data, world.ctrl(names), home, goal)
    run(world, data, 0.5)
    np.testing.assert_allclose(data.qpos[world.qpos(names)], goal, atol=2e-3)


@pytest.mark.parametrize("pose", HAND.settings.poses)
def test_named_poses_touch_nothing(pose):
    world = cell_world(CELL, HAND)
    data = mujoco.MjData(world.model)
    world.set_joints(data, CELL.arm.joint_names, CELL.arm.home)
    world.set_hand(data, HAND.pose(pose))
    mujoco.mj_forward(world.model, data)
    assert data.ncon == 0


def test_thumb_and_fingers_touch_each_other():
    world = floating_hand(HAND, statics={})
    data = still(world)
    world.set_hand(data, np.array([0.489, 0.302, 0.992, 0.756, 0.0, 0.0, 0.0, 0.0, 0.184]))
    mujoco.mj_forward(world.model, data)
    touching = {world.model.body(b).name for b in world.model.geom_bodyid[data.contact.geom].flat}
    assert touching & set(HAND.settings.thumb_links)
    assert touching & set(HAND.settings.finger_links)


@pytest.mark.parametrize("friction", [0.3, 0.9])
def test_the_friction_of_the_object_acts(friction):
    placed = PlacedObject(cylinder(), compose(np.eye(3), [0.5, 0.0, 0.0749]), friction)
    world = floating_hand(HAND, [placed])
    data = still(world, compose(np.eye(3), [0.0, 0.0, 0.5]))
    run(world, data, 0.1)
    assert data.ncon > 0
    np.testing.assert_allclose(data.contact.friction[:, 0], friction)


def test_mass_and_inertia_are_as_placed():
    item = cylinder()
    world = floating_hand(HAND, [PlacedObject(item, np.eye(4), mass=0.5)])
    body = world.model.body("object")
    assert body.mass[0] == pytest.approx(0.5)
    expected = np.sort(np.linalg.eigvalsh(item.inertia)) * 0.5 / item.mass
    np.testing.assert_allclose(np.sort(body.inertia), expected, rtol=1e-6)


def grasp(mass, friction):
    """Close around a 6 cm cylinder from the side, lift 15 cm, hold 1 s: its height gained, [m]."""
    R = np.stack([[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]], axis=1)
    T = compose(R, [0.0, 0.0, 0.075] - R @ [0.0, 0.05, 0.11])
    placed = PlacedObject(cylinder(), compose(np.eye(3), [0.0, 0.0, 0.075]), friction, mass)
    world = floating_hand(HAND, [placed])
    data = still(world, T)
    start, end = HAND.pose("open"), HAND.limits[:, 1].copy()
    start[[1, 8]] = end[[1, 8]] = 0.3, 0.2  # Thumb_Opposition, Finger_Spread
    world.set_hand(data, start)
    command(world, data, world.hand_ctrl, start, end)
    lifted = world.wrist_joints(compose(R, T[:3, 3] + [0.0, 0.0, 0.15]))
    command(world, data, world.ctrl(WRIST), np.zeros(6), lifted)
    run(world, data, 1.0)
    force = np.abs(data.actuator_force[world.hand_ctrl])
    assert (force <= np.array(HAND.settings.max_effort) + 1e-9).all()
    return world.pose(data, "object")[2, 3] - 0.075


def test_a_hand_holds_a_cylinder_against_gravity():
    assert grasp(mass=0.3, friction=0.75) > 0.13


def test_and_lets_a_slippery_heavy_one_go():
    assert grasp(mass=3.0, friction=0.2) < 0.05


def test_the_camera_sees_a_point_where_the_pinhole_says():
    point = np.array([0.6, 0.08, 0.1])
    cell = replace(
        CELL,
        camera=replace(
            CELL.camera,
            intrinsics=replace(
                CELL.camera.intrinsics,
                width=320,
                height=240,
                fx=300.0,
                fy=310.0,
                cx=150.0,
                cy=127.0,
            ),
        ),
    )
    speck = Box(compose(np.eye(3), point), np.full(3, 0.004))
    world, tree = cell_world(cell, HAND, statics={"speck": speck}), cell_tree(cell)
    data = mujoco.MjData(world.model)
    world.set_joints(data, cell.arm.joint_names, cell.arm.home)
    mujoco.mj_forward(world.model, data)
    with mujoco.Renderer(world.model, 240, 320) as renderer:
        renderer.enable_segmentation_rendering()
        renderer.update_scene(data, cell.camera.frame)
        seen = renderer.render()[..., 0] == world.model.geom("speck").id
    assert seen.sum() > 4
    rows, columns = np.nonzero(seen)
    T = tree.forward((), np.zeros(0))[tree.link_names.index(cell.camera.frame)]
    expected = cell.camera.intrinsics.project(apply(np.linalg.inv(T), point[None]))[0]
    np.testing.assert_allclose([columns.mean(), rows.mean()], expected, atol=0.6)


@pytest.mark.parametrize(
    "name", ["Thumb_Flexion", "Index_Finger_Distal", "Middle_Finger_Distal", "Ring_Finger", "Pinky"]
)
def test_a_fingertip_presses_as_hard_as_the_figures_say(name):
    force, link, x = SVH_FORCES[name]
    column = HAND.joint_names.index(name)
    half = HAND.limits.mean(axis=1) * (np.arange(9) == column)
    step = 1e-4 * (np.arange(9) == column)

    def tip(joints):
        T = HAND.link_poses(joints)[HAND.link_names.index(link)]
        return apply(T, np.array([[x, 0.0, 0.0]]))[0]

    away = (tip(half + step) - tip(half - step)) / np.linalg.norm(
        tip(half + step) - tip(half - step)
    )
    R = Rotation.align_vectors([away], [[0.0, 0.0, 1.0]])[0].as_matrix()
    radius = HAND.tree.shapes[link][0].radius
    plate = Box(compose(R, tip(half) + (radius + 0.005) * away), np.array([0.01, 0.01, 0.005]))
    world = floating_hand(HAND, statics={"plate": plate})
    data = still(world)
    world.set_hand(data, half)
    data.ctrl[world.hand_ctrl] = HAND.clip(half + HAND.settings.squeeze * (np.arange(9) == column))
    run(world, data, 0.5)
    pressed = np.zeros(6)
    total = 0.0
    for i in range(data.ncon):
        mujoco.mj_contactForce(world.model, data, i, pressed)
        total += pressed[0]
    assert total == pytest.approx(force, rel=0.2)  # the joints before it give way a little


def test_unknown_names_are_named():
    world = floating_hand(HAND, statics={})
    with pytest.raises(UnknownName, match="Thumb_Flexion"):
        world.ctrl(["Thumb_Flexoin"])
    with pytest.raises(UnknownName, match="object"):
        world.body("object")


def test_a_step_takes_less_than_the_time_it_simulates():
    world = cell_world(CELL, HAND)
    data = mujoco.MjData(world.model)
    world.set_joints(data, CELL.arm.joint_names, CELL.arm.home)
    start = time.process_time()
    run(world, data, 1.0)
    assert time.process_time() - start < 1.0
