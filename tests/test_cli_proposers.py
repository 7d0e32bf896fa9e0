"""Which of the planned grasps a data set takes."""

from typing import Any

import numpy as np
import pytest

from ddg_cli import proposers


@pytest.mark.parametrize(("name", "refine"), [("ranked", "none"), ("refined", "ga")])
@pytest.mark.parametrize(("planned", "taken"), [(100, 16), (16, 16), (5, 5), (0, 0)])
def test_half_of_a_ranked_scene_are_the_first_and_order_is_kept(
    planned: int, taken: int, name: str, refine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[proposers.Asked] = []

    def fake(one: proposers.Asked) -> object:
        asked.append(one)
        return lambda view, rng: list(range(planned))

    monkeypatch.setattr(proposers, "gm1", fake)
    propose = proposers.proposer(name)(proposers.Asked("svh", 16))
    view: Any = None
    chosen: list[Any] = list(propose(view, np.random.default_rng(0)))
    assert (asked[0].evaluator, asked[0].refine) == ("em-s", refine)
    assert asked[0].grasps == proposers.PLANNED
    assert len(set(chosen)) == taken
    assert chosen == sorted(chosen)
    assert chosen[:8] == list(range(min(8, planned)))
    assert planned < 100 or chosen[8:] != list(range(8, 16))


def test_a_third_of_the_ranked_grasps_of_two_jaws_are_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fake(one: proposers.Asked, name: str) -> object:
        assert (one.grasps, name) == (proposers.JUDGED, "dexnet-cem")
        return lambda view, rng: list(range(one.grasps))

    monkeypatch.setattr(proposers, "dexnet", fake)
    propose = proposers.proposer("jaws-ranked")(proposers.Asked("parallel_gripper", 12))
    view: Any = None
    chosen: list[Any] = list(propose(view, np.random.default_rng(0)))
    assert len(set(chosen)) == 12
    assert chosen[:4] == [0, 1, 2, 3]
    assert chosen == sorted(chosen)
    assert chosen[-1] > 100
