"""Whole ways of the hand: one branch, straight lines, what stands around, where the fingers are."""

import numpy as np
import pytest
from motion_fixtures import OPEN, ball, cell_robot, top_grasp

from ddg_core.shapes import Box
from ddg_core.transforms import compose
from ddg_execution.motion.port import Scene
from ddg_execution.motion.reach import ReachChecker
from ddg_execution.motion.ways import WayChecker, follow

ROBOT = cell_robot()
BENT = np.array([0.0, 0.0, 0.3, 0.79, 0.3, 0.79, 0.9, 0.9, 0.0])
FREE = Scene()


@pytest.fixture(scope="module")
def checker() -> WayChecker:
    return WayChecker(ROBOT)


def down_and_up(z: float = 0.25) -> np.ndarray:
    """To the pre-grasp, down to the grasp, and 20 cm up: one way, shape (1, 3, 4, 4)."""
    ways = top_grasp(z=z).T_base_wrist[None, [0, 1, 1]]
    ways[:, 2, 2, 3] += 0.2
    return ways


def test_the_answer_can_be_followed_and_its_margin_is_the_least_on_the_way(checker):
    ways = down_and_up()
    reach = checker.check(ways, OPEN[None], FREE)
    assert reach.reachable.all()
    np.testing.assert_allclose(ROBOT.arm.forward(reach.joints), ways[:, 0], atol=1e-6)
    paths, margin = follow(ROBOT.arm, reach.joints[:, None], ways)
    np.testing.assert_allclose(ROBOT.arm.forward(paths[:, 0, -1]), ways[:, -1], atol=1e-3)
    np.testing.assert_allclose(reach.margin, margin[:, 0])
    assert 0.0 < reach.margin[0] <= ROBOT.arm.margin(reach.joints)[0]


def test_poses_that_no_one_branch_goes_through_are_no_way(checker):
    start = top_grasp().T_base_wrist[0]
    turns = np.radians([0.0, 90.0, 180.0, 270.0, 360.0, 450.0])  # the wrist cannot turn so far
    about_z = [[[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]] for a in turns]
    poses = np.stack([compose(start[:3, :3] @ np.array(R), start[:3, 3]) for R in about_z])
    assert ReachChecker(ROBOT).check(poses).reachable.all()
    assert checker.check(poses[None, :2], OPEN[None], FREE).reachable.all()
    assert not checker.check(poses[None], OPEN[None], FREE).reachable.any()


def test_what_stands_on_the_way_between_the_poses_is_seen(checker):
    ways = down_and_up()
    ways[0, 1, 1, 3] += 0.3
    ways[0, 2] = ways[0, 1]
    wall = Scene(boxes=(Box(compose(np.eye(3), [0.55, 0.15, 0.3]), np.array([0.2, 0.005, 0.3])),))
    assert ReachChecker(ROBOT).check(ways[0], wall).reachable.all()
    assert checker.check(ways, OPEN[None], FREE).reachable.all()
    assert not checker.check(ways, OPEN[None], wall).reachable.any()


def test_fingers_count_where_they_are_on_each_way(checker):
    ways = np.repeat(down_and_up(z=0.19), 2, axis=0)  # lower than stretched fingers are long
    assert checker.check(ways, np.stack([OPEN, BENT]), FREE).reachable.tolist() == [False, True]


def test_the_object_may_be_touched_by_the_hand_after_the_first_pose_only(checker):
    at_the_grasp = Scene(object_points=ball((0.55, 0.0, 0.05), 0.04))
    before_it = Scene(object_points=ball((0.55, 0.0, 0.15), 0.04))
    assert checker.check(down_and_up(), OPEN[None], at_the_grasp).reachable.all()
    assert not checker.check(down_and_up(), OPEN[None], before_it).reachable.any()


def test_what_the_object_would_meet_on_the_way_up_is_seen(checker):
    """A plate on the hand's side is lifted against a shelf that the hand itself passes."""
    plate = np.array([0.55, 0.0, 0.12]) + np.random.default_rng(0).uniform(
        [-0.03, -0.25, -0.01], [0.03, 0.03, 0.01], size=(400, 3)
    )
    shelf = Box(compose(np.eye(3), [0.55, -0.23, 0.25]), np.array([0.05, 0.02, 0.01]))
    under = Scene(boxes=(shelf,), object_points=plate)
    ways, fingers = np.repeat(down_and_up(), 2, axis=0), np.repeat(OPEN[None], 2, axis=0)
    ways[0, 2, 2, 3] -= 0.12  # up by 8 cm only
    assert checker.check(ways, fingers, Scene(boxes=(shelf,))).reachable.all()
    assert checker.check(ways, fingers, under).reachable.tolist() == [True, False]
    assert checker.check(ways[:, :2], fingers, under).reachable.all(), "without a lift"


def test_no_ways_are_no_answers(checker):
    reach = checker.check(np.zeros((0, 3, 4, 4)), np.zeros((0, 9)), FREE)
    assert reach.reachable.shape == (0,)
    assert reach.joints.shape == (0, 7)
