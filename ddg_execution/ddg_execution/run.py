"""Plays planned phases on two controllers: guard before, watch during, hold still on any fault."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np

from ddg_core.arrays import Array
from ddg_core.errors import DdgError, Failed, TimedOut
from ddg_core.outcome import Outcome
from ddg_core.ports import Execution
from ddg_core.waiting import wait_until
from ddg_execution.guard import Guard
from ddg_execution.motion.robot import Robot
from ddg_execution.phases import Phase, Step
from ddg_execution.trajectory import Trajectory, straight_motion


class Ending(StrEnum):
    """How a controller ended a trajectory."""

    DONE = "done"
    SHORT = "short of its goal"  # a tolerance was violated: where a finger stalls on an object
    CANCELLED = "cancelled"
    FAILED = "failed"


class Controller(Protocol):
    """A joint trajectory controller, of the arm or of the hand; one trajectory at a time."""

    def measured(self) -> Array:
        """Where the joints are now, shape (D,), in [rad].

        Raises:
            Failed: The newest joint state is too old, or lacks a joint (CONTROLLER_ABORTED).
        """

    def start(self, trajectory: Trajectory, *, may_stall: bool) -> None:
        """Begin a trajectory; with `may_stall` a joint need not reach its goal.

        Raises:
            Failed: There is no such controller (CONTROLLER_ABORTED).
        """

    def ending(self) -> tuple[Ending, str] | None:
        """How the last trajectory ended, with a sentence; None while it is played.

        Before the first one: (DONE, "").
        """

    def cancel(self) -> None:
        """Stop the trajectory that is played, if there is one."""


@dataclass(frozen=True)
class RunSettings:
    """When playing counts as hung.

    Attributes:
        patience: A step may take this many times its duration ...
        grace: ... and this much more, in [s] of the controllers' clock.
        wall_limit: Longest step whatever the clock says, in [s].
        stop_timeout: Longest wait for the controllers to confirm a cancel, in [s].
        confirm: Longest wait for the operator's permission of a phase, in [s].
        settle: Longest wait for the arm to be measured where its next motion begins, in [s].
        settled: It is there when all joints are this near, in [rad].
        finger_acceleration: Acceleration of the finger joints in motions of ours, in [rad/s^2].
        finger_speed: Share of the finger joints' speed limits to use.
        period: Time between two looks at the controllers, in [s].
    """

    patience: float = 1.5
    grace: float = 3.0
    wall_limit: float = 60.0
    stop_timeout: float = 1.0
    confirm: float = 300.0
    settle: float = 2.5
    settled: float = 0.02
    finger_acceleration: float = 30.0
    finger_speed: float = 0.7
    period: float = 0.01


@dataclass(frozen=True, eq=False)
class Played:
    """How a run ended, and where arm and fingers had come to at the end of the squeeze.

    Attributes:
        execution: Outcome, message, phase, timings.
        arm: Arm joints after the squeeze, shape (A,), in [rad]; None if it did not come to that.
        fingers: Driven finger joints after the squeeze, shape (D,), in [rad]; None likewise.
    """

    execution: Execution
    arm: Array | None = None
    fingers: Array | None = None


class Runner:
    """Plays phases; every trajectory passes the guard at the moment it is sent.

    Args:
        robot: Whose hand moves within which limits.
        arm: The arm's controller.
        hand: The hand's controller.
        guard: Refuses what is outside the limits.
        settings: When playing counts as hung.
        clock: The controllers' clock, in [s]; simulated time where that is used.
    """

    def __init__(
        self,
        robot: Robot,
        arm: Controller,
        hand: Controller,
        guard: Guard,
        settings: RunSettings,
        clock: Callable[[], float],
    ) -> None:
        """Keep the parts."""
        self._robot = robot
        self._arm = arm
        self._hand = hand
        self._guard = guard
        self._settings = settings
        self._clock = clock

    def play(
        self,
        phases: tuple[Phase, ...],
        *,
        interrupted: Callable[[], Outcome | None],
        report: Callable[[str, float], None],
        permit: Callable[[str], bool] = lambda _: True,
    ) -> Played:
        """Play all phases; whatever goes wrong, both controllers are stopped before it returns.

        Args:
            phases: From `plan_execution`.
            interrupted: Asked all the time: CANCELLED or STOPPED ends the run, None lets it go on.
            report: Told each phase when it begins, and the share of the whole that is over.
            permit: Asked all the time before a phase whether it may begin.
        """
        over, phase_name, timings = 0.0, "", dict[str, float]()
        arm_reached, fingers_reached = None, None
        outcome, message = Outcome.OK, ""
        left = phases
        try:
            while left:
                (phase, *after), begin = left, time.monotonic()
                if phase.name != phase_name:  # else it is another part of the same
                    phase_name = phase.name
                    self._await_permission(phase_name, permit, interrupted)
                    total = over + sum(one.duration for one in left)
                    report(phase_name, over / total if total else 0.0)
                try:
                    for step in phase.steps:
                        self._play_step(step, interrupted)
                    over += phase.duration
                    if phase_name == "squeeze":
                        arm_reached, fingers_reached = self._arm.measured(), self._hand.measured()
                    left = phase.then() or tuple(after)
                finally:
                    took = time.monotonic() - begin
                    timings[phase_name] = timings.get(phase_name, 0.0) + took
        except DdgError as error:
            outcome, message = error.outcome, f"{phase_name}: {error}"
        finally:
            if outcome != Outcome.OK and (unconfirmed := self._stop()):
                message += unconfirmed
                if outcome in (Outcome.STOPPED, Outcome.CANCELLED):  # nobody knows whether it did
                    outcome = Outcome.CONTROLLER_ABORTED
        execution = Execution(outcome, message, phase_name, tuple(timings.items()))
        return Played(execution, arm_reached, fingers_reached)

    def _await_permission(
        self, phase: str, permit: Callable[[str], bool], interrupted: Callable[[], Outcome | None]
    ) -> None:
        def permitted() -> bool:
            _raise_if(interrupted())
            return permit(phase)

        wait_until(permitted, what="permission", timeout=self._settings.confirm, period=0.05)

    def _play_step(self, step: Step, interrupted: Callable[[], Outcome | None]) -> None:
        moving: list[tuple[str, Controller]] = []
        lasts = step.hold
        _raise_if(interrupted())
        if step.arm is not None:
            self._settle(step.arm.positions[0], interrupted)
            self._guard.check_arm(step.arm, self._arm.measured())
        if step.fingers is not None:
            fingers = self._finger_motion(step)
            self._guard.check_hand(fingers, self._hand.measured())
            self._hand.start(fingers, may_stall=step.may_stall)
            moving.append(("hand", self._hand))
            lasts += fingers.duration
        if step.arm is not None:
            self._arm.start(step.arm, may_stall=False)
            moving.append(("arm", self._arm))
            lasts += step.arm.duration
        begin = self._clock()
        limit = self._settings.patience * lasts + self._settings.grace

        def over() -> bool:
            _raise_if(interrupted())
            self._arm.measured()  # raises where the controllers have fallen silent
            for name, controller in list(moving):
                ending = controller.ending()
                if ending is not None:
                    near = self._landed if name == "arm" else self._near_enough
                    _raise_unless_good(name, *ending, may_be_short=near(step))
                    moving.remove((name, controller))
            elapsed = self._clock() - begin
            if elapsed > limit:
                names = " and ".join(name for name, _ in moving) or "the clock"
                raise Failed(Outcome.TIMEOUT, f"{names} not done after {elapsed:.1f} s")
            return not moving and elapsed >= step.hold

        what = "end of the motion (does the clock run?)"
        wait_until(
            over, what=what, timeout=self._settings.wall_limit + lasts, period=self._settings.period
        )

    def _landed(self, step: Step) -> bool:
        """Whether the wrist is as near to where it should come as may be."""
        assert step.arm is not None
        both = np.stack([self._arm.measured(), step.arm.positions[-1]])
        came, planned = self._robot.arm.forward(both)[:, :3, 3]
        return bool(np.linalg.norm(came - planned) < step.landing)

    def _near_enough(self, step: Step) -> bool:
        """Whether every finger may be where it is."""
        assert step.fingers is not None
        away = np.abs(self._hand.measured() - step.fingers).max()
        return step.may_stall or bool(away <= step.slack)

    def _settle(self, start: Array, interrupted: Callable[[], Outcome | None]) -> None:
        """Wait until the arm is measured where its motion begins; the guard judges in the end."""

        def there() -> bool:
            _raise_if(interrupted())
            return bool(np.abs(self._arm.measured() - start).max() < self._settings.settled)

        with contextlib.suppress(TimedOut):
            wait_until(
                there,
                what="arm at rest",
                timeout=self._settings.settle,
                period=self._settings.period,
            )

    def _finger_motion(self, step: Step) -> Trajectory:
        """From where the fingers are to where they shall be, as long as the arm moves."""
        assert step.fingers is not None
        names = self._robot.hand_joint_names
        lower, upper, velocity = self._robot.hand_limits
        return straight_motion(
            names,
            np.clip(self._hand.measured(), lower, upper),  # a pressed finger gives way a little
            step.fingers,
            velocity=velocity * self._settings.finger_speed,
            acceleration=np.full(len(names), self._settings.finger_acceleration),
            least=max(step.duration, step.arm.duration if step.arm else 0.1),
        )

    def _stop(self) -> str:
        """Cancel both controllers and wait for them; a sentence if they do not confirm."""
        both = (self._arm, self._hand)
        for controller in both:
            controller.cancel()
        try:
            wait_until(
                lambda: all(controller.ending() is not None for controller in both),
                what="confirmation of the cancel",
                timeout=self._settings.stop_timeout,
            )
        except DdgError as error:
            return f" (and {error} from the controllers)"
        return ""


def _raise_if(reason: Outcome | None) -> None:
    if reason is not None:
        raise Failed(reason, "cancelled" if reason == Outcome.CANCELLED else "stopped")


def _raise_unless_good(name: str, ending: Ending, message: str, *, may_be_short: bool) -> None:
    if ending == Ending.DONE or (ending == Ending.SHORT and may_be_short):
        return
    if ending == Ending.SHORT and name == "hand":
        raise Failed(Outcome.HAND_STALLED, f"the fingers stopped on the way: {message}")
    raise Failed(
        Outcome.CONTROLLER_ABORTED, f"the {name}'s controller ended as {ending}: {message}"
    )
