"""What a robot's driver does with a joint trajectory goal: take or refuse it, play it, end it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ddg_core.arrays import Array
from ddg_sim.twin.trajectory import (
    SPEED_SLACK,
    Curve,
    GoalRejected,
    ResultCode,
    TrajectoryGoal,
    top_speed,
)


@dataclass(frozen=True)
class ControllerSettings:
    """How a driver judges the goals it plays.

    Attributes:
        partial_goals: Take goals that name only some of the joints; the others stay.
        goal_tolerance: Largest deviation at the end that is success, in [rad]; 0: any.
        goal_time: How long after the last waypoint the joints may take to get there, in [s].
        path_tolerance: Largest deviation on the way, in [rad]; 0: any.
    """

    partial_goals: bool = False
    goal_tolerance: float = 0.01
    goal_time: float = 0.5
    path_tolerance: float = 0.0

    def __post_init__(self) -> None:
        """Refuse negative figures."""
        if min(self.goal_tolerance, self.goal_time, self.path_tolerance) < 0.0:
            raise ValueError("goal_tolerance, goal_time and path_tolerance must be >= 0")


@dataclass(frozen=True, eq=False)
class ControlledJoints:
    """The D joints that a controller drives: names, and limits in [rad] and [rad/s].

    Attributes:
        names: As goals name them, driver prefix included.
        limits: Lower and upper limit, shape (D, 2).
        velocity: Largest speed, shape (D,).
    """

    names: tuple[str, ...]
    limits: Array
    velocity: Array


class Ending(StrEnum):
    """The three ways a goal ends."""

    SUCCEEDED = "succeeded"
    ABORTED = "aborted"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class GoalEnd:
    """How a goal ended, with the code and the sentence that go into its result."""

    ending: Ending
    code: ResultCode
    message: str = ""


@dataclass(frozen=True, eq=False)
class Progress:
    """Where the D joints should be, and are: positions in [rad], shape (D,)."""

    desired: Array
    actual: Array


@dataclass(eq=False)
class _Active:
    goal: TrajectoryGoal
    columns: Array  # which of the D joints it moves
    curve: Curve
    start: float
    path_tolerance: Array
    goal_tolerance: Array
    goal_time: float
    on_end: Callable[[GoalEnd], None]


class TrajectoryController:
    """Plays one goal at a time on D position-controlled joints.

    A drive holds its last command. So a goal that is replaced, cancelled or aborted leaves the
    command where it was: an arm stops within its lag, and a finger that presses on an object goes
    on pressing. Commands never move faster than the joints' speed limits, whatever a goal asks.
    """

    def __init__(self, joints: ControlledJoints, settings: ControllerSettings) -> None:
        """Start without a goal; `hold` must say where before the first `update`."""
        self.joints = joints
        self.settings = settings
        self._command: Array = np.zeros(len(joints.names))
        self._velocity: Array = np.zeros(len(joints.names))
        self._desired: Array = self._command
        self._actual: Array = self._command
        self._active: _Active | None = None

    @property
    def active(self) -> TrajectoryGoal | None:
        """The goal that is being played."""
        return self._active.goal if self._active else None

    @property
    def progress(self) -> Progress:
        """As of the last `update`."""
        return Progress(self._desired, self._actual)

    @property
    def velocity(self) -> Array:
        """Speed of the command as of the last `update`, shape (D,), in [rad/s]."""
        return self._velocity

    def hold(self, position: Array) -> None:
        """Command `position` (D,) from now on; a goal that is being played is aborted."""
        self.abort("the world was reset")
        self._command = np.array(position, dtype=np.float64)
        self._velocity = np.zeros_like(self._command)
        self._desired = self._actual = self._command

    def check(self, goal: TrajectoryGoal, now: float) -> None:
        """Raise GoalRejected if this controller cannot play `goal` from time `now` [s] on."""
        names, known = goal.joint_names, self.joints.names
        for name in names:
            if name not in known:
                raise GoalRejected(
                    ResultCode.INVALID_JOINTS,
                    f"no joint is called {name!r} (there is: {', '.join(known)})",
                )
        missing = [name for name in known if name not in names]
        if not names or (missing and not self.settings.partial_goals):
            raise GoalRejected(
                ResultCode.INVALID_JOINTS, f"the goal lacks {', '.join(missing)}; all must be named"
            )
        for name in (*goal.path_tolerance, *goal.goal_tolerance):
            if name not in names:
                raise GoalRejected(
                    ResultCode.INVALID_JOINTS, f"a tolerance for {name!r}, which the goal lacks"
                )
        self._check_limits(goal)
        if goal.start is not None and goal.start + goal.duration < now:
            raise GoalRejected(
                ResultCode.OLD_HEADER_TIMESTAMP,
                f"it ended at {goal.start + goal.duration:.3f} s, now it is {now:.3f} s",
            )

    def accept(self, goal: TrajectoryGoal, now: float, on_end: Callable[[GoalEnd], None]) -> None:
        """Play `goal` from time `now` [s] on, in place of the one being played.

        Args:
            goal: What to play.
            now: Simulated time, in [s].
            on_end: Called once, from `update`, `cancel`, `abort`, `hold` or the next `accept`.

        Raises:
            GoalRejected: See `check`; the goal being played goes on.
        """
        self.check(goal, now)
        self._finish(
            Ending.ABORTED, ResultCode.INVALID_GOAL, "replaced by a new goal before its end"
        )
        columns = np.array([self.joints.names.index(name) for name in goal.joint_names])
        own = self.settings
        self._active = _Active(
            goal=goal,
            columns=columns,
            curve=Curve(goal, self._command[columns], self._velocity[columns]),
            start=now if goal.start is None else goal.start,
            path_tolerance=_tolerances(goal.joint_names, goal.path_tolerance, own.path_tolerance),
            goal_tolerance=_tolerances(goal.joint_names, goal.goal_tolerance, own.goal_tolerance),
            goal_time=goal.goal_time_tolerance or own.goal_time,
            on_end=on_end,
        )

    def cancel(self) -> None:
        """End the goal being played, if there is one, and hold at once."""
        self._finish(Ending.CANCELLED, ResultCode.SUCCESSFUL, "cancelled")

    def abort(self, why: str) -> None:
        """End the goal being played, if there is one, because nobody will play it on."""
        self._finish(Ending.ABORTED, ResultCode.INVALID_GOAL, why)

    def update(self, now: float, dt: float, measured: Array) -> Array:
        """Advance to time `now`.

        Args:
            now: Simulated time, in [s].
            dt: Time since the last update, in [s]; more than 0.
            measured: Where the joints are, shape (D,), in [rad].

        Returns:
            Where they are commanded to be, shape (D,), in [rad].
        """
        self._actual = measured
        active = self._active
        t = now - active.start if active is not None else 0.0
        if active is not None and t >= 0.0:
            self._desired = self._desired.copy()
            self._desired[active.columns], _ = active.curve(t)
        reach = SPEED_SLACK * self.joints.velocity * dt
        step = np.clip(self._desired - self._command, -reach, reach)
        self._command, self._velocity = self._command + step, step / dt
        if active is not None and t >= 0.0:
            self._judge(active, t)
        return self._command

    def _judge(self, active: _Active, t: float) -> None:
        """End the goal if it is reached, too late, or too far off its path."""
        error = np.abs(self._desired - self._actual)[active.columns]
        late = t - active.goal.duration
        if late < 0.0:
            if (error > active.path_tolerance).any():
                self._violated(active, error, active.path_tolerance, "on the way")
        elif (error <= active.goal_tolerance).all():
            self._finish(Ending.SUCCEEDED, ResultCode.SUCCESSFUL, "")
        elif late > active.goal_time:
            self._violated(active, error, active.goal_tolerance, "at the end")

    def _violated(self, active: _Active, error: Array, tolerance: Array, where: str) -> None:
        code = ResultCode.GOAL_TOLERANCE_VIOLATED
        if where == "on the way":
            code = ResultCode.PATH_TOLERANCE_VIOLATED
        off = ", ".join(
            f"{name} by {e:.3f} rad (allowed {limit:.3f})"
            for name, e, limit in zip(active.goal.joint_names, error, tolerance, strict=True)
            if e > limit
        )
        self._finish(Ending.ABORTED, code, f"off {where}: {off}")

    def _finish(self, ending: Ending, code: ResultCode, message: str) -> None:
        active, self._active = self._active, None
        if active is None:
            return
        if ending is not Ending.SUCCEEDED:
            self._desired = self._command
        active.on_end(GoalEnd(ending, code, message))

    def _check_limits(self, goal: TrajectoryGoal) -> None:
        columns = [self.joints.names.index(name) for name in goal.joint_names]
        limits, speed = self.joints.limits[columns], top_speed(goal)
        for i, name in enumerate(goal.joint_names):
            lower, upper = limits[i]
            values = goal.positions[:, i]
            if values.min() < lower - 1e-4 or values.max() > upper + 1e-4:
                raise GoalRejected(
                    ResultCode.INVALID_GOAL,
                    f"{name}: {values.min():.4f} to {values.max():.4f} rad is outside its limits"
                    f" {lower:.4f} to {upper:.4f} rad",
                )
            if speed[i] > SPEED_SLACK * self.joints.velocity[columns[i]]:
                raise GoalRejected(
                    ResultCode.INVALID_GOAL,
                    f"{name}: {speed[i]:.3f} rad/s is faster than its limit"
                    f" {self.joints.velocity[columns[i]]:.3f} rad/s",
                )


def _tolerances(names: tuple[str, ...], asked: dict[str, float], default: float) -> Array:
    """One tolerance per joint, shape (n,), in [rad]; 0 means the default, below 0 none."""
    values = np.array([asked.get(name, 0.0) or default for name in names])
    return np.where(values > 0.0, values, np.inf)
