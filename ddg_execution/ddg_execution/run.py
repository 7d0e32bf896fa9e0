"""Plays planned phases on two controllers: guard before, watch during, hold still on any fault."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ddg_core.arrays import Array
from ddg_core.cell import HandEffortSettings
from ddg_core.errors import DdgError, Failed, TimedOut
from ddg_core.outcome import Outcome
from ddg_core.ports import Execution
from ddg_core.waiting import wait_until
from ddg_execution.control import Controller, Ending
from ddg_execution.guard import Guard
from ddg_execution.motion.robot import Robot
from ddg_execution.phases import Phase, Step
from ddg_execution.run_settings import RunSettings
from ddg_execution.trajectory import Trajectory, straight_motion
from ddg_execution.watch import HandOverloaded, Watch


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


class CancelledByOthers(Failed):
    """A goal was cancelled, and not by who had sent it."""


class Runner:
    """Plays phases; every trajectory passes the guard at the moment it is sent.

    Args:
        robot: Whose hand moves within which limits.
        arm: The arm's controller.
        hand: The hand's controller.
        guard: Refuses what is outside the limits.
        settings: When playing counts as hung.
        clock: The controllers' clock, in [s]; simulated time where that is used.
        effort: How hard the fingers may work; None: nobody looks.
    """

    def __init__(
        self,
        robot: Robot,
        arm: Controller,
        hand: Controller,
        guard: Guard,
        settings: RunSettings,
        clock: Callable[[], float],
        effort: HandEffortSettings | None = None,
    ) -> None:
        """Keep the parts."""
        self._watch = Watch(arm, hand, robot.hand_joint_names, effort, clock)
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
        self._watch.begin()
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
            outcome, message = self._abort(error, interrupted)
            message = f"{phase_name}: {message}"
        except BaseException:  # a fault of ours: nothing goes on moving
            self._stop()
            raise
        execution = Execution(outcome, message, phase_name, tuple(timings.items()))
        return Played(execution, arm_reached, fingers_reached)

    def _await_permission(
        self, phase: str, permit: Callable[[str], bool], interrupted: Callable[[], Outcome | None]
    ) -> None:
        def permitted() -> bool:
            _raise_if(interrupted())
            self._watch.look()
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
            lasts += self._start_fingers(step)
            moving.append(("hand", self._hand))
        if step.arm is not None:
            self._arm.start(step.arm, may_stall=False)
            moving.append(("arm", self._arm))
            lasts += step.arm.duration
        begin = self._clock()
        limit = self._settings.patience * lasts + self._settings.grace

        def over() -> bool:
            _raise_if(interrupted())
            self._watch.look()
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
            self._watch.look()
            return bool(np.abs(self._arm.measured() - start).max() < self._settings.settled)

        with contextlib.suppress(TimedOut):
            wait_until(
                there,
                what="arm at rest",
                timeout=self._settings.settle,
                period=self._settings.period,
            )

    def _start_fingers(self, step: Step) -> float:
        """Send the fingers where a step wants them; how long that takes, in [s]."""
        motion = self._finger_motion(step)
        self._guard.check_hand(motion, self._hand.measured())
        self._hand.start(motion, may_stall=step.may_stall)
        return motion.duration

    def _finger_motion(self, step: Step) -> Trajectory:
        """From where the fingers are to where they shall be, as long as the arm moves."""
        assert step.fingers is not None
        names = self._robot.hand_joint_names
        lower, upper, _ = self._robot.hand_limits
        return straight_motion(
            names,
            np.clip(self._hand.measured(), lower, upper),  # a pressed finger gives way a little
            step.fingers,
            velocity=self._guard.finger_velocity,
            acceleration=np.full(len(names), self._settings.finger_acceleration),
            least=max(step.duration, step.arm.duration if step.arm else 0.1),
        )

    def _abort(
        self, error: DdgError, interrupted: Callable[[], Outcome | None]
    ) -> tuple[Outcome, str]:
        """Stop both controllers; how the run ended, and a sentence."""
        outcome, message, unconfirmed = error.outcome, str(error), self._stop()
        if isinstance(error, CancelledByOthers):  # a stop brakes first, and then says so
            with contextlib.suppress(TimedOut):
                wait_until(
                    lambda: interrupted() is not None,
                    what="reason of the cancel",
                    timeout=self._settings.reason,
                )
            if (reason := interrupted()) is not None:
                outcome, message = reason, reason.lower()
        if unconfirmed and outcome in (Outcome.STOPPED, Outcome.CANCELLED):
            outcome = Outcome.CONTROLLER_ABORTED  # nobody knows whether the arm stands
        if isinstance(error, HandOverloaded) and not unconfirmed:
            message += self._ease()
        return outcome, message + unconfirmed

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

    def _ease(self) -> str:
        """Send the fingers to where they are: they press no more; a sentence if they did not go.

        Where no trajectory is played a cancel changes nothing, and they press on.
        """
        lower, upper, _ = self._robot.hand_limits
        try:
            here = np.clip(self._hand.measured(), lower, upper)
            takes = self._start_fingers(Step(fingers=here, may_stall=True))
            wait_until(
                lambda: self._hand.ending() is not None,
                what="end of easing the fingers",
                timeout=takes + self._settings.stop_timeout,
            )
        except DdgError as error:
            return f" (and they may press on: {error})"
        return ""


def _raise_if(reason: Outcome | None) -> None:
    if reason is not None:
        raise Failed(reason, reason.lower())


def _raise_unless_good(name: str, ending: Ending, message: str, *, may_be_short: bool) -> None:
    if ending == Ending.DONE or (ending == Ending.SHORT and may_be_short):
        return
    if ending == Ending.SHORT and name == "hand":
        raise Failed(Outcome.HAND_STALLED, f"the fingers stopped on the way: {message}")
    kind = CancelledByOthers if ending == Ending.CANCELLED else Failed
    raise kind(Outcome.CONTROLLER_ABORTED, f"the {name}'s controller ended as {ending}: {message}")
