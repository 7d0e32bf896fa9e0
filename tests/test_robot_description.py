"""The robot description against the data sheets, and against what a hand must be able to do."""

import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from robot_figures import (
    IIWA_JOINTS,
    IIWA_LINKS,
    SVH_BOXES,
    SVH_COUPLINGS,
    SVH_FORCES,
    SVH_JOINTS,
)
from scipy.optimize import minimize

from ddg_core.description import (
    cell_srdf,
    cell_tree,
    config_folder,
    expand,
    load_cell,
    load_hand,
    resource,
)
from ddg_core.errors import BadInput, UnknownName
from ddg_core.kinematics import read_urdf
from ddg_core.shapes import Capsule
from ddg_core.transforms import apply, from_xyz_rpy, look_at

SHARED = {  # package -> what it installs to its share
    "ddg_bringup": ["config"],
    "ddg_description": ["ddg_description/urdf", "ddg_description/srdf"],
}
HAND = load_hand("svh")
CELL = load_cell()
TIPS = {"t": 0.0141, "s": 0.0141, "r": 0.0141, "q": 0.0141}


def tip(joints, link, x):
    T = HAND.tree.forward(HAND.joint_names, joints)
    return apply(T[HAND.tree.link_names.index(link)], np.array([[x, 0.0, 0.0]]))[0]


@pytest.mark.parametrize("name", SVH_JOINTS)
def test_every_joint_of_the_hand_stands_where_the_figures_say(name):
    parent, child, xyz, rpy, lower, upper = SVH_JOINTS[name]
    joint = HAND.tree.joint(name)
    assert (joint.parent, joint.child) == (parent, child)
    np.testing.assert_allclose(joint.T_parent_child, from_xyz_rpy(xyz, rpy), atol=1e-9)
    if upper is None:
        assert joint.kind == "fixed"
        return
    source, factor = SVH_COUPLINGS.get(name, (name, 1.0))
    reached = factor * HAND.tree.joint(source).upper
    np.testing.assert_allclose(joint.lower, lower)
    np.testing.assert_allclose(joint.upper, max(upper, reached), atol=1e-4)


def test_the_hand_has_20_moving_joints_of_which_9_are_driven():
    assert len(HAND.moving_joint_names) == 20
    assert set(HAND.joint_names) == set(HAND.tree.driven)
    assert len(HAND.joint_names) == 9


@pytest.mark.parametrize("name", SVH_COUPLINGS)
def test_coupled_joints_follow_the_figures_and_stay_within_their_limits(name):
    joint = HAND.tree.joint(name)
    source, factor = SVH_COUPLINGS[name]
    assert joint.mimic == (source, factor, 0.0)
    assert joint.upper >= factor * HAND.tree.joint(source).upper - 1e-4


@pytest.mark.parametrize("name", IIWA_JOINTS)
def test_every_joint_of_the_arm_is_as_in_the_figures(name):
    xyz, axis, limit, velocity, effort = IIWA_JOINTS[name]
    joint = cell_tree(CELL).joint(name)
    np.testing.assert_allclose(joint.T_parent_child[:3, 3], xyz)
    np.testing.assert_allclose(joint.axis, axis)
    figures = (joint.lower, joint.upper, joint.velocity, joint.effort)
    np.testing.assert_allclose(figures, (-limit, limit, velocity, effort))


@pytest.mark.parametrize("name", IIWA_LINKS)
def test_every_link_of_the_arm_weighs_what_the_figures_say(name):
    mass, com, diagonal = IIWA_LINKS[name]
    inertial = cell_tree(CELL).inertials[name]
    np.testing.assert_allclose(inertial.mass, mass)
    np.testing.assert_allclose(inertial.com, com)
    np.testing.assert_allclose(inertial.inertia, np.diag(diagonal))


def test_the_hand_weighs_1_3_kg():
    assert sum(i.mass for i in HAND.tree.inertials.values()) == pytest.approx(1.3, abs=1e-3)


@pytest.mark.parametrize("link", SVH_BOXES)
def test_shapes_fill_the_bounds_of_their_link_and_stay_inside(link):
    low, high = map(np.array, SVH_BOXES[link])
    bounds = np.array([shape.bounds() for shape in HAND.tree.shapes[link]])
    assert (bounds[:, 0].min(axis=0) >= low - 1e-4).all()
    assert (bounds[:, 1].max(axis=0) <= high + 1e-4).all()
    extent = bounds[:, 1].max(axis=0) - bounds[:, 0].min(axis=0)
    assert (extent > 0.55 * (high - low)).all()


