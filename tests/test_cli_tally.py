"""Laws of counting trials."""

from math import nan

import pytest

from ddg_cli.tally import Tried, parse_seeds, summary, table
from ddg_core.errors import BadInput
from ddg_core.outcome import Outcome


def trials():
    ends = [Outcome.HELD, Outcome.HELD, Outcome.DROPPED, Outcome.HELD]
    names = ["mug_000", "mug_000", "box_000", "box_000"]
    return [
        Tried(n, i, e, "", 1.0, "", 0.0, 0.0)
        for i, (n, e) in enumerate(zip(names, ends, strict=True))
    ]


@pytest.mark.parametrize(
    ("text", "seeds"), [("3", [3]), ("1-5", [1, 2, 3, 4, 5]), ("1-2,7", [1, 2, 7])]
)
def test_seeds_are_numbers_and_ranges(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "1-", "5-1", "1,,2"])
def test_other_seeds_are_refused(text):
    with pytest.raises(BadInput, match="seeds"):
        parse_seeds(text)


def test_the_summary_counts_every_trial_once():
    figures = summary(trials())
    assert (figures["n"], figures["held"], figures["rate"]) == (4, 3, 0.75)
    assert figures["by_object"] == {
        "mug_000": {"n": 2, "held": 2},
        "box_000": {"n": 2, "held": 1},
    }
    assert figures["outcomes"] == {"HELD": 3, "DROPPED": 1}
    assert figures["wilson95"][0] < 0.75 < figures["wilson95"][1]
    assert figures["picks_per_hour"] == pytest.approx(3 / 4 * 3600)  # one second each


def test_no_trial_is_no_rate():
    assert summary([])["rate"] is None
    assert table([]) == ""


def test_the_table_names_seed_and_outcome():
    assert "2:DROPPED 3:HELD" in table(trials())
    *_, rate, executed, speed = table(trials()).splitlines()
    assert rate.startswith("held 3 of 4 = 75 %")
    assert executed.startswith("of 4 planned grasps 4 were executed to the end (51 to 100 %)")
    assert speed == "2700 picks per hour"


@pytest.mark.parametrize(
    ("outcome", "shift", "turn", "planned", "executed"),
    [
        (Outcome.NOT_HELD, 0.0, 0.0, 1, 1),
        (Outcome.NOT_HELD, 0.04, 0.0, 1, 0),  # pushed away
        (Outcome.HELD, 0.01, 1.5, 1, 0),  # toppled, and held by luck
        (Outcome.HELD, nan, nan, 1, 0),  # nobody saw
        (Outcome.NO_PATH, nan, nan, 1, 0),
        (Outcome.HAND_STALLED, nan, nan, 1, 0),
        (Outcome.LOW_CONFIDENCE, nan, nan, 0, 0),
        (Outcome.NO_CLOUD, nan, nan, 0, 0),
    ],
)
def test_a_planned_grasp_is_executed_unless_there_is_no_way_or_the_object_is_knocked_over(
    outcome, shift, turn, planned, executed
):
    figures = summary([Tried("mug_000", 1, outcome, "", 1.0, "", shift, turn)])
    assert (figures["planned"], figures["executed"]) == (planned, executed)


def test_what_somebody_moves_on_purpose_is_not_knocked_over():
    tried = Tried("mug_000", 1, Outcome.HELD, "", 1.0, "", 0.04, 0.0)
    assert (summary([tried])["executed"], summary([tried], nudge=0.03)["executed"]) == (0, 1)


def test_looks_are_counted_within_trials():
    looks = [(0.0, 0.2, 0.4), (), (7.0, 7.2, 8.0)]  # gaps of 0.2, 0.2, 0.2 and 0.8 s
    tried = [Tried("can_000", 1, Outcome.HELD, "", 1.0, looks=times) for times in looks]
    assert summary(tried)["looks_per_second"] == pytest.approx(5.0)
    assert "5.0 looks per second" in table(tried)
    assert summary(trials())["looks_per_second"] is None
