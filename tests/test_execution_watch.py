"""What is watched while arm and hand are at work."""

import numpy as np
import pytest
from motion_fixtures import OPEN, cell_robot, top_grasp
from stage import Stage

from ddg_core.cell import HandEffortSettings
from ddg_core.description import load_cell, load_hand
from ddg_core.errors import UnknownName
from ddg_core.outcome import Outcome
from ddg_execution.phases import Phase, Step
from ddg_execution.trajectory import straight_motion
from ddg_execution.watch import Watch

ROBOT = cell_robot()
RING = ROBOT.hand_joint_names.index("Ring_Finger")
PARTS = ("arm", "hand")
LIMITS = HandEffortSettings({"Ring_Finger": 2.0}, longest=1.0)
HOLD = Phase("hold", (Step(hold=5.0),))
CLOSE = Phase("close", (Step(fingers=top_grasp().joints[2], may_stall=True, duration=5.0),))


def strained(share: float = 1.5, **settings: float) -> Stage:
    """Play with a ring finger that works with this share of its limit, now and for ever."""
    stage = Stage(LIMITS, **settings)
    stage.hand.works_with[RING] = -2.0 * share  # the sign says in which direction
    return stage


@pytest.mark.parametrize("part", PARTS)
def test_a_driver_that_dies_is_noticed_whoever_moves(part):
    there = straight_motion(
        ROBOT.arm.joint_names,
        ROBOT.home,
        ROBOT.home + 0.1,
        velocity=ROBOT.arm.velocity,
        acceleration=ROBOT.arm.acceleration,
        least=5.0,
    )
    lift = Phase("lift", (Step(arm=there),))
    for phase in (CLOSE, lift, HOLD):
        stage = Stage()
        getattr(stage, part).silent_after = 2.0
        ended = stage.play((phase,)).execution
        assert (ended.outcome, ended.phase) == (Outcome.CONTROLLER_ABORTED, phase.name)
        assert stage.clock.now < 3.0
        assert stage.arm.cancelled
        assert stage.hand.cancelled


@pytest.mark.parametrize("phase", [CLOSE, HOLD])
def test_a_finger_above_its_limit_for_too_long_stops_hand_and_arm(phase):
    stage = strained()
    ended = stage.play((phase,)).execution
    assert ended.outcome == Outcome.HAND_STALLED
    assert f"{phase.name}: guard: Ring_Finger works with 3, limit 2" in ended.message
    assert stage.arm.cancelled
    assert stage.clock.now < 3.0


def test_a_hand_that_was_stopped_so_presses_no_more():
    """It held still where it pressed: a cancel alone would have let it press on."""
    stage = strained()
    stage.hand.at = top_grasp().joints[2]
    stage.play((HOLD,))
    (eased,) = stage.hand.played
    np.testing.assert_allclose(eased.positions, np.broadcast_to(stage.hand.at, (9, 9)))
    assert stage.hand.ending() is not None


def test_a_finger_that_presses_for_a_moment_or_within_its_limit_goes_on():
    assert strained(0.9).play((CLOSE, HOLD)).execution.outcome == Outcome.OK
    stage, looks = strained(), []

    def now_and_then() -> None:
        looks.append(stage.clock.now)
        stage.hand.works_with[RING] = 3.0 if len(looks) % 2 else 0.0

    assert stage.play((CLOSE, HOLD), now_and_then).execution.outcome == Outcome.OK
    assert len(looks) > 20


def test_a_driver_that_says_nothing_and_a_joint_without_limit_stop_nobody():
    assert Stage(LIMITS).play((CLOSE, HOLD)).execution.outcome == Outcome.OK
    stage = Stage(LIMITS)
    stage.hand.works_with[RING - 1] = 1e6
    assert stage.play((CLOSE, HOLD)).execution.outcome == Outcome.OK


def test_who_waits_for_the_operator_is_watched_too():
    ended = strained(confirm=30.0).play((HOLD,), permit=lambda _: False).execution
    assert ended.outcome == Outcome.HAND_STALLED


def test_a_finger_is_not_blamed_for_what_was_before():
    stage = strained()
    assert stage.play((Phase("hold", (Step(hold=0.2),)),)).execution.outcome == Outcome.OK
    stage.clock.now += 60.0
    assert stage.play((Phase("hold", (Step(hold=0.2),)),)).execution.outcome == Outcome.OK


def test_limits_of_another_hand_are_named():
    stage = Stage()
    with pytest.raises(UnknownName, match=r"'Ringfinger'.*did you mean 'Ring_Finger'"):
        Watch(
            stage.arm,
            stage.hand,
            ROBOT.hand_joint_names,
            HandEffortSettings({"Ringfinger": 1.0}),
            stage.clock,
        )


def test_the_real_cell_watches_the_fingers_of_its_hand():
    cell = load_cell("real")
    assert cell.hand_effort is not None
    names = load_hand(cell.hand).joint_names
    Watch(Stage().arm, Stage().hand, names, cell.hand_effort, lambda: 0.0)
    assert len(OPEN) == len(names)
    assert {"Index_Finger_Proximal", "Thumb_Flexion"} <= set(cell.hand_effort.limits)
