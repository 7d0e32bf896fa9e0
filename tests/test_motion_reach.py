"""Which wrist poses the arm reaches."""

import numpy as np
from motion_fixtures import OPEN, ball, cell_robot, top_grasp

from ddg_core.transforms import compose
from ddg_execution.motion.collision import Checker
from ddg_execution.motion.port import Scene, Situation
from ddg_execution.motion.reach import ReachChecker

ROBOT = cell_robot()
ARM = ROBOT.arm
FREE = Situation(Scene(), OPEN)


def test_reach_agrees_with_itself():
    rng_ = np.random.default_rng(1)
    q = rng_.uniform(ARM.lower, ARM.upper, (60, 7))
    checker = Checker(ROBOT.without_fingers(), FREE)
    q = q[[checker.free(x) for x in q]]
    assert len(q) > 5
    reach = ReachChecker(ROBOT).check(ARM.forward(q))
    assert reach.reachable.mean() > 0.9
    ok = reach.reachable
    np.testing.assert_allclose(ARM.forward(reach.joints[ok]), ARM.forward(q)[ok], atol=1e-6)
    np.testing.assert_allclose(reach.margin[ok], ARM.margin(reach.joints[ok]))
    assert (reach.manipulability[ok] >= 0.0).all()


def test_what_is_not_reachable_says_so_in_every_field():
    far = compose(np.eye(3), [[3.0, 0.0, 0.5], [0.5, 0.0, -0.3]])
    reach = ReachChecker(ROBOT).check(far)
    assert not reach.reachable.any()
    assert np.isnan(reach.joints).all()
    np.testing.assert_array_equal(reach.margin, 0.0)
    np.testing.assert_array_equal(reach.manipulability, 0.0)


def test_an_obstacle_takes_reach_away():
    T = top_grasp().T_base_wrist[:1]
    checker = ReachChecker(ROBOT)
    assert checker.check(T).reachable.all()
    there = Scene(obstacles=ball(tuple(T[0, :3, 3]), 0.03))
    assert not checker.check(T, there).reachable.any()


def test_no_poses_no_answers():
    assert ReachChecker(ROBOT).check(np.zeros((0, 4, 4))).joints.shape == (0, 7)
