"""The contract of every motion planner, over a table of backends, and collision checks."""

import importlib.util
import itertools
import multiprocessing
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from motion_fixtures import OPEN, WALL, ball, cell_robot, cluttered, top_grasp
from scipy.spatial import cKDTree

from ddg_core.description import config_folder, load_cell
from ddg_core.errors import BadInput, Failed
from ddg_core.outcome import Outcome
from ddg_core.shapes import Box
from ddg_core.transforms import compose, inverse
from ddg_execution.executor_settings import ExecutorSettings
from ddg_execution.motion.bodies import VOXEL
from ddg_execution.motion.collision import Checker
from ddg_execution.motion.embedded import EmbeddedPlanner, EmbeddedSettings
from ddg_execution.motion.inverse import straight_poses
from ddg_execution.motion.octomap import octomap_bytes
from ddg_execution.motion.port import MotionPlanner, NoPath, Scene, Situation, Touch
from ddg_execution.motion.reach import ReachChecker
from ddg_execution.motion.remote import RemotePlanner, serve
from ddg_execution.ros.planners import choose_planner

ROBOT = cell_robot()
ARM = ROBOT.arm
FREE = Situation(Scene(), OPEN)
MOVEIT = importlib.util.find_spec("moveit") is not None


def embedded() -> MotionPlanner:
    return EmbeddedPlanner(ROBOT, EmbeddedSettings())


def moveit() -> MotionPlanner:
    """MoveIt where it is installed, in its own process; elsewhere our engine on a stand-in."""
    pytest.importorskip("rclpy")
    cell, folder = load_cell(), config_folder() / "moveit"
    if MOVEIT:
        settings = ExecutorSettings(planner="moveit")
        return choose_planner(ROBOT, cell, settings, config_folder())[1]
    from moveit_stand_in import installed

    with installed():
        from ddg_execution.ros.moveit_engine import make_moveit_planner

        return make_moveit_planner(cell, EmbeddedSettings(), folder)


REMOTE = RemotePlanner(embedded)
BACKENDS: dict[str, Callable[[], MotionPlanner]] = {
    "embedded": embedded,
    "remote": lambda: REMOTE,
    "moveit": moveit,
}


@pytest.fixture(params=BACKENDS, scope="module")
def planner(request) -> MotionPlanner:
    return BACKENDS[request.param]()


@pytest.fixture(scope="module", autouse=True)
def _no_process_left() -> Iterator[None]:
    yield
    REMOTE.close()


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def finely(path: np.ndarray) -> np.ndarray:
    """A path at no more than 0.1 degrees per step."""
    pieces = [
        np.linspace(a, b, 2 + int(np.abs(b - a).max() / np.radians(0.1)))
        for a, b in itertools.pairwise(path)
    ]
    return np.concatenate(pieces)


# --- the contract ---


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


# --- collisions ---


def test_the_hand_may_touch_the_object_only_where_that_is_allowed():
    grasp = top_grasp()
    scene = Scene(object_points=ball((0.55, 0.0, 0.05), 0.05))
    at_grasp = Situation(scene, OPEN)
    planner = EmbeddedPlanner(ROBOT, EmbeddedSettings())
    q = planner.configurations(grasp.T_base_wrist[1], FREE, near=ROBOT.home)[0]
    assert not Checker(ROBOT, at_grasp).free(q)
    assert {"object"} & {name for pair in Checker(ROBOT, at_grasp).touching(q) for name in pair}
    assert Checker(ROBOT, at_grasp.touching()).free(q)


BALL = ball((0.55, 0.20, 0.06), 0.05)
ARCH = np.stack(np.meshgrid([0.54, 0.56], [0.14, 0.26], np.arange(0.012, 0.1, 0.004)), -1)


