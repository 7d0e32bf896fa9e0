"""Which of the planned grasps a data set takes."""

from typing import Any

import numpy as np
import pytest

from ddg_cli import proposers


@pytest.mark.parametrize(("planned", "taken"), [(100, 16), (16, 16), (5, 5), (0, 0)])
def test_half_of_a_ranked_scene_are_the_first_and_order_is_kept(
    planned: int, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[proposers.Asked] = []

    def fake(one: proposers.Asked) -> object:
        asked.append(one)
        return lambda view, rng: list(range(planned))

    monkeypatch.setattr(proposers, "gm1", fake)
    propose = proposers.proposer("ranked")(proposers.Asked("svh", 16))
    view: Any = None
    chosen: list[Any] = list(propose(view, np.random.default_rng(0)))
    assert (asked[0].evaluator, asked[0].grasps) == ("em-s", proposers.PLANNED)
    assert len(set(chosen)) == taken
    assert chosen == sorted(chosen)
    assert chosen[:8] == list(range(min(8, planned)))
    assert planned < 100 or chosen[8:] != list(range(8, 16))