def test_fingertips_are_round():
    for link in (*TIPS, "c"):
        assert all(isinstance(shape, Capsule) for shape in HAND.tree.shapes[link])


@pytest.mark.parametrize("name", SVH_FORCES)
def test_force_limits_are_fingertip_force_times_lever_at_half_range(name):
    force, link, x = SVH_FORCES[name]
    half = HAND.limits.mean(axis=1)
    half[HAND.joint_names.index("Finger_Spread")] = 0.0
    half[HAND.joint_names.index("Thumb_Opposition")] = 0.0
    step = np.zeros(9)
    step[HAND.joint_names.index(name)] = 1e-5
    lever = np.linalg.norm(tip(half + step, link, x) - tip(half - step, link, x)) / 2e-5
    limit = HAND.settings.max_effort[HAND.joint_names.index(name)]
    assert limit == pytest.approx(force * lever, rel=0.02)


def test_the_urdf_and_the_yaml_name_the_same_force_limits():
    efforts = [HAND.tree.joint(name).effort for name in HAND.joint_names]
    np.testing.assert_allclose(efforts, HAND.settings.max_effort)


def test_fingers_close_towards_the_palm_normal():
    straight, bent = HAND.pose("open"), HAND.pose("closed")
    for link, x in TIPS.items():
        moved = tip(bent, link, x) - tip(straight, link, x)
        assert moved @ HAND.settings.palm_normal > 0.02


def gap(link, fold):
    """Least distance of thumb tip to a fingertip, with the palm folding or (fold=0) flat."""
    matrix, _ = HAND.coupling
    row = HAND.moving_joint_names.index("j5")
    assert matrix[row].any()
    tree = HAND.tree if fold else read_urdf(flat())

    indices = [tree.link_names.index(name) for name in ("c", link)]

    def distance_and_gradient(joints):
        steps = 1e-6 * np.concatenate([np.zeros((1, 9)), np.eye(9)])
        T_c, T_tip = np.moveaxis(tree.forward(HAND.joint_names, joints + steps)[:, indices], 1, 0)
        between = T_c @ [0.018, 0, 0, 1] - T_tip @ [TIPS[link], 0, 0, 1]
        distances = np.linalg.norm(between, axis=1)
        return distances[0], (distances[1:] - distances[0]) / 1e-6

    starts = np.random.default_rng(0).uniform(*HAND.limits.T, (3, 9))
    found = [minimize(distance_and_gradient, q, jac=True, bounds=HAND.limits) for q in starts]
    return min(result.fun for result in found)


def flat():
    robot = ET.fromstring(expand(HAND.settings.urdf))
    joint = robot.find("joint[@name='j5']")
    joint.set("type", "fixed")
    joint.remove(joint.find("mimic"))
    return ET.tostring(robot, "unicode")


@pytest.mark.parametrize("link", TIPS)
def test_the_thumb_meets_every_fingertip(link):
    assert gap(link, fold=True) < 0.004


def test_without_the_folding_palm_the_thumb_misses_the_pinky():
    assert gap("q", fold=False) > 0.015


def test_the_palm_folds_closed():
    opposed = HAND.pose("opposed")
    moved = tip(opposed, "q", 0.0141) - tip(HAND.pose("open"), "q", 0.0141)
    assert moved @ HAND.settings.palm_normal > 0.02


def test_the_wrist_stands_one_adapter_beyond_the_flange():
    tree = cell_tree(CELL)
    T = tree.forward(CELL.arm.joint_names, np.array(CELL.arm.home))
    flange, wrist = (T[tree.link_names.index(name)] for name in (CELL.arm.flange, "base_link"))
    expected = from_xyz_rpy([0.0, 0.0, float(CELL.xacro_args["adapter"])], [0.0, 0.0, 0.0])
    np.testing.assert_allclose(np.linalg.inv(flange) @ wrist, expected, atol=1e-12)


