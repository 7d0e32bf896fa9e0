"""The embedded planner: closed-form kinematics, Coal for collisions, OMPL for free paths."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from ompl import base, geometric, util

from ddg_core.arrays import Array
from ddg_execution.motion.checks import Checks
from ddg_execution.motion.collision import Checker
from ddg_execution.motion.inverse import descend, inverse_kinematics, pose_error
from ddg_execution.motion.port import NoPath, Situation
from ddg_execution.motion.robot import Robot
from ddg_execution.motion.timing import rounded

# How close a straight path keeps, in [m] and [rad].
_FOLLOWED = np.array([1e-4, 1e-4, 1e-4, 1e-3, 1e-3, 1e-3])


@dataclass(frozen=True)
class EmbeddedSettings:
    """How hard the embedded planner tries.

    Attributes:
        resolution: Distance between checked configurations on a path, in [rad].
        clearance: Distance to keep from everything but the robot on a free path, in [m]; given
            up where start or goals are nearer than that.
        time_limit: Longest search for a free path, in [s].
        configurations: Most configurations per wrist pose that are handed out.
        arm_angles: Turns of the elbow that are tried per wrist pose.
        jump: Largest change of a joint between neighbours on a straight path, in [rad].
        least_margin: Least distance to a joint limit, as share of half the range.
    """

    resolution: float = 0.015
    clearance: float = 0.008
    time_limit: float = 2.0
    configurations: int = 24
    arm_angles: int = 96
    jump: float = 0.15
    least_margin: float = 0.002


class Engine(Protocol):
    """What compares bodies and searches; everything else of planning is the same with each."""

    def checks(self, situation: Situation, *, clearance: float) -> Checks:
        """Return collision checks for a situation that keep `clearance` [m] from the cell."""

    def search(self, checks: Checks, start: Array, goals: Array, *, seed: int) -> Array:
        """Find a free path (M, A) with corners from `start` (A,) to any of `goals` (B, A).

        Raises:
            NoPath: None was found in time.
        """


class CoalOmpl:
    """The `Engine` of the embedded planner: Coal compares bodies, OMPL's RRT-Connect searches."""

    def __init__(self, robot: Robot, settings: EmbeddedSettings) -> None:
        """Keep robot and settings."""
        self._robot, self._settings = robot, settings
        util.setLogLevel(util.LogLevel.LOG_NONE)  # outcomes are exceptions here

    def checks(self, situation: Situation, *, clearance: float) -> Checks:
        """See `Engine.checks`."""
        return Checker(self._robot, situation, clearance=clearance)

    def search(self, checks: Checks, start: Array, goals: Array, *, seed: int) -> Array:
        """See `Engine.search`."""
        return _rrt_connect(self._robot, checks.free, start, goals, self._settings, seed)


class EmbeddedPlanner:
    """A `MotionPlanner` in this process. Not for two threads at once."""

    def __init__(
        self, robot: Robot, settings: EmbeddedSettings, engine: Engine | None = None
    ) -> None:
        """Measure the arm; the engine is `CoalOmpl` if none is given."""
        self.robot = robot
        self._settings = settings
        self._inverse = inverse_kinematics(robot.arm, arm_angles=settings.arm_angles)
        self._engine = engine or CoalOmpl(robot, settings)

    def configurations(self, T_base_wrist: Array, situation: Situation, *, near: Array) -> Array:
        """See `MotionPlanner.configurations`."""
        arm, most = self.robot.arm, self._settings.configurations
        q = self._inverse(T_base_wrist[None])[0]
        q = q[~np.isnan(q[:, 0])]
        q = q[arm.margin(q) > self._settings.least_margin]
        q = q[np.argsort(-preference(self.robot, q, near))]
        checker = self._engine.checks(situation, clearance=0.0)
        found: list[Array] = []
        for candidate in q:
            if len(found) == most:
                break
            if checker.free(candidate):
                found.append(candidate)
        return np.array(found).reshape(-1, len(arm))

    def straight(self, starts: Array, T_base_wrist: Array, situation: Situation) -> list[Array]:
        """See `MotionPlanner.straight`."""
        arm = self.robot.arm
        checker = self._engine.checks(situation, clearance=0.0)
        q, path = starts, [starts]
        good = np.ones(len(starts), dtype=np.bool_)
        for T in T_base_wrist[1:]:
            target = np.broadcast_to(T, (len(starts), 4, 4))
            before = q
            for _ in range(3):
                q = descend(arm, q, target, most=self._settings.jump)
            error = np.abs(pose_error(arm.forward(q), target))
            good &= (error < _FOLLOWED).all(axis=1)
            good &= arm.within(q) & (np.abs(q - before).max(axis=1) < self._settings.jump)
            if not good.any():
                break
            path.append(q)
        paths = np.stack(path, axis=1)
        none = np.zeros((0, len(arm)))
        return [
            p if ok and checker.free_path(p, resolution=self._settings.resolution) else none
            for p, ok in zip(paths, good, strict=True)
        ]

    def free(
        self, start: Array, goals: Array, situation: Situation, *, rng: np.random.Generator
    ) -> Array:
        """See `MotionPlanner.free`: a straight line if one is free, else a search."""
        if not len(goals):
            raise NoPath("no goal configuration to go to")
        checker, goals = self._checker(start, goals, situation)
        resolution = self._settings.resolution
        for goal in goals:
            if checker.free_line(start, goal, resolution=resolution):
                return rounded(np.stack([start, goal]), 0.0)
        seed = int(rng.integers(1, 2**31))
        path = self._engine.search(checker, start, goals, seed=seed)
        path = shortened(path, checker, resolution=resolution, rng=rng)
        for radius in (0.4, 0.2, 0.1, 0.05, 0.02, 0.005):
            knots = rounded(path, radius)
            if checker.free_path(knots, resolution=resolution):
                return knots
        raise NoPath("no free path: something is in the way of every rounded corner")

    def _checker(self, start: Array, goals: Array, situation: Situation) -> tuple[Checks, Array]:
        """The checker to plan with, and the goals that are free by it.

        Raises:
            NoPath: Start, or all goals, touch something; the message names it.
        """
        arm = self.robot.arm
        if not arm.within(start, 1e-3):
            raise NoPath(f"the arm stands beyond its joint limits: {np.round(start, 3).tolist()}")
        for clearance in (self._settings.clearance, 0.0):
            checker = self._engine.checks(situation, clearance=clearance)
            free = np.array([checker.free(q) for q in goals])
            if checker.free(start) and free.any():
                return checker, goals[free]
        where, q = ("start", start) if not checker.free(start) else ("goal", goals[0])
        touching = ", ".join(f"{a} touches {b}" for a, b in checker.touching(q))
        raise NoPath(f"no free path: at the {where} {touching}")


