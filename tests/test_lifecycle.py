"""Nodes come up stage by stage, and go down, last first, when one is lost that they need."""

from concurrent.futures import Future

import pytest

from ddg_execution.lifecycle import Lineup

STAGES = (("eye", "mind"), ("book",), ("arm",))
ALL = {name: True for stage in STAGES for name in stage}


class Parts:
    """Writes down who is brought up and taken down; parts come up at once if they are able."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.rising: dict[str, Future[bool]] = {}
        self.lineup = Lineup(STAGES, self.up, lambda name: self.done.append(f"-{name}"))

    def up(self, name: str) -> "Future[bool]":
        self.done.append(f"+{name}")
        self.rising[name] = Future()
        return self.rising[name]

    def settle(self, able: bool = True, **alive: bool) -> list[str]:
        """Settle until nothing happens; what was done meanwhile."""
        self.done.clear()
        for _ in range(2 * len(STAGES)):
            self.lineup.settle(ALL | alive)
            for future in self.rising.values():
                if able and not future.done():
                    future.set_result(True)
        return list(self.done)


@pytest.fixture
def parts() -> Parts:
    parts = Parts()
    parts.settle()
    return parts


def test_those_of_a_stage_come_up_together_and_stages_in_order() -> None:
    parts = Parts()
    assert parts.settle(able=False) == ["+eye", "+mind"]
    parts.rising["eye"].set_result(True)
    assert parts.settle(able=False) == []
    assert parts.lineup.down == ("mind", "book", "arm")
    assert parts.settle() == ["+book", "+arm"]
    assert parts.lineup.down == ()
    assert parts.settle() == []


def test_who_did_not_come_up_is_asked_again() -> None:
    parts = Parts()
    parts.settle(able=False)
    parts.rising["eye"].set_result(False)
    assert parts.settle(able=False) == ["+eye"]


def test_nobody_comes_up_while_one_is_missing_that_he_needs() -> None:
    assert Parts().settle(mind=False) == ["+eye"]


def test_later_stages_go_down_last_first_and_come_back(parts: Parts) -> None:
    assert parts.settle(eye=False) == ["-arm", "-book"]
    assert parts.lineup.down == ("eye", "book", "arm")
    assert parts.settle() == ["+eye", "+book", "+arm"]


def test_what_does_not_need_the_lost_one_stays(parts: Parts) -> None:
    assert parts.settle(arm=False) == []
    assert parts.lineup.down == ("arm",)
    assert parts.settle() == ["+arm"]


def test_one_that_comes_up_when_another_was_lost_goes_down_again(parts: Parts) -> None:
    parts.settle(arm=False)
    parts.settle(able=False)
    assert parts.settle(eye=False) == ["-book", "-arm"]


def test_one_that_comes_back_as_it_was_goes_down_if_what_it_needs_is_lost_meanwhile(
    parts: Parts,
) -> None:
    """Frozen for a moment it is lost and found, and still active itself."""
    parts.settle(arm=False, able=False)
    parts.done.clear()
    parts.lineup.settle(ALL | {"eye": False})
    assert parts.done == ["-arm", "-book"]
    assert parts.settle() == ["+eye", "+book", "+arm"]
