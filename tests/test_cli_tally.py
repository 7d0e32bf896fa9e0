"""Laws of counting trials."""

import pytest

from ddg_cli.tally import Tried, parse_seeds, summary, table
from ddg_core.errors import BadInput
from ddg_core.outcome import Outcome


def trials():
    ends = [Outcome.HELD, Outcome.HELD, Outcome.DROPPED, Outcome.HELD]
    names = ["mug_000", "mug_000", "box_000", "box_000"]
    return [Tried(n, i, e, "", 1.0) for i, (n, e) in enumerate(zip(names, ends, strict=True))]


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
    *_, rate, speed = table(trials()).splitlines()
    assert rate.startswith("held 3 of 4 = 75 %")
    assert speed == "2700 picks per hour"