def preference(robot: Robot, q: Array, near: Array) -> Array:
    """How much configurations (B, A) are liked, shape (B,): far from limits, near `near` (A,)."""
    arm = robot.arm
    way: Array = (np.abs(q - near) / arm.velocity).max(axis=1)  # seconds at full speed
    agile = np.minimum(arm.manipulability(q) / 0.1, 1.0)
    return np.minimum(arm.margin(q), 0.3) + 0.5 * agile - 0.15 * way


def shortened(
    path: Array, checker: Checks, *, resolution: float, rng: np.random.Generator, tries: int = 40
) -> Array:
    """Replace detours of a path (M, A) by straight lines where those are free.

    Cuts between random points of the path, then leaves out corners one by one.
    """
    for _ in range(tries):
        if len(path) < 3:
            break
        length = np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))]
        a, b = np.sort(rng.uniform(0.0, length[-1], 2))
        i, j = np.searchsorted(length, [a, b], side="right") - 1
        if i == j:
            continue
        pa = path[i] + (a - length[i]) / (length[i + 1] - length[i]) * (path[i + 1] - path[i])
        pb = path[j] + (b - length[j]) / (length[j + 1] - length[j]) * (path[j + 1] - path[j])
        if checker.free_line(pa, pb, resolution=resolution):
            path = np.concatenate([path[: i + 1], pa[None], pb[None], path[j + 1 :]])
    i = 1
    while i < len(path) - 1:
        if checker.free_line(path[i - 1], path[i + 1], resolution=resolution):
            path = np.delete(path, i, axis=0)
            i = max(1, i - 1)
        else:
            i += 1
    return path


def _rrt_connect(
    robot: Robot,
    free: Callable[[Array], bool],
    start: Array,
    goals: Array,
    settings: EmbeddedSettings,
    seed: int,
) -> Array:
    """A free path (M, A) by OMPL's RRT-Connect; NoPath when the time is over."""
    n = len(robot.arm)
    util.RNG.setSeed(seed)
    space = base.RealVectorStateSpace(n)
    bounds = base.RealVectorBounds(n)
    for i in range(n):
        bounds.setLow(i, float(min(robot.arm.lower[i], start[i])))
        bounds.setHigh(i, float(max(robot.arm.upper[i], start[i])))
    space.setBounds(bounds)
    info = base.SpaceInformation(space)
    info.setStateValidityChecker(lambda s: free(np.array([s[i] for i in range(n)])))
    info.setStateValidityCheckingResolution(settings.resolution / info.getMaximumExtent())
    info.setup()
    problem = base.ProblemDefinition(info)
    problem.addStartState(_state(space, start))
    targets = base.GoalStates(info)
    for goal in goals:
        targets.addState(_state(space, goal))
    problem.setGoal(targets)
    planner = geometric.RRTConnect(info)
    planner.setProblemDefinition(problem)
    planner.setup()
    planner.solve(base.timedPlannerTerminationCondition(settings.time_limit))
    if not problem.hasExactSolution():
        raise NoPath(f"no free path found within {settings.time_limit:g} s")
    states = problem.getSolutionPath().getStates()
    return np.array([[s[i] for i in range(n)] for s in states])


def _state(space: base.RealVectorStateSpace, q: Array) -> base.State:
    state = space.allocState()
    for i, value in enumerate(q):
        state[i] = float(value)
    return state
