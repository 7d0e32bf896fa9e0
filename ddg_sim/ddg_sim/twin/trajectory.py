"""A joint trajectory goal: the value, the checks that a driver makes, and the curve through it."""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from scipy.interpolate import BPoly

from ddg_core.arrays import Array, frozen_array
from ddg_core.errors import BadInput, DdgError
from ddg_core.outcome import Outcome

SPEED_SLACK = 1.05  # a cubic through points within the limit overshoots it a little between them
END_SPEED = 0.01  # above this a trajectory does not end at rest, in [rad/s]


class ResultCode(IntEnum):
    """The error codes of `control_msgs/action/FollowJointTrajectory`."""

    SUCCESSFUL = 0
    INVALID_GOAL = -1
    INVALID_JOINTS = -2
    OLD_HEADER_TIMESTAMP = -3
    PATH_TOLERANCE_VIOLATED = -4
    GOAL_TOLERANCE_VIOLATED = -5


class GoalRejected(DdgError):
    """A controller does not take this goal.

    Attributes:
        code: Which of the controller's error codes says so.
    """

    outcome = Outcome.CONTROLLER_ABORTED

    def __init__(self, code: ResultCode, message: str) -> None:
        """Keep the code beside its sentence."""
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, eq=False)
class TrajectoryGoal:
    """Waypoints for some joints, and how closely to follow them.

    Attributes:
        joint_names: The n joints that it moves, in the order of the columns.
        times: When to be at each of the P waypoints, from the start on, shape (P,), in [s].
        positions: Shape (P, n), in [rad].
        velocities: Shape (P, n), in [rad/s]; None: straight lines between the positions.
        accelerations: Shape (P, n), in [rad/s^2]; None: a cubic where there are velocities.
        start: When it begins, in simulated time [s]; None: as soon as it is taken.
        path_tolerance: Largest deviation on the way per joint, in [rad]; 0 asks for the
            controller's own, a negative one for none.
        goal_tolerance: The same at the end.
        goal_time_tolerance: How much later than the last waypoint it may get there, in [s]; 0 asks
            for the controller's own.
    """

    joint_names: tuple[str, ...]
    times: Array
    positions: Array
    velocities: Array | None = None
    accelerations: Array | None = None
    start: float | None = None
    path_tolerance: dict[str, float] = field(default_factory=dict)
    goal_tolerance: dict[str, float] = field(default_factory=dict)
    goal_time_tolerance: float = 0.0

    def __post_init__(self) -> None:
        """Check what can be checked without knowing the controller."""
        try:
            self._check_arrays()
        except BadInput as error:
            raise GoalRejected(ResultCode.INVALID_GOAL, str(error)) from error
        if len(set(self.joint_names)) != len(self.joint_names):
            raise GoalRejected(ResultCode.INVALID_JOINTS, "a joint is named twice")
        if not len(self.times):
            raise GoalRejected(ResultCode.INVALID_GOAL, "a trajectory without points")
        if self.times[0] < 0.0 or (np.diff(self.times) <= 0.0).any():
            raise GoalRejected(
                ResultCode.INVALID_GOAL, "times from start must be >= 0 and strictly increasing"
            )
        if self.velocities is not None and (np.abs(self.velocities[-1]) > END_SPEED).any():
            raise GoalRejected(ResultCode.INVALID_GOAL, "a trajectory must end at rest")

    def _check_arrays(self) -> None:
        times = frozen_array("times", self.times, None)
        object.__setattr__(self, "times", times)
        shape = len(times), len(self.joint_names)
        object.__setattr__(self, "positions", frozen_array("positions", self.positions, *shape))
        for key in ("velocities", "accelerations"):
            values = getattr(self, key)
            if values is not None:
                object.__setattr__(self, key, frozen_array(key, values, *shape))

    @property
    def duration(self) -> float:
        """Time of the last waypoint, in [s] from the start on."""
        return float(self.times[-1])


class Curve:
    """The curve through the waypoints of a goal, from where the joints are commanded now.

    Straight lines between bare positions, cubics where velocities are given, quintics where
    accelerations are too, as ROS 2's joint trajectory controller does.
    """

    def __init__(self, goal: TrajectoryGoal, position: Array, velocity: Array) -> None:
        """Begin at `position` and `velocity`, each (n,), unless the first waypoint is at time 0."""
        orders = [goal.positions]
        start = [position]
        if goal.velocities is not None:
            orders.append(goal.velocities)
            start.append(velocity)
            if goal.accelerations is not None:
                orders.append(goal.accelerations)
                start.append(np.zeros_like(position))
        knots = np.stack(orders, axis=1)  # (P, orders, n)
        times = goal.times
        if times[0] > 0.0:
            knots = np.concatenate([np.stack(start)[None], knots])
            times = np.concatenate([[0.0], times])
        self._end = float(times[-1])
        self._last = knots[-1, 0]
        self._at = BPoly.from_derivatives(times, knots) if len(times) > 1 else None
        self._rate = None if self._at is None else self._at.derivative()

    def __call__(self, t: float) -> tuple[Array, Array]:
        """Position and velocity at time t [s] from the start on, each (n,); at rest at the end."""
        if self._at is None or self._rate is None or t >= self._end:
            return self._last, np.zeros_like(self._last)
        t = max(t, 0.0)
        return self._at(t), self._rate(t)


def top_speed(goal: TrajectoryGoal) -> Array:
    """Largest speed between the waypoints per joint, shape (n,), in [rad/s]."""
    if len(goal.times) < 2:
        return np.zeros(len(goal.joint_names))
    orders = [x for x in (goal.positions, goal.velocities, goal.accelerations) if x is not None]
    rate = BPoly.from_derivatives(goal.times, np.stack(orders, axis=1)).derivative()
    within = np.linspace(0.0, 1.0, 8, endpoint=False)
    at = (goal.times[:-1, None] + np.diff(goal.times)[:, None] * within).ravel()
    speed: Array = np.abs(rate(at)).max(axis=0)
    return speed