def test_the_camera_looks_at_the_objects():
    tree = cell_tree(CELL)
    T = tree.forward((), np.zeros(0))[tree.link_names.index(CELL.camera.frame)]
    np.testing.assert_allclose(T, look_at([0.80, 0.45, 0.58], [0.55, 0.0, 0.05]), atol=1e-4)
    corners = [[x, y, z] for x in (0.40, 0.70) for y in (-0.12, 0.12) for z in (0.0, 0.2)]
    pixels = CELL.camera.intrinsics.project(apply(np.linalg.inv(T), np.array(corners)))
    assert (pixels > 0).all()
    assert (pixels < [CELL.camera.intrinsics.width, CELL.camera.intrinsics.height]).all()


def test_a_prefix_renames_the_arm_everywhere():
    arguments = tuple({**CELL.xacro_args, "prefix": "lbr_"}.items())
    tree = read_urdf(expand(CELL.urdf, arguments))
    srdf = ET.fromstring(expand(CELL.srdf, arguments))
    assert [name for name in tree.driven if name.startswith("lbr_")] == [
        f"lbr_{name}" for name in CELL.arm.joint_names
    ]
    named = {node.get(key) for node in srdf.iter() for key in ("link1", "link2", "base_link")}
    assert named - {None} <= set(tree.link_names)


@pytest.mark.parametrize("name", ["svh", "parallel_gripper"])
def test_the_named_poses_of_the_srdf_are_those_of_the_settings(name):
    hand = load_hand(name)
    states = {
        node.get("name"): {j.get("name"): float(j.get("value")) for j in node}
        for node in ET.fromstring(cell_srdf(load_cell(hand=name))).findall("group_state")
    }
    for pose in hand.settings.poses:
        np.testing.assert_allclose([states[pose][j] for j in hand.joint_names], hand.pose(pose))
    home = [states["home"][j] for j in CELL.arm.joint_names]
    np.testing.assert_allclose(home, CELL.arm.home)


@pytest.mark.parametrize("hand", ["svh", "parallel_gripper"])
def test_links_one_joint_apart_may_touch(hand):
    cell = load_cell(hand=hand)
    tree = cell_tree(cell)
    srdf = ET.fromstring(cell_srdf(cell))
    off = {frozenset((n.get("link1"), n.get("link2"))) for n in srdf.findall("disable_collisions")}
    for a, b in pairwise(f"link_{i}" for i in range(8)):
        assert frozenset((a, b)) in off
    for tip in load_hand(hand).settings.finger_links[-1:]:
        assert frozenset(("table", tip)) not in off
    assert all(pair <= set(tree.link_names) for pair in off)


def test_what_does_not_exist_is_named():
    with pytest.raises(UnknownName, match="svh"):
        load_hand("svn")
    with pytest.raises(BadInput, match="no_such_package"):
        resource("package://no_such_package/x.urdf")
    with pytest.raises(BadInput, match=r"none\.urdf"):
        resource("package://ddg_description/urdf/none.urdf")


def test_a_cell_goes_by_its_name_and_another_hand_can_be_told():
    assert load_cell("twin", "parallel_gripper").hand == "parallel_gripper"
    assert load_cell("twin").hand == "svh"
    with pytest.raises(UnknownName, match="did you mean 'twin'"):
        load_cell("twinn")


@pytest.mark.parametrize("merged", [False, True])
def test_everything_is_found_where_colcon_installs_it(tmp_path, merged):
    root = config_folder().parent
    share = {name: tmp_path / ("" if merged else name) / "share" / name for name in SHARED}
    for name, files in SHARED.items():
        for source in files:
            shutil.copytree(root / source, share[name] / Path(source).name)
        (share[name] / "package.xml").write_text("<package/>")
    site = tmp_path / ("" if merged else "ddg_core") / "lib" / "python3" / "site-packages"
    shutil.copytree(root / "ddg_core" / "ddg_core", site / "ddg_core")
    code = (
        "from ddg_core import description as d;"
        "print(d.__file__); print(d.config_folder());"
        "print(len(d.cell_tree(d.load_cell()).driven), d.load_hand('svh').name)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": "", "PYTHONPATH": str(site)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    file, config, figures = answer.stdout.splitlines()
    assert Path(file).is_relative_to(site)
    assert Path(config) == share["ddg_bringup"] / "config"
    assert figures == "16 svh"
