"""The contract of every motion planner: where the arm can be and how it gets there."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from motion_backends import MOVEIT
from motion_fixtures import OPEN, WALL, ball, cell_robot, cluttered, top_grasp

from ddg_core.transforms import compose
from ddg_execution.motion.collision import Checker
from ddg_execution.motion.inverse import straight_poses
from ddg_execution.motion.port import NoPath, Scene, Situation

ROBOT = cell_robot()
ARM = ROBOT.arm
FREE = Situation(Scene(), OPEN)


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def finely(path: np.ndarray) -> np.ndarray:
    """A path at no more than 0.1 degrees per step."""
    pieces = [
        np.linspace(a, b, 2 + int(np.abs(b - a).max() / np.radians(0.1)))
        for a, b in itertools.pairwise(path)
    ]
    return np.concatenate(pieces)


def test_configurations_reach_the_pose_within_limits_and_touch_nothing(planner):
    situation = Situation(cluttered(), OPEN)
    T = top_grasp().T_base_wrist[0]
    found = planner.configurations(T, situation, near=ROBOT.home)
    assert len(found) > 3
    np.testing.assert_allclose(ARM.forward(found), np.tile(T, (len(found), 1, 1)), atol=1e-6)
    assert ARM.within(found).all()
    checker = Checker(ROBOT, situation)
    assert all(checker.free(q) for q in found)


def test_there_is_no_configuration_inside_the_table_or_out_of_reach(planner):
    down = top_grasp().T_base_wrist[0][:3, :3]
    for xyz in ([0.5, 0.0, 0.15], [0.95, 0.6, 1.2]):
        found = planner.configurations(compose(down, xyz), FREE, near=ROBOT.home)
        assert found.shape == (0, 7)


def test_a_free_path_leads_from_start_to_a_goal_and_touches_nothing(planner):
    situation = Situation(replace(cluttered(), boxes=(WALL,)), OPEN)
    start = planner.configurations(
        top_grasp(0.5, 0.35, 0.4).T_base_wrist[0], situation, near=ROBOT.home
    )[0]
    goals = planner.configurations(
        top_grasp(0.5, -0.35, 0.3).T_base_wrist[0], situation, near=start
    )
    path = planner.free(start, goals, situation, rng=rng())
    np.testing.assert_allclose(path[0], start)
    assert np.abs(goals - path[-1]).max(axis=1).min() < 1e-9
    assert ARM.within(path).all()
    checker = Checker(ROBOT, situation)
    looked_at = finely(path)
    assert len(looked_at) > 500
    assert all(checker.free(q) for q in looked_at)
    assert not checker.free_line(path[0], path[-1], resolution=0.01)  # the wall is in between


def test_a_start_in_collision_is_named(planner):
    low = ARM.forward(ROBOT.home)
    scene = Scene(obstacles=ball(tuple(low[:3, 3]), 0.05))
    with pytest.raises(NoPath, match=r"at the start .*obstacle"):
        planner.free(ROBOT.home, ROBOT.home[None] + 0.3, Situation(scene, OPEN), rng=rng())


def test_a_goal_in_collision_is_named(planner):
    goal = ROBOT.home.copy()
    goal[1] = 1.5
    with pytest.raises(NoPath, match=r"at the goal .*table"):
        planner.free(ROBOT.home, goal[None], FREE, rng=rng())


def test_a_straight_path_keeps_the_wrist_on_its_line(planner):
    grasp = top_grasp()
    starts = planner.configurations(grasp.T_base_wrist[0], FREE, near=ROBOT.home)
    poses = straight_poses(*grasp.T_base_wrist[:2], step=0.01, turn=0.03)
    paths = planner.straight(starts, poses, FREE)
    good = [path for path in paths if len(path)]
    assert len(paths) == len(starts)
    assert good
    for path in good:
        wrist = ARM.forward(finely(path))
        np.testing.assert_allclose(
            wrist[:, :2, 3], np.broadcast_to([0.55, 0.0], (len(wrist), 2)), atol=1e-3
        )
        np.testing.assert_allclose(
            wrist[:, :3, :3],
            np.broadcast_to(grasp.T_base_wrist[0][:3, :3], (len(wrist), 3, 3)),
            atol=3e-3,
        )
        np.testing.assert_allclose(wrist[-1], grasp.T_base_wrist[1], atol=1e-3)


def test_a_straight_path_into_the_table_is_refused(planner):
    grasp = top_grasp()
    starts = planner.configurations(grasp.T_base_wrist[0], FREE, near=ROBOT.home)[:2]
    into = grasp.T_base_wrist[1].copy()
    into[2, 3] = 0.15
    poses = straight_poses(grasp.T_base_wrist[0], into, step=0.01, turn=0.03)
    assert [len(p) for p in planner.straight(starts, poses, FREE)] == [0] * len(starts)


def test_same_seed_same_path(planner, request):
    if "moveit" in request.node.name and MOVEIT:
        pytest.skip("MoveIt's pipelines take no seed")
    situation = Situation(Scene(boxes=(WALL,)), OPEN)
    start, goal = (
        planner.configurations(top_grasp(0.5, y, 0.35).T_base_wrist[0], situation, near=ROBOT.home)
        for y in (0.35, -0.35)
    )
    first, second = (planner.free(start[0], goal, situation, rng=rng()) for _ in range(2))
    np.testing.assert_array_equal(first, second)
