"""The fault matrix: what it consists of, and what is told of it."""

from collections import Counter

import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("ddg_interfaces", reason="the interfaces are not built")

from ddg_cli import faults
from ddg_cli.faults.cases import EARLY, PHASES, Case, Fault, allowed, cancels, matrix
from ddg_cli.faults.rig import Finding
from ddg_cli.graph import load_graph
from ddg_core.outcome import Outcome
from ddg_execution.phases import PHASES as EXECUTED


def test_every_process_is_taken_away_in_every_phase() -> None:
    assert set(faults.PROCESSES) | {"manager"} == set(load_graph().select(["twin"]))
    assert [phase.removeprefix("execute/") for phase in PHASES] == [*EARLY, *EXECUTED]
    cases = list(matrix(faults.PROCESSES, PHASES, Fault))
    assert len(cases) == len(set(cases)) == (2 * len(faults.PROCESSES) + 3) * len(PHASES)


def test_cancels_come_in_all_phases_and_again_with_the_same_seed() -> None:
    first, again = (list(cancels(50, rng=np.random.default_rng(1))) for _ in range(2))
    assert first == again
    assert set(Counter(case.phase for case in first)) == set(PHASES)


def test_nothing_is_held_that_was_not_there_to_the_end() -> None:
    for case in matrix(faults.PROCESSES, PHASES, Fault):
        assert allowed(case)
        assert not allowed(case) & {Outcome.OK, Outcome.INTERNAL}
        assert Outcome.HELD not in allowed(case) or not case.moving


def test_an_arm_that_moves_on_is_told_in_the_table() -> None:
    lift = Case(Fault.KILL, "execute/lift", "ranker")
    found = [
        Finding(lift, "STOPPED", "", 0.3, 1.0, 2.0, ()),
        Finding(lift, "STOPPED", "", 0.7, 1.0, 2.0, ()),
        Finding(Case(Fault.KILL, "plan", "ranker"), "HELD", "", 5.0, 9.0, 2.0, ("no record",)),
    ]
    assert [finding.good for finding in found] == [True, False, False]
    row = faults.table(found).splitlines()[-1]
    assert row.startswith("| kill | ranker | 3 | 1 | STOPPED 2, HELD 1 | 0.70 s | 9.0 s |")
    assert "plan: no record" in row
