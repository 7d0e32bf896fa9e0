"""The cell with two jaws: a camera overhead that sees the objects, and an arm that gets to them."""

import numpy as np

from ddg_core.description import cell_tree, config_folder, load_cell, load_hand
from ddg_core.settings import load
from ddg_core.transforms import apply, compose, inverse
from ddg_execution.motion.port import Scene
from ddg_execution.motion.reach import ReachChecker
from ddg_execution.motion.robot import robot_of_cell
from ddg_planning.parallel_jaw.jaws import Jaws, JawSettings
from ddg_sim.rollout.rollout import RolloutSettings

CELL = load_cell("jaws")
TREE = cell_tree(CELL)
HAND = load_hand(CELL.hand)
POSES = TREE.forward(
    (*CELL.arm.joint_names, *HAND.joint_names), np.array([*CELL.arm.home, *HAND.pose("open")])
)
T_BASE_CAMERA = POSES[TREE.link_names.index(CELL.camera.frame)]


def test_the_camera_stands_where_the_networks_learn_to_look_from():
    learned = load(config_folder() / "jaw_rollouts.yaml", RolloutSettings).view
    away = T_BASE_CAMERA[:3, 3] - [0.55, 0.0, 0.0]
    assert learned.distance[0] <= np.linalg.norm(away) <= learned.distance[1]
    assert learned.elevation[0] <= np.arcsin(-T_BASE_CAMERA[2, 2]) <= learned.elevation[1]


def test_the_robot_at_home_is_not_in_the_picture_and_the_objects_are():
    camera = CELL.camera.intrinsics

    def seen(points):
        u, v = camera.project(apply(inverse(T_BASE_CAMERA), points)).T
        return (u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)

    corners = [[x, y, z] for x in (0.44, 0.66) for y in (-0.14, 0.14) for z in (0.0, 0.15)]
    assert seen(np.array(corners)).all()
    robot = [
        apply(POSES[i], shape.sample(0.02)[0])
        for i, link in enumerate(TREE.link_names)
        for shape in TREE.shapes[link]
        if link not in ("table", "camera_link")
    ]
    assert len(robot) > 10
    assert not seen(np.concatenate(robot)).any()


def test_the_arm_brings_the_jaws_straight_down_everywhere():
    jaws, checker = Jaws(HAND, JawSettings()), ReachChecker(robot_of_cell(CELL))
    lines = [(x, y, turn) for x in (0.48, 0.62) for y in (-0.1, 0.1) for turn in (0.0, 0.8, 2.2)]
    grasps = [
        jaws.grasp(
            np.array([x, y, 0.03]),
            np.array([np.cos(turn), np.sin(turn), 0.0]),
            np.array([0.0, 0.0, -1.0]),
            0.04,
            "",
            0.0,
        )
        for x, y, turn in lines
    ]
    ends = np.concatenate([grasp.T_base_wrist[[0, -2]] for grasp in grasps])
    reach = checker.check(ends, Scene())
    assert reach.reachable.all()
    under = ends @ compose(np.eye(3), [0.0, 0.0, 0.2])
    assert not checker.check(under, Scene()).reachable.any()  # the table is in the way