@pytest.mark.parametrize(
    ("thing", "height", "ways"), [(BALL, 0.012, True), (ARCH, 0.012, True), (BALL, 0.14, False)]
)
def test_an_object_is_taken_up_from_what_it_stands_on_but_not_through_a_shelf(thing, height, ways):
    grasp = top_grasp()
    x, y = np.meshgrid(np.arange(-0.06, 0.061, 0.004), np.arange(-0.06, 0.061, 0.004))
    level = np.stack([0.55 + x, 0.20 + y, np.full_like(x, height)], axis=-1).reshape(-1, 3)
    scene = Scene(level, thing.reshape(-1, 3))
    planner = EmbeddedPlanner(ROBOT, EmbeddedSettings())
    free = Situation(Scene(), OPEN)
    q = planner.configurations(grasp.T_base_wrist[1], free, near=ROBOT.home)
    up = grasp.T_base_wrist[1].copy()
    up[2, 3] += 0.2
    poses = straight_poses(grasp.T_base_wrist[1], up, step=0.01, turn=0.03)
    carrying = Situation(scene, OPEN).carrying(inverse(grasp.T_base_wrist[1]))
    assert any(len(p) for p in planner.straight(q[:3], poses, carrying)) == ways


def test_a_carried_object_moves_with_the_hand_and_collides():
    grasp = top_grasp()
    scene = Scene(object_points=ball((0.55, 0.20, 0.06), 0.05))
    planner = EmbeddedPlanner(ROBOT, EmbeddedSettings())
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


def test_clearance_keeps_away():
    grasp = top_grasp()
    planner = EmbeddedPlanner(ROBOT, EmbeddedSettings())
    q = planner.configurations(grasp.T_base_wrist[1], FREE, near=ROBOT.home)[0]
    assert Checker(ROBOT, FREE).free(q)
    assert not Checker(ROBOT, FREE, clearance=0.1).free(q)


def test_fingers_count_where_they_are():
    T = top_grasp(z=0.19).T_base_wrist[1]  # lower than stretched fingers are long
    planner = EmbeddedPlanner(ROBOT, EmbeddedSettings())
    bent = Situation(Scene(), np.array([0.0, 0.0, 0.3, 0.79, 0.3, 0.79, 0.9, 0.9, 0.0]))
    assert len(planner.configurations(T, bent, near=ROBOT.home))
    assert not len(planner.configurations(T, FREE, near=ROBOT.home))


# --- reach ---


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


# --- planners in a process of their own, and the choice ---


def refuse() -> MotionPlanner:
    raise BadInput("no such robot")


def test_what_keeps_a_planner_from_starting_is_told():
    ours, theirs = multiprocessing.Pipe()
    serve(theirs, refuse)
    assert ours.recv() == (Outcome.BAD_INPUT, "no such robot")


def test_a_planner_that_died_is_told_and_the_next_question_starts_it_again():
    remote, T = REMOTE, top_grasp().T_base_wrist[0]
    found = remote.configurations(T, FREE, near=ROBOT.home)
    remote._process.kill()
    with pytest.raises(Failed, match="died"):
        remote.configurations(T, FREE, near=ROBOT.home)
    again = remote.configurations(T, FREE, near=ROBOT.home)
    np.testing.assert_array_equal(again, found)


@pytest.mark.skipif(MOVEIT, reason="MoveIt is installed")
def test_moveit_chosen_but_not_installed_is_one_clear_error():
    choose = partial(choose_planner, ROBOT, load_cell(), config=config_folder())
    with pytest.raises(BadInput, match=r"moveit_py is not installed.*apt-get install"):
        choose(settings=ExecutorSettings(planner="moveit"))
    assert choose(settings=ExecutorSettings(planner="auto"))[0] == "embedded"


def test_a_cloud_survives_the_octree():
    pytest.importorskip("rclpy")
    from moveit_stand_in import occupied

    points = ball((0.5, -0.2, 0.1), 0.05)
    cells = occupied(octomap_bytes(points, VOXEL), VOXEL)
    distance, _ = cKDTree(cells).query(points, p=np.inf)
    assert distance.max() <= VOXEL / 2 + 1e-9
    assert len(cells) == len(np.unique(np.floor(points / VOXEL), axis=0))
