"""Laws of the judge of a lift."""

import math

import numpy as np
import pytest

from ddg_core.errors import Failed
from ddg_core.outcome import Outcome
from ddg_execution.judge import JudgeSettings, Sighting, judge_fingers, judge_truth, judge_view

S = JudgeSettings()
ON_TABLE = Sighting(False, 0.0, math.nan, math.nan, ("table",))
CARRIED = Sighting(True, 0.15, 0.004, 0.05)


def test_carried_to_the_end_is_held():
    verdict = judge_truth([ON_TABLE, CARRIED], S)
    assert verdict.outcome == Outcome.HELD
    assert verdict.numbers == {"height": 0.15, "top": 0.15, "moved": 0.004, "turned": 0.05}


@pytest.mark.parametrize(
    ("moved", "turned", "said"), [(0.031, 0.0, "3.1 cm"), (0.0, math.radians(31), "31 degrees")]
)
def test_carried_but_moved_in_the_hand_is_slipped(moved, turned, said):
    verdict = judge_truth([ON_TABLE, Sighting(True, 0.15, moved, turned)], S)
    assert verdict.outcome == Outcome.SLIPPED
    assert said in verdict.message


def test_lifted_and_lost_is_dropped():
    verdict = judge_truth([ON_TABLE, CARRIED, Sighting(False, 0.0, 0.2, 0.0, ("table",))], S)
    assert verdict.outcome == Outcome.DROPPED
    assert "touching table" in verdict.message


def test_what_never_left_the_table_is_not_held_whoever_touches_it():
    low = Sighting(True, 0.005, 0.0, 0.0)
    assert judge_truth([ON_TABLE, low], S).outcome == Outcome.NOT_HELD


def test_without_truth_there_is_no_verdict():
    with pytest.raises(Failed, match="no ground truth") as info:
        judge_truth([], S)
    assert info.value.outcome == Outcome.STALE_DATA


def test_fingers_that_stop_short_press_on_something():
    target = [1.0, 1.0, 0.5]
    assert judge_fingers([0.8, 0.9, 0.5], target, S).outcome == Outcome.HELD
    assert judge_fingers([0.99, 0.9, 0.5], target, S).outcome == Outcome.NOT_HELD


def test_unseen_fingers_are_no_verdict():
    with pytest.raises(Failed, match="joint state"):
        judge_fingers([0.8, math.nan, 0.5], [1.0, 1.0, 0.5], S)


def cloud(x: float) -> np.ndarray:
    return np.array([x, 0.0, 0.05]) + np.random.default_rng(0).normal(0.0, 0.02, (200, 3))


def test_an_object_that_is_gone_from_the_table_is_in_the_hand():
    assert judge_view(cloud(0.5), None, S).outcome == Outcome.HELD


def test_an_object_that_stands_where_it_stood_was_not_taken():
    assert judge_view(cloud(0.5), cloud(0.5 + 0.5 * S.gone), S).outcome == Outcome.NOT_HELD


def test_an_object_that_stands_elsewhere_was_lost():
    assert judge_view(cloud(0.5), cloud(0.5 + 2.0 * S.gone), S).outcome == Outcome.DROPPED
