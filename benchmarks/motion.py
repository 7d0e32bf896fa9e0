"""How fast and how surely the embedded planner finds a way, and how fast reach is checked.

A task: from home to the wrist pose of a random collision-free arm configuration above the table,
around an object and other things that stand there. Planned means: inverse kinematics, path and
timing. From two configurations at each pose the wrist then goes straight on, as in an approach, and
straight up, as in a lift. Every trajectory is looked at again, 1 mm of the wrist and 0.1 degrees of
any joint at a time.
"""

import sys
import time

import numpy as np

from ddg_cli.stopwatch import fastest_s
from ddg_core.arrays import Array
from ddg_core.description import load_cell
from ddg_core.errors import DdgError
from ddg_execution.motion.collision import Checker
from ddg_execution.motion.embedded import EmbeddedPlanner, EmbeddedSettings
from ddg_execution.motion.inverse import straight_poses
from ddg_execution.motion.port import NoIk, Scene, Situation
from ddg_execution.motion.reach import ReachChecker
from ddg_execution.motion.robot import Robot, robot_of_cell
from ddg_execution.motion.timing import SpeedSettings, timed
from ddg_execution.plan import ExecutionSettings
from ddg_execution.trajectory import Trajectory

_TASKS = 200
_BRANCHES = 2  # configurations per task that straight ways begin at
_APPROACH = 0.1  # length, in [m]
_SAMPLES = 4000  # per trajectory


def run() -> dict[str, float]:
    """Measure; times in seconds on this machine, shares in [0, 1]."""
    robot = robot_of_cell(load_cell())
    rng = np.random.default_rng(6)
    scene = _scene(rng)
    situation = Situation(scene, np.zeros(len(robot.hand_joint_names)))
    tasks = _tasks(robot, situation, rng)
    seconds, trajectories = _plan_all(robot, situation, tasks, rng)
    straight = _straight_ways(robot, situation, tasks)
    checker = Checker(robot, situation)
    beyond = sum(_beyond_limits(robot, motion) for motion in (*trajectories, *straight))
    speeds, rates = zip(*(motion.peaks() for motion in (*trajectories, *straight)), strict=True)
    return {
        "plan_median_s": float(np.median(seconds)),
        "plan_p95_s": float(np.percentile(seconds, 95)),
        "solved_share": len(trajectories) / len(tasks),
        "colliding_paths": float(sum(not _free(checker, robot, m) for m in trajectories)),
        "straight_ways": float(len(straight)),
        "colliding_straight_ways": float(sum(not _free(checker, robot, m) for m in straight)),
        "beyond_position_limits": float(beyond),
        "peak_speed_share": float((np.stack(speeds) / robot.arm.velocity).max()),
        "peak_acceleration_share": float((np.stack(rates) / robot.arm.acceleration).max()),
        "motion_median_s": float(np.median([motion.duration for motion in trajectories])),
        "check_reach_1000_s": _time_reach(robot, scene, rng),
    }


def _scene(rng: np.random.Generator) -> Scene:
    """An object in front, and clutter to its left and behind it, as point clouds."""
    thing = rng.uniform([0.50, -0.04, 0.0], [0.60, 0.04, 0.18], (1500, 3))
    left = rng.uniform([0.45, 0.25, 0.0], [0.65, 0.40, 0.25], (3000, 3))
    behind = rng.uniform([0.75, -0.30, 0.0], [0.85, 0.10, 0.30], (3000, 3))
    return Scene(obstacles=np.concatenate([left, behind]), object_points=thing)


def _tasks(robot: Robot, situation: Situation, rng: np.random.Generator) -> Array:
    """Wrist poses (N, 4, 4) of random collision-free configurations, all within the workspace."""
    checker = Checker(robot, situation)
    found: list[Array] = []
    while len(found) < _TASKS:
        q = rng.uniform(robot.arm.lower, robot.arm.upper)
        if checker.free(q):
            found.append(robot.arm.forward(q))
    return np.stack(found)


def _plan_all(
    robot: Robot, situation: Situation, tasks: Array, rng: np.random.Generator
) -> tuple[list[float], list[Trajectory]]:
    """Seconds per task, solved or not, and the trajectories of the solved ones."""
    planner = EmbeddedPlanner(robot, EmbeddedSettings())
    seconds, trajectories = [], []
    for T_base_wrist in tasks:
        begin = time.perf_counter()
        try:
            goals = planner.configurations(T_base_wrist, situation, near=robot.home)
            if not len(goals):
                raise NoIk("no configuration")
            path = planner.free(robot.home, goals, situation, rng=rng)
            trajectories.append(timed(path, robot.arm, SpeedSettings()))
        except DdgError as error:
            print(f"task not solved: {error}", file=sys.stderr)
        seconds.append(time.perf_counter() - begin)
    return seconds, trajectories


def _straight_ways(robot: Robot, situation: Situation, tasks: Array) -> list[Trajectory]:
    """What the planner allows of the straight ways on along the fingers, and up; timed."""
    planner, settings = EmbeddedPlanner(robot, EmbeddedSettings()), ExecutionSettings()
    found: list[Trajectory] = []
    for T in tasks:
        starts = planner.configurations(T, situation, near=robot.home)[:_BRANCHES]
        ways = (
            (_APPROACH * T[:3, 2], settings.approach_speed),
            (np.array([0.0, 0.0, settings.lift_height]), settings.lift_speed),
        )
        for shift, speed in ways if len(starts) else ():
            T_to = T.copy()
            T_to[:3, 3] += shift
            poses = straight_poses(T, T_to, step=settings.step, turn=3 * settings.step)
            for path in planner.straight(starts, poses, situation):
                if len(path):
                    found.append(timed(path, robot.arm, SpeedSettings(), wrist_speed=speed))
    return found


def _beyond_limits(robot: Robot, motion: Trajectory) -> int:
    """How many samples of a trajectory are beyond a position limit."""
    q = motion.sample(np.linspace(0.0, motion.duration, _SAMPLES))
    return int((~robot.arm.within(q)).sum())


def _free(checker: Checker, robot: Robot, motion: Trajectory) -> bool:
    """Look at a trajectory every 1 mm of the wrist and 0.1 degrees of any joint."""
    times = np.linspace(0.0, motion.duration, _SAMPLES)
    q = motion.sample(times)
    wrist = robot.arm.forward(q)[:, :3, 3]
    step = np.maximum(
        np.linalg.norm(np.diff(wrist, axis=0), axis=1) / 1e-3,
        np.abs(np.diff(q, axis=0)).max(axis=1) / np.radians(0.1),
    )
    assert step.max() < 1.0, "the samples are too coarse for the check"
    _, chosen = np.unique(np.floor(np.r_[0.0, np.cumsum(step)]), return_index=True)
    return all(checker.free(x) for x in q[chosen])


def _time_reach(robot: Robot, scene: Scene, rng: np.random.Generator) -> float:
    """Seconds for 1000 wrist poses around the objects' place, the best of three."""
    q = rng.uniform(robot.arm.lower, robot.arm.upper, (1000, len(robot.arm)))
    poses = robot.arm.forward(q)
    poses[:, :3, 3] = rng.uniform([0.35, -0.3, 0.05], [0.75, 0.3, 0.4], (1000, 3))
    checker = ReachChecker(robot)
    return fastest_s(lambda: checker.check(poses, scene))
