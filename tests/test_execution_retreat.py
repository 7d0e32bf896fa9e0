"""An object that meets the table early is let go there, and left from there."""

from collections.abc import Callable

import numpy as np
import pytest
from motion_fixtures import cell_robot, cluttered, top_grasp
from stage import Stage

from ddg_core.arrays import Array
from ddg_core.outcome import Outcome
from ddg_core.transforms import inverse
from ddg_execution.control import Ending
from ddg_execution.execute import Executor
from ddg_execution.executor_settings import ExecutorSettings
from ddg_execution.motion.embedded import EmbeddedPlanner, EmbeddedSettings
from ddg_execution.motion.port import NoPath, Situation
from ddg_execution.phases import PHASES
from ddg_execution.run import Played
from ddg_execution.run_settings import RunSettings

ROBOT = cell_robot()
GRASP = top_grasp()


class Planner(EmbeddedPlanner):
    """Plans, until it is told that there is no way of some kind any more."""

    no_straight_way = no_way = False

    def straight(self, starts: Array, T_base_wrist: Array, situation: Situation) -> list[Array]:
        if self.no_straight_way:
            return [starts[:0] for _ in starts]
        return super().straight(starts, T_base_wrist, situation)

    def free(
        self, start: Array, goals: Array, situation: Situation, *, rng: np.random.Generator
    ) -> Array:
        if self.no_way:
            raise NoPath("as told")
        return super().free(start, goals, situation, rng=rng)


class Trial:
    """A grasp of something that meets the table when some share of the way down is over."""

    def __init__(self, *, share: float = 0.6, ends: Ending = Ending.SHORT) -> None:
        self.stage = Stage()
        self.share, self.ends = share, ends
        self.planner = Planner(ROBOT, EmbeddedSettings())
        self.executor = Executor(
            ROBOT,
            self.planner,
            self.stage.arm,
            self.stage.hand,
            ExecutorSettings(run=RunSettings(period=1e-5, settle=0.01)),
            velocity_scale=1.0,
            hand_speed=0.7,
            clock=self.stage.clock,
        )

    def run(self, phase: str = "place", then: Callable[[], None] = lambda: None) -> Played:
        """Execute the grasp; `then` is called when the phase in which it happens begins."""
        arm = self.stage.arm

        def report(name: str, share: float) -> None:
            self.stage.report(name, share)
            arm.ends, arm.share = Ending.DONE, 1.0
            if name == phase:
                arm.ends, arm.share = self.ends, self.share
                self.before = len(arm.played)
                then()

        return self.executor.execute(
            GRASP,
            cluttered(),
            put_back=True,
            hold_time=None,
            interrupted=lambda: None,
            report=report,
        )

    @property
    def afterwards(self) -> list[Array]:
        """Where the wrist was at the beginning and end of the motions since, each (2, 4, 4)."""
        return [
            ROBOT.arm.forward(motion.positions[[0, -1]])
            for motion in self.stage.arm.played[self.before :]
        ]


def test_it_is_let_go_where_the_arm_came_to_and_left_as_the_hand_came_in():
    trial = Trial()
    played = trial.run()
    assert played.execution.outcome == Outcome.OK, played.execution.message
    assert tuple(trial.stage.reported) == PHASES
    assert [name for name, _ in played.execution.timings_s] == ["plan", *PHASES]
    (_, planned), (T_came, T_out), *_ = trial.afterwards
    assert T_came[2, 3] - planned[2, 3] > 0.02
    into = inverse(GRASP.T_base_wrist[0]) @ GRASP.T_base_wrist_grasp
    np.testing.assert_allclose(T_out @ into, T_came, atol=2e-3)
    np.testing.assert_allclose(trial.stage.arm.at, ROBOT.home, atol=1e-9)
    opened, left = trial.stage.hand.played[-2:]
    np.testing.assert_allclose(opened.positions[-1], GRASP.joints[1])
    np.testing.assert_allclose(left.positions[-1], GRASP.joints[0])


def test_an_arm_that_comes_near_goes_on_as_planned():
    near, free = Trial(share=0.97), Trial(ends=Ending.DONE, share=1.0)
    assert near.run().execution.outcome == free.run().execution.outcome == Outcome.OK
    for one, other in zip(near.afterwards, free.afterwards, strict=True):
        np.testing.assert_allclose(one, other)


def test_what_is_blocked_high_above_its_place_is_not_dropped():
    ended = Trial(share=0.2).run().execution
    assert (ended.outcome, ended.phase) == (Outcome.CONTROLLER_ABORTED, "place")


@pytest.mark.parametrize("ending", [Ending.FAILED, Ending.CANCELLED])
def test_a_controller_that_fails_while_putting_back_aborts(ending):
    ended = Trial(ends=ending).run().execution
    assert (ended.outcome, ended.phase) == (Outcome.CONTROLLER_ABORTED, "place")


@pytest.mark.parametrize("phase", ["lift", "release", "home"])
def test_what_blocks_the_arm_elsewhere_aborts(phase):
    ended = Trial().run(phase).execution
    assert (ended.outcome, ended.phase) == (Outcome.CONTROLLER_ABORTED, phase)


def test_silence_while_putting_back_aborts():
    trial = Trial()
    arm, clock = trial.stage.arm, trial.stage.clock
    ended = trial.run(then=lambda: setattr(arm, "silent_after", clock.now)).execution
    assert (ended.outcome, ended.phase) == (Outcome.CONTROLLER_ABORTED, "place")


def test_where_the_hand_cannot_go_out_as_it_came_it_goes_home_as_it_can():
    trial = Trial()
    played = trial.run(then=lambda: setattr(trial.planner, "no_straight_way", True))
    assert played.execution.outcome == Outcome.OK, played.execution.message
    assert len(trial.afterwards) == 2
    np.testing.assert_allclose(trial.stage.arm.at, ROBOT.home, atol=1e-9)


def test_where_there_is_no_way_out_at_all_the_arm_stays_and_the_guard_says_why():
    trial = Trial()
    ended = trial.run(then=lambda: setattr(trial.planner, "no_way", True)).execution
    assert (ended.outcome, ended.phase) == (Outcome.STOPPED, "release")
    assert "at the start" in ended.message
    assert len(trial.afterwards) == 1
