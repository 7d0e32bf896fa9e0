"""Laws and known values of the statistics."""

import numpy as np
import pytest

from ddg_core.errors import BadInput
from ddg_core.statistics import bootstrap_by_object, mcnemar, wilson


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (27, 49, 41.3, 68.1),
        (28, 49, 43.3, 70.0),
        (40, 49, 68.6, 90.0),
        (43, 49, 75.8, 94.3),
        (38, 45, 71.2, 92.3),
        (35, 45, 63.7, 87.5),
        (68, 69, 92.2, 99.7),
        (29, 29, 88.3, 100.0),
    ],
)
def test_wilson_gives_the_intervals_of_the_published_counts(successes, n, low, high):
    np.testing.assert_allclose(np.multiply(wilson(successes, n), 100), [low, high], atol=0.06)


def test_no_trial_tells_nothing():
    assert wilson(0, 0) == (0.0, 1.0)
    assert bootstrap_by_object([], [], rng=np.random.default_rng(0)) == (0.0, 1.0)


def test_more_successes_than_trials_are_refused():
    with pytest.raises(BadInput, match=r"in \[0, 3\], got 4"):
        wilson(4, 3)


def test_clustered_trials_are_less_sure_than_independent_ones():
    held = np.repeat([True, False, True, True, False], 20)  # every object always or never
    together = bootstrap_by_object(
        held, np.repeat(list("abcde"), 20).tolist(), rng=np.random.default_rng(1)
    )
    alone = bootstrap_by_object(held, [str(i) for i in range(100)], rng=np.random.default_rng(1))
    assert together[0] < alone[0] < 0.6 < alone[1] < together[1]


def test_same_seed_same_interval():
    trials = ([1, 0, 1, 1], ["a", "a", "b", "c"])
    first, second = (bootstrap_by_object(*trials, rng=np.random.default_rng(7)) for _ in range(2))
    assert first == second


def test_mcnemar_counts_only_where_the_planners_differ():
    first = [True] * 9 + [False] + [True] * 30
    second = [False] * 9 + [True] + [True] * 30
    assert mcnemar(first, second) == pytest.approx(2 * 11 / 1024)
    assert mcnemar(second, first) == mcnemar(first, second)
    assert mcnemar(first, first) == 1.0


def test_unpaired_outcomes_are_refused():
    with pytest.raises(BadInput, match="paired"):
        mcnemar([True], [True, False])
