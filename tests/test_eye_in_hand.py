"""A camera on the flange moves with the arm: as described, for the planner, in the twin."""

import numpy as np
import pytest
from motion_fixtures import OPEN

from ddg_core.description import cell_tree, load_cell, load_hand
from ddg_core.transforms import apply
from ddg_execution.motion.collision import Checker
from ddg_execution.motion.port import Scene, Situation
from ddg_execution.motion.robot import robot_of_cell
from ddg_sim.model.build import cell_world
from ddg_sim.twin.render import Painter

CELL = load_cell("eye_in_hand")
HOME = np.array(CELL.arm.home)
ASIDE = HOME + np.array([0.3, 0.0, 0.0, 0.1, 0.0, 0.0, 0.4])


def camera_pose(joints: np.ndarray) -> np.ndarray:
    tree = cell_tree(CELL)
    return tree.forward(CELL.arm.joint_names, joints)[tree.link_names.index(CELL.camera.frame)]


def test_from_home_it_sees_where_objects_stand():
    corners = [[x, y, z] for x in (0.40, 0.70) for y in (-0.12, 0.12) for z in (0.0, 0.2)]
    seen = apply(np.linalg.inv(camera_pose(HOME)), np.array(corners))
    pixels = CELL.camera.intrinsics.project(seen)
    assert (pixels > 0).all()
    assert (pixels < [CELL.camera.intrinsics.width, CELL.camera.intrinsics.height]).all()
    assert (seen[:, 2] > CELL.camera.near).all()


@pytest.mark.parametrize("joints", [HOME, ASIDE], ids=["home", "aside"])
def test_the_twin_draws_what_the_moved_camera_sees(joints):
    world = cell_world(CELL, load_hand(CELL.hand))
    qpos = world.model.qpos0.copy()
    for name, value in zip(CELL.arm.joint_names, joints, strict=True):
        qpos[world.model.joint(name).qposadr] = value
    painter = Painter(world.model, CELL.camera.intrinsics, CELL.camera.frame)
    painter.show(qpos)
    depth = painter.depth().astype(float)
    painter.close()
    points = apply(camera_pose(joints), CELL.camera.intrinsics.deproject(depth))
    ahead = points[(np.abs(points[:, 0] - 0.6) < 0.15) & (np.abs(points[:, 1]) < 0.3)]
    assert len(ahead) > 5000  # nothing but the table is there
    np.testing.assert_allclose(ahead[:, 2], CELL.table_height, atol=2e-3)


def test_the_planner_keeps_it_from_the_table():
    fixed = robot_of_cell(load_cell("twin"))
    robot = robot_of_cell(CELL)
    situation = Situation(Scene(), OPEN)
    checkers = Checker(fixed, situation), Checker(robot, situation)
    assert all(checker.free(HOME) for checker in checkers)
    rng = np.random.default_rng(3)
    low, high = robot.arm.lower, robot.arm.upper
    drawn = low + rng.random((4000, 7)) * (high - low)
    free = np.array([[checker.free(q) for checker in checkers] for q in drawn])
    below = np.array([camera_pose(q)[2, 3] for q in drawn]) < CELL.table_height
    assert free[below, 0].any()
    assert free[~below, 1].any()
    assert not free[below, 1].any()
