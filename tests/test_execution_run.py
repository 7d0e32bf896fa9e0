"""Plans of whole executions, and playing them on controllers that behave and misbehave."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from motion_fixtures import OPEN, ball, cell_robot, cluttered, top_grasp
from stage import Stage

from ddg_core.description import load_cell
from ddg_core.errors import BadInput
from ddg_core.outcome import Outcome
from ddg_execution.control import Ending
from ddg_execution.guard import Guard, GuardRefused, GuardSettings
from ddg_execution.motion.embedded import EmbeddedPlanner, EmbeddedSettings
from ddg_execution.motion.port import NoIk, NoPath, Scene
from ddg_execution.motion.timing import SpeedSettings
from ddg_execution.phases import PHASES, Phase, Step
from ddg_execution.plan import ExecutionSettings, plan_execution
from ddg_execution.trajectory import Trajectory

ROBOT = cell_robot()
SETTINGS = ExecutionSettings()


def plan(grasp=None, start=ROBOT.home, scene=None, **options) -> tuple[Phase, ...]:
    return plan_execution(
        grasp if grasp is not None else top_grasp(),
        start,
        scene if scene is not None else cluttered(),
        planner=EmbeddedPlanner(ROBOT, EmbeddedSettings()),
        robot=ROBOT,
        settings=SETTINGS,
        rng=np.random.default_rng(2),
        **{"speed": SpeedSettings(), **options},
    )


@pytest.fixture(scope="module")
def phases() -> tuple[Phase, ...]:
    return plan()


def names(phases: tuple[Phase, ...]) -> tuple[str, ...]:
    """What it is called that is done, in order; a phase may have parts."""
    return tuple(dict.fromkeys(phase.name for phase in phases))


def arm_motions(phases: tuple[Phase, ...]) -> list[Trajectory]:
    return [step.arm for phase in phases for step in phase.steps if step.arm is not None]


# --- planning ---


def test_the_phases_come_in_order(phases):
    assert names(phases) == PHASES


def test_each_motion_of_the_arm_begins_where_the_last_one_ended(phases):
    motions = arm_motions(phases)
    assert len(motions) >= 5
    np.testing.assert_allclose(motions[0].positions[0], ROBOT.home, atol=1e-9)
    for before, after in itertools.pairwise(motions):
        np.testing.assert_allclose(after.positions[0], before.positions[-1], atol=1e-9)
    np.testing.assert_allclose(motions[-1].positions[-1], ROBOT.home, atol=1e-9)


def test_the_hand_grasps_where_the_grasp_says_and_lifts_straight_up(phases):
    grasp = top_grasp()
    by_name = {phase.name: phase for phase in phases}
    approach = by_name["approach"].steps[-1].arm
    lift = by_name["lift"].steps[-1].arm
    at_grasp = ROBOT.arm.forward(approach.positions[-1])
    np.testing.assert_allclose(at_grasp, grasp.T_base_wrist_grasp, atol=1e-4)
    up = ROBOT.arm.forward(lift.positions)
    assert up[-1, 2, 3] - up[0, 2, 3] == pytest.approx(SETTINGS.lift_height, abs=1e-4)
    np.testing.assert_allclose(up[:, :2, 3] - up[0, :2, 3], 0.0, atol=1e-3)


def test_every_planned_motion_passes_the_guard(phases):
    guard = Guard(ROBOT, GuardSettings())
    for motion in arm_motions(phases):
        guard.check_arm(motion, motion.positions[0])


def test_without_putting_back_the_hold_is_the_end():
    assert names(plan(put_back=False)) == PHASES[:5]


def test_a_grasp_out_of_reach_has_no_ik():
    with pytest.raises(NoIk, match=r"at the pre-grasp .* out of reach"):
        plan(top_grasp(x=1.3))


def test_a_grasp_through_the_table_has_no_path():
    grasp = top_grasp()
    T = np.array(grasp.T_base_wrist)
    T[1:, 2, 3] = 0.15
    with pytest.raises(NoPath, match="straight approach"):
        plan(replace(grasp, T_base_wrist=T))


def test_a_grasp_of_another_hand_is_refused():
    with pytest.raises(BadInput, match="2 finger joints, the hand has 9"):
        plan(replace(top_grasp(), joints=np.zeros((4, 2))))


def test_fingers_beyond_their_limits_are_named_but_the_squeeze_may_press_beyond():
    grasp = top_grasp()
    joints = np.array(grasp.joints)
    joints[-1] += 5.0
    squeeze = {p.name: p for p in plan(replace(grasp, joints=joints))}["squeeze"].steps[0].fingers
    np.testing.assert_allclose(squeeze, ROBOT.hand_limits[1])
    joints[1, 3] = 5.0
    with pytest.raises(BadInput, match="waypoint 1: Index_Finger_Proximal at 5 rad"):
        plan(replace(grasp, joints=joints))


def test_from_where_a_cancelled_grasp_left_the_hand_it_first_goes_up(phases):
    at_grasp = {phase.name: phase for phase in phases}["lift"].steps[0].arm.positions[0]
    again = plan(top_grasp(0.55, -0.1), start=at_grasp)
    first = arm_motions(again)[0]
    rise = np.diff(ROBOT.arm.forward(first.positions)[[0, -1], 2, 3])
    assert rise == pytest.approx(SETTINGS.retreat_height, abs=1e-3)


# --- playing ---


def test_all_phases_are_played_and_reported(phases):
    stage = Stage()
    played = stage.play(phases)
    assert played.execution.outcome == Outcome.OK, played.execution.message
    assert stage.reported == list(PHASES)
    assert stage.shares == sorted(stage.shares)
    assert [name for name, _ in played.execution.timings_s] == list(PHASES)
    np.testing.assert_allclose(stage.arm.at, ROBOT.home, atol=1e-9)
    grasp = top_grasp()
    np.testing.assert_allclose(played.fingers, grasp.joints[-1], atol=1e-9)
    np.testing.assert_allclose(ROBOT.arm.forward(played.arm), grasp.T_base_wrist_grasp, atol=1e-4)


def test_fingers_that_stall_while_closing_have_done_their_work(phases):
    closing = phases[1:5]
    stage = Stage()
    stage.arm.at = closing[2].steps[0].arm.positions[0]
    stage.hand.at, stage.hand.ends = top_grasp().joints[0], Ending.SHORT
    assert stage.play(closing).execution.outcome == Outcome.OK


def test_fingers_that_touch_each_other_while_shaping_are_near_enough(phases):
    stage = Stage()
    stage.hand.ends, stage.hand.short_by = Ending.SHORT, 0.2
    assert stage.play(phases[:1]).execution.outcome == Outcome.OK


def test_fingers_that_stall_while_shaping_have_not_done_their_work(phases):
    stage = Stage()
    stage.hand.ends, stage.hand.short_by = Ending.SHORT, 0.5
    ended = stage.play(phases).execution
    assert (ended.outcome, ended.phase) == (Outcome.HAND_STALLED, "approach")


def test_fingers_that_meet_the_object_on_the_way_in_have_done_their_work(phases):
    way_in = tuple(step for step in phases[0].steps if step.arm is not None and step.may_stall)
    assert way_in
    assert phases[0].steps[-1] is way_in[-1]
    stage = Stage()
    stage.arm.at, stage.hand.at = way_in[0].arm.positions[0], top_grasp().joints[0]
    stage.hand.ends, stage.hand.short_by = Ending.SHORT, 0.5
    assert stage.play((Phase("approach", way_in),)).execution.outcome == Outcome.OK


@pytest.mark.parametrize("ending", [Ending.FAILED, Ending.SHORT, Ending.CANCELLED])
def test_an_arm_that_does_not_arrive_aborts(phases, ending):
    stage = Stage()
    stage.arm.ends = ending
    ended = stage.play(phases).execution
    assert ended.outcome == Outcome.CONTROLLER_ABORTED
    assert "the arm's controller" in ended.message
    assert stage.arm.cancelled
    assert stage.hand.cancelled


@pytest.mark.parametrize("reason", [Outcome.CANCELLED, Outcome.STOPPED])
@pytest.mark.parametrize("phase", PHASES)
def test_an_interruption_stops_both_controllers_in_every_phase(phases, reason, phase):
    stage = Stage()
    played = stage.play(phases, lambda: reason if phase in stage.reported else None)
    assert (played.execution.outcome, played.execution.phase) == (reason, phase)
    assert stage.arm.cancelled
    assert stage.hand.cancelled
    assert stage.reported[-1] == phase


@pytest.mark.parametrize("phase", PHASES)
def test_the_controllers_are_told_within_half_a_second_of_their_clock(phases, phase):
    stage, told, stopped = Stage(), [], []

    def interrupted() -> Outcome | None:
        if phase not in stage.reported:
            return None
        told.append(stage.clock.now)
        return Outcome.STOPPED

    for controller in (stage.arm, stage.hand):
        cancel = controller.cancel
        controller.cancel = lambda c=cancel: (stopped.append(stage.clock.now), c())
    stage.play(phases, interrupted)
    assert len(stopped) == 2
    assert max(stopped) - told[0] <= 0.5


def test_nothing_moves_before_each_phase_is_permitted(phases):
    stage, asked = Stage(), []

    def permit(phase: str) -> bool:
        asked.append(phase)
        assert stage.arm.ending() is not None
        return asked.count(phase) > 1  # the operator takes his time

    assert stage.play(phases, permit=permit).execution.outcome == Outcome.OK
    assert list(dict.fromkeys(asked)) == list(PHASES)


def test_a_permission_that_never_comes_ends_the_run_and_a_cancel_ends_the_waiting(phases):
    stage = Stage(confirm=0.01)
    ended = stage.play(phases, permit=lambda phase: phase != "lift").execution
    assert (ended.outcome, stage.reported[-1]) == (Outcome.TIMEOUT, "squeeze")
    stage, looks = Stage(), itertools.count()
    cancelled = lambda: Outcome.CANCELLED if next(looks) > 3 else None  # noqa: E731
    ended = stage.play(phases, cancelled, permit=lambda _: False).execution
    assert (ended.outcome, stage.arm.played) == (Outcome.CANCELLED, [])


def test_controllers_that_fall_silent_abort(phases):
    stage = Stage()
    stage.arm.silent_after = 2.0
    assert stage.play(phases).execution.outcome == Outcome.CONTROLLER_ABORTED


def test_a_motion_that_does_not_end_times_out(phases):
    stage = Stage()
    stage.hand.ending = lambda: None if stage.hand.played else (Ending.DONE, "")
    ended = stage.play(phases).execution
    assert ended.outcome == Outcome.TIMEOUT
    assert "hand not done after" in ended.message
    assert "confirmation of the cancel" in ended.message


def test_a_goal_that_a_stop_cancelled_is_stopped_though_its_word_comes_later(phases):
    """The watchdog brakes first, and then says so."""
    stage = Stage()
    stage.arm.ends = Ending.CANCELLED
    word = lambda: Outcome.STOPPED if stage.arm.cancelled else None  # noqa: E731
    ended = stage.play(phases, word).execution
    assert (ended.outcome, ended.message) == (Outcome.STOPPED, "approach: stopped")
    assert stage.hand.cancelled


def test_nothing_moves_on_after_a_fault_of_ours(phases):
    stage, told = Stage(), []

    def interrupted() -> None:
        told.append(stage.arm.ending())
        if stage.arm.played and told[-1] is None:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stage.play(phases, interrupted)
    assert stage.arm.cancelled
    assert stage.hand.cancelled


def test_controllers_that_do_not_confirm_a_stop_have_failed(phases):
    stage = Stage()
    stage.arm.ending = lambda: None if stage.arm.played else (Ending.DONE, "")
    stopped = lambda: Outcome.STOPPED if stage.arm.played else None  # noqa: E731
    ended = stage.play(phases, stopped).execution
    assert ended.outcome == Outcome.CONTROLLER_ABORTED
    assert "confirmation of the cancel" in ended.message


def test_nothing_that_the_guard_refuses_is_sent(phases):
    stage = Stage()
    stage.arm.at = ROBOT.home + 0.2  # someone moved the arm since the plan was made
    ended = stage.play(phases).execution
    assert ended.outcome == Outcome.STOPPED
    assert "guard: A" in ended.message
    assert not stage.arm.played


@pytest.mark.parametrize("cell", [load_cell("twin"), load_cell("real")], ids=["twin", "real"])
def test_what_is_planned_at_the_cells_speed_is_let_pass_and_nothing_faster(cell):
    share, stage = cell.arm.speed, Stage(arm_speed=cell.arm.speed, hand_speed=cell.hand_speed)
    played = stage.play(plan(speed=SpeedSettings(velocity_scale=share))).execution
    assert played.outcome == Outcome.OK, played.message
    for motion in stage.hand.played:
        assert (motion.peaks()[0] <= ROBOT.hand_limits[2] * cell.hand_speed).all()
    stage = Stage(arm_speed=0.9 * share, hand_speed=cell.hand_speed)
    ended = stage.play(plan(speed=SpeedSettings(velocity_scale=share))).execution
    assert ended.outcome == Outcome.STOPPED
    assert "would move at" in ended.message
    assert stage.arm.played == []


def test_the_guard_refuses_fingers_faster_than_the_cell_says(phases):
    stage = Stage()
    assert stage.play(phases[1:2]).execution.outcome == Outcome.OK
    (closing,) = stage.hand.played
    with pytest.raises(GuardRefused, match=r"would move at .* limit 0\.15"):
        Guard(ROBOT, GuardSettings(), hand_speed=0.1).check_hand(closing, OPEN)


def test_a_real_cell_begins_with_a_tenth_of_the_speed_of_arm_and_fingers():
    cell = load_cell("real")
    assert (cell.arm.speed, cell.hand_speed) == (0.1, 0.1)


def test_arm_and_fingers_of_one_step_take_the_same_time(phases):
    move = arm_motions(phases)[1]
    stage = Stage()
    stage.arm.at = move.positions[0]
    both = Phase("approach", (Step(arm=move, fingers=OPEN + 0.2),))
    assert stage.play((both,)).execution.outcome == Outcome.OK
    assert stage.hand.played[0].duration == pytest.approx(move.duration, rel=0.03)


def test_a_finger_pressed_beyond_its_limit_is_led_from_the_limit():
    stage = Stage()
    stage.hand.at = ROBOT.hand_limits[1] + 0.02
    opening = Phase("release", (Step(fingers=OPEN),))
    assert stage.play((opening,)).execution.outcome == Outcome.OK
    np.testing.assert_allclose(stage.hand.played[0].positions[0], ROBOT.hand_limits[1])


def test_no_object_is_needed_to_plan():
    assert names(plan(scene=Scene())) == PHASES


def test_the_object_is_in_the_way_of_a_pre_grasp_inside_it():
    scene = Scene(object_points=ball((0.55, 0.0, 0.25), 0.06))
    with pytest.raises(NoIk, match="in the way"):
        plan(scene=scene)
