"""One grasp from order to outcome: plan everything, then play it. Knows nothing of ROS."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from ddg_core.arrays import Array
from ddg_core.cell import HandEffortSettings
from ddg_core.errors import DdgError
from ddg_core.grasp import Grasp
from ddg_core.outcome import Outcome
from ddg_core.ports import Execution
from ddg_execution.control import Controller, Ending
from ddg_execution.executor_settings import ExecutorSettings
from ddg_execution.follow import Lookout, plan_following
from ddg_execution.guard import Guard
from ddg_execution.motion.port import MotionPlanner, Scene, Situation
from ddg_execution.motion.robot import Robot
from ddg_execution.phases import Phase
from ddg_execution.plan import plan_execution, plan_home
from ddg_execution.retreat import plan_way_out
from ddg_execution.run import Played, Runner


class Executor:
    """Executes grasps with one robot, one after the other.

    Args:
        robot: The robot.
        planner: Finds its paths.
        arm: The arm's controller.
        hand: The hand's controller.
        settings: How grasps are executed.
        velocity_scale: Share of the arm's speed limits to use, in (0, 1].
        hand_speed: Share of the fingers' speed limits to use, in (0, 1].
        clock: The controllers' clock, in [s].
        effort: How hard the fingers may work; None: nobody looks.
    """

    def __init__(
        self,
        robot: Robot,
        planner: MotionPlanner,
        arm: Controller,
        hand: Controller,
        settings: ExecutorSettings,
        *,
        velocity_scale: float,
        hand_speed: float,
        clock: Callable[[], float],
        effort: HandEffortSettings | None = None,
    ) -> None:
        """Make guard and runner."""
        self._robot = robot
        self._arm, self._hand = arm, hand
        self._settings = settings
        self._speed = settings.speed(velocity_scale)
        self._planner = planner
        self._guard = Guard(robot, settings.guard, arm_speed=velocity_scale, hand_speed=hand_speed)
        self._runner = Runner(robot, arm, hand, self._guard, settings.run, clock, effort)

    def execute(
        self,
        grasp: Grasp,
        scene: Scene,
        *,
        put_back: bool,
        hold_time: float | None,
        interrupted: Callable[[], Outcome | None],
        report: Callable[[str, float], None],
        permit: Callable[[str], bool] = lambda _: True,
        lookout: Lookout | None = None,
    ) -> Played:
        """Plan a grasp from where the arm is, and play it.

        Args:
            grasp: What to do.
            scene: What stands around.
            put_back: Place, release and go home after the hold; else the hand goes on holding.
            hold_time: In [s]; None: as the settings say.
            interrupted: Asked all the time: CANCELLED or STOPPED ends the motion.
            report: Told each phase when it begins, and the share of the whole that is over.
            permit: Asked before each phase, until it says yes.
            lookout: Looks after the target of a hand that follows it, see `FollowSettings`.

        Returns:
            How it ended; its timings begin with the time of planning, "plan".
        """
        how = self._settings.execution
        if hold_time is not None:
            how = replace(how, hold_time=hold_time)

        def plan(grasp: Grasp, scene: Scene) -> tuple[Phase, ...]:
            return plan_execution(
                grasp,
                self._where(),
                scene,
                planner=self._planner,
                robot=self._robot,
                settings=how,
                speed=self._speed,
                rng=np.random.default_rng(self._settings.seed),
                put_back=put_back,
                way_out=partial(self._way_out, grasp, scene),
            )

        follow = self._settings.follow
        if lookout is None or grasp.hand not in follow.hands:
            return self._do(lambda: plan(grasp, scene), interrupted, report, permit)
        following = partial(plan_following, grasp, scene, plan, lookout, follow)
        try:
            return self._do(following, interrupted, report, permit)
        finally:
            lookout.end()

    def go_home(
        self,
        scene: Scene,
        *,
        interrupted: Callable[[], Outcome | None],
        permit: Callable[[str], bool],
    ) -> Played:
        """Go home from wherever the arm was left, the fingers as they are; see `execute`.

        Args:
            scene: What stood around when it was last looked at.
            interrupted: As in `execute`.
            permit: As in `execute`.
        """

        def plan() -> tuple[Phase, ...]:
            return plan_home(
                self._where(),
                Situation(scene, self._hand.measured()),
                planner=self._planner,
                robot=self._robot,
                settings=self._settings.execution,
                speed=self._speed,
                rng=np.random.default_rng(self._settings.seed),
            )

        return self._do(plan, interrupted, lambda *_: None, permit)

    def check_hand(self) -> None:
        """Refuse a hand that is not heard of, or stands where no finger can be.

        Raises:
            Failed: It is not heard of (CONTROLLER_ABORTED).
            GuardRefused: It says what cannot be, as one that was not homed does.
        """
        self._guard.check_stand(self._hand.measured())

    def _way_out(self, grasp: Grasp, scene: Scene, planned: Array) -> tuple[Phase, ...] | None:
        """Plan another way out if the arm came to a halt off where the planned one begins, (A,).

        Without another way out the guard says by how much it is off.
        """
        q, ended = self._where(), self._arm.ending()
        halted = ended is not None and ended[0] == Ending.SHORT
        if not halted or np.abs(q - planned).max() <= self._settings.guard.start_tolerance:
            return None
        with contextlib.suppress(DdgError):
            return plan_way_out(
                grasp,
                q,
                scene,
                planner=self._planner,
                robot=self._robot,
                settings=self._settings.execution,
                speed=self._speed,
                rng=np.random.default_rng(self._settings.seed),
            )
        return None

    def _where(self) -> Array:
        """Where the arm is, (A,); measured may be a little beyond a limit."""
        return np.clip(self._arm.measured(), self._robot.arm.lower, self._robot.arm.upper)

    def _do(
        self,
        plan: Callable[[], tuple[Phase, ...]],
        interrupted: Callable[[], Outcome | None],
        report: Callable[[str, float], None],
        permit: Callable[[str], bool],
    ) -> Played:
        begin = time.monotonic()
        try:
            phases = plan()
        except DdgError as error:
            took = (("plan", time.monotonic() - begin),)
            return Played(Execution(error.outcome, str(error), "", took))
        took = (("plan", time.monotonic() - begin),)
        played = self._runner.play(phases, interrupted=interrupted, report=report, permit=permit)
        timings = took + played.execution.timings_s
        return replace(played, execution=replace(played.execution, timings_s=timings))
