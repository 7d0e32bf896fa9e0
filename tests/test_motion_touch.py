"""The contract of every motion planner: what hand and object may touch, and how they are."""

from dataclasses import replace

import numpy as np
import pytest
from motion_fixtures import OPEN, WALL, ball, cell_robot, top_grasp

from ddg_core.shapes import Box
from ddg_core.transforms import compose, inverse
from ddg_execution.motion.collision import Checker
from ddg_execution.motion.inverse import straight_poses
from ddg_execution.motion.port import Scene, Situation, Touch
from ddg_execution.motion.timing import SpeedSettings
from ddg_execution.plan import ExecutionSettings, plan_home

ROBOT = cell_robot()
FREE = Situation(Scene(), OPEN)


def test_the_hand_may_touch_the_object_only_where_that_is_allowed(planner):
    T = top_grasp().T_base_wrist[1]
    at_grasp = Situation(Scene(object_points=ball((0.55, 0.0, 0.05), 0.05)), OPEN)
    assert not len(planner.configurations(T, at_grasp, near=ROBOT.home))
    q = planner.configurations(T, at_grasp.touching(), near=ROBOT.home)
    assert len(q)
    assert {"object"} & {name for pair in Checker(ROBOT, at_grasp).touching(q[0]) for name in pair}


def test_the_way_home_from_an_object_begins_straight_up(planner):
    situation = Situation(Scene(object_points=ball((0.55, 0.0, 0.05), 0.05)), OPEN)
    T = top_grasp().T_base_wrist[1]
    q = planner.configurations(T, situation.touching(), near=ROBOT.home)[0]
    (phase,) = plan_home(
        q,
        situation,
        planner=planner,
        robot=ROBOT,
        settings=ExecutionSettings(retreat_height=0.1),
        speed=SpeedSettings(),
        rng=np.random.default_rng(3),
    )
    up, home = (step.arm for step in phase.steps)
    wrist = ROBOT.arm.forward(up.positions)[:, :3, 3]
    np.testing.assert_allclose(wrist[:, :2], np.tile(T[:2, 3], (len(wrist), 1)), atol=1e-3)
    np.testing.assert_allclose(wrist[-1, 2], T[2, 3] + 0.1, atol=1e-3)
    np.testing.assert_allclose(home.positions[-1], ROBOT.home, atol=1e-6)


BALL = ball((0.55, 0.20, 0.06), 0.05)
ARCH = np.stack(np.meshgrid([0.54, 0.56], [0.14, 0.26], np.arange(0.012, 0.1, 0.004)), -1)


@pytest.mark.parametrize(
    ("thing", "height", "ways"), [(BALL, 0.012, True), (ARCH, 0.012, True), (BALL, 0.14, False)]
)
def test_an_object_is_taken_up_from_what_it_stands_on_but_not_through_a_shelf(
    planner, thing, height, ways
):
    grasp = top_grasp()
    x, y = np.meshgrid(np.arange(-0.06, 0.061, 0.004), np.arange(-0.06, 0.061, 0.004))
    level = np.stack([0.55 + x, 0.20 + y, np.full_like(x, height)], axis=-1).reshape(-1, 3)
    scene = Scene(level, thing.reshape(-1, 3))
    free = Situation(Scene(), OPEN)
    q = planner.configurations(grasp.T_base_wrist[1], free, near=ROBOT.home)
    up = grasp.T_base_wrist[1].copy()
    up[2, 3] += 0.2
    poses = straight_poses(grasp.T_base_wrist[1], up, step=0.01, turn=0.03)
    carrying = Situation(scene, OPEN).carrying(inverse(grasp.T_base_wrist[1]))
    assert any(len(p) for p in planner.straight(q[:3], poses, carrying)) == ways


def test_a_carried_object_moves_with_the_hand_and_collides(planner):
    grasp = top_grasp()
    scene = Scene(object_points=ball((0.55, 0.20, 0.06), 0.05))
    situation = Situation(scene, OPEN).carrying(inverse(grasp.T_base_wrist[1]))
    assert situation.touch == Touch.CARRIED
    q = planner.configurations(grasp.T_base_wrist[1], situation, near=ROBOT.home)
    up = grasp.T_base_wrist[1].copy()
    up[2, 3] += 0.2
    poses = straight_poses(grasp.T_base_wrist[1], up, step=0.01, turn=0.03)
    free = planner.straight(q[:3], poses, situation)
    assert any(len(p) for p in free)
    beside = Box(compose(np.eye(3), [0.55, 0.22, 0.25]), np.array([0.02, 0.01, 0.01]))
    blocked = replace(situation, scene=replace(scene, boxes=(beside,)))
    assert not any(len(p) for p in planner.straight(q[:3], poses, blocked))
    # Without an object in the hand the same thing is no obstacle.
    empty = replace(blocked, scene=Scene(boxes=(beside,)))
    assert any(len(p) for p in planner.straight(q[:3], poses, empty))


@pytest.mark.parametrize("planner", ["embedded", "remote"], indirect=True)  # MoveIt keeps none
def test_a_free_path_keeps_its_clearance(planner):
    situation = Situation(Scene(boxes=(WALL,)), OPEN)
    start, goal = (
        planner.configurations(top_grasp(0.5, y, 0.35).T_base_wrist[0], situation, near=ROBOT.home)
        for y in (0.35, -0.35)
    )
    path = planner.free(start[0], goal, situation, rng=np.random.default_rng(7))
    apart, far_apart = (Checker(ROBOT, situation, clearance=c) for c in (0.006, 0.2))
    assert apart.free_path(path, resolution=0.002)
    assert not far_apart.free_path(path, resolution=0.002)


def test_fingers_count_where_they_are(planner):
    T = top_grasp(z=0.19).T_base_wrist[1]  # lower than stretched fingers are long
    bent = Situation(Scene(), np.array([0.0, 0.0, 0.3, 0.79, 0.3, 0.79, 0.9, 0.9, 0.0]))
    assert len(planner.configurations(T, bent, near=ROBOT.home))
    assert not len(planner.configurations(T, FREE, near=ROBOT.home))
