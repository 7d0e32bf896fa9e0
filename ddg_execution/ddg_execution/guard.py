"""The guard: every command passes it, whoever planned it, and none outside the limits does."""

from dataclasses import dataclass

import numpy as np

from ddg_core.arrays import Array
from ddg_core.errors import DdgError
from ddg_core.outcome import Outcome
from ddg_execution.motion.robot import Robot
from ddg_execution.trajectory import Trajectory

_STEP = 0.01  # time between two looks at a trajectory, in [s]
_ROUNDING = 1e-6  # limits are kept to this, in their own units


class GuardRefused(DdgError):
    """A command is outside the limits; nothing of it was sent."""

    outcome = Outcome.STOPPED


@dataclass(frozen=True)
class GuardSettings:
    """What the guard lets pass beyond the limits of the robot's description.

    Attributes:
        start_tolerance: Largest distance of a trajectory's start from where the joint is, [rad].
        finger_start_tolerance: The same for fingers, which give way where they press, beyond their
            limits too.
        measured_slack: How far beyond a position limit a joint may be measured, in [rad]; a
            command may start there but must not go further out.
        finger_acceleration: Largest acceleration of a finger joint, in [rad/s^2].
    """

    start_tolerance: float = 0.05
    finger_start_tolerance: float = 0.15
    measured_slack: float = 0.02
    finger_acceleration: float = 60.0


class Guard:
    """Refuses commands outside position, speed, acceleration and workspace limits; pure.

    Args:
        robot: Whose limits hold.
        settings: What it lets pass beyond them.
        arm_speed: Share of the arm's speed limits that the cell allows, in (0, 1].
        hand_speed: Share of the fingers' speed limits that the cell allows, in (0, 1].
    """

    def __init__(
        self,
        robot: Robot,
        settings: GuardSettings,
        *,
        arm_speed: float = 1.0,
        hand_speed: float = 1.0,
    ) -> None:
        """Take the limits from the robot."""
        self._robot = robot
        self._settings = settings
        self._arm_velocity = robot.arm.velocity * arm_speed
        self.finger_velocity: Array = robot.hand_limits[2] * hand_speed
        """Largest speed of each finger joint that is let pass, shape (D,), in [rad/s]."""

    def check_arm(self, trajectory: Trajectory, measured: Array) -> None:
        """Let an arm trajectory pass, or raise.

        Args:
            trajectory: What is to be sent.
            measured: Where the arm's joints are now, shape (A,), in [rad].

        Raises:
            GuardRefused: The message names the first joint that is outside, and the limit.
        """
        arm = self._robot.arm
        limits = (arm.lower, arm.upper, self._arm_velocity, arm.acceleration)
        jump = self._settings.start_tolerance
        self._check(arm.joint_names, trajectory, measured, jump, *limits)
        q = trajectory.sample(np.arange(0.0, trajectory.duration + _STEP, _STEP))
        wrist = arm.forward(q)[:, :3, 3]
        low, high = self._robot.workspace
        outside = (wrist < low - 1e-3) | (wrist > high + 1e-3)
        if outside.any():
            row = int(outside.any(axis=1).argmax())
            raise GuardRefused(
                f"guard: the wrist would go to {np.round(wrist[row], 3).tolist()} m, outside the"
                f" workspace {low.tolist()} to {high.tolist()}"
            )

    def check_hand(self, trajectory: Trajectory, measured: Array) -> None:
        """Let a finger trajectory pass, or raise GuardRefused; `measured` has shape (D,)."""
        lower, upper, _ = self._robot.hand_limits
        acceleration = np.full(len(lower), self._settings.finger_acceleration)
        limits = (lower, upper, self.finger_velocity, acceleration)
        jump = self._settings.finger_start_tolerance
        self._check(self._robot.hand_joint_names, trajectory, measured, jump, *limits)

    def check_stand(self, measured: Array) -> None:
        """Let the hand be where it is measured, shape (D,), or raise GuardRefused."""
        lower, upper, _ = self._robot.hand_limits
        names, slack = self._robot.hand_joint_names, self._settings.finger_start_tolerance
        what, unit = "is measured at", "rad (is the hand homed?)"
        _refuse_beyond(names, -measured, slack - lower, what, unit)
        _refuse_beyond(names, measured, slack + upper, what, unit)

    def _check(
        self,
        names: tuple[str, ...],
        trajectory: Trajectory,
        measured: Array,
        jump: float,
        lower: Array,
        upper: Array,
        velocity: Array,
        acceleration: Array,
    ) -> None:
        if trajectory.joint_names != names:
            raise GuardRefused(f"guard: joints {trajectory.joint_names}, must be {names}")
        q = trajectory.sample(np.arange(0.0, trajectory.duration + _STEP, _STEP))
        at_start = np.full(len(names), jump)
        _refuse_beyond(
            names, np.abs(q[0] - measured), at_start, "would jump by", "rad at the start"
        )
        # Gravity and sensors may have a joint measured a hair outside: it may come back.
        slack = self._settings.measured_slack
        lower = np.minimum(lower, np.maximum(measured, lower - slack))
        upper = np.maximum(upper, np.minimum(measured, upper + slack))
        _refuse_beyond(names, -q.min(axis=0), -lower, "would go beyond its lower limit to", "rad")
        _refuse_beyond(names, q.max(axis=0), upper, "would go beyond its upper limit to", "rad")
        speed, rate = trajectory.peaks()
        _refuse_beyond(names, speed, velocity, "would move at", "rad/s")
        _refuse_beyond(names, rate, acceleration, "would accelerate at", "rad/s^2")


def _refuse_beyond(
    names: tuple[str, ...], values: Array, limits: Array, what: str, unit: str
) -> None:
    over = values - limits
    if (over > _ROUNDING).any():
        i = int(over.argmax())
        raise GuardRefused(
            f"guard: {names[i]} {what} {abs(values[i]):.4g} {unit}, limit {abs(limits[i]):.4g}"
        )
