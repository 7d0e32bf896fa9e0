"""Provokes faults in a running stack, and looks at what comes of them."""

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from ddg_cli.faults.cases import OF_PROCESSES, STILL_WITHIN, Case, Fault, allowed
from ddg_cli.processes import Nodes
from ddg_cli.ros.session import RESET, Session
from ddg_cli.ros.witness import Witness
from ddg_core.errors import DdgError, TimedOut
from ddg_core.outcome import Outcome
from ddg_core.records import read_record
from ddg_core.trial import NO_WAY
from ddg_core.waiting import wait_until

OBJECT, SEED = "mug_000", 1  # held when nothing goes wrong
PHASE_PATIENCE = 90.0  # [s] until a trial must have come to a phase
END_PATIENCE = 90.0  # [s] until it must have ended after a fault
RESTART_PATIENCE = 60.0  # [s]
QUIET = 0.6  # [s] that are watched after the end
TRIES = 3
UNLUCKY = NO_WAY | {Outcome.NO_CANDIDATE, Outcome.LOW_CONFIDENCE}
SIGNALS = {Fault.KILL: signal.SIGKILL, Fault.FREEZE: signal.SIGSTOP}
HOLDERS = ("twin", "executor")  # who holds the goals of those actions: lost, they tell no end


@dataclass(frozen=True)
class Finding:
    """What came of a fault.

    Attributes:
        case: The fault.
        outcome: How the trial ended; TIMEOUT also where nobody answered.
        message: The trial's sentence.
        still_s: From the fault until the arm was last seen to move, in [s].
        end_s: From the fault until the trial's answer, in [s].
        back_s: Until all nodes were active again after restart, in [s].
        wrong: What is not as it should be, however busy the machine is; empty if all is.
    """

    case: Case
    outcome: str
    message: str
    still_s: float
    end_s: float
    back_s: float
    wrong: tuple[str, ...]

    @property
    def in_time(self) -> bool:
        """Whether the arm was still soon enough, if it moved and nobody put it elsewhere."""
        return self.still_s <= STILL_WITHIN or not self.case.moving

    @property
    def good(self) -> bool:
        """Whether all was as it should be."""
        return self.in_time and not self.wrong


class Rig:
    """A stack in which faults are provoked, one after the other."""

    def __init__(self, nodes: Nodes, session: Session, witness: Witness, out: Path) -> None:
        """Take over a stack that is up; `out` is where its records go."""
        self._nodes, self._session, self._witness, self._out = nodes, session, witness, out
        self._pool = ThreadPoolExecutor(1)

    def provoke(self, case: Case) -> Finding:
        """Run a trial, break something in it, mend it, and say what came of it."""
        cancel = Event()
        trial = self._begin(case.phase, cancel.is_set)
        if trial.done():
            outcome, message, _ = _told(trial)
            never = f"did not come to {case.phase}"
            return Finding(case, outcome, message, 0.0, 0.0, 0.0, (never,))
        Event().wait(case.delay)
        began = time.monotonic()
        self._break(case, cancel)
        outcome, message, record = _told(trial)
        ended = time.monotonic()
        Event().wait(QUIET)
        still = self._witness.last_motion(began)
        wrong = self._look(case, outcome, record)
        again = time.monotonic()
        self._mend(case)
        try:
            self._witness.wait_active(self._nodes.processes, timeout=RESTART_PATIENCE)
        except TimedOut as error:
            wrong.append(str(error))
        back = time.monotonic() - again
        if case.fault is not Fault.JUMP:
            Event().wait(QUIET)
            moved = self._witness.last_motion(again)
            if moved > STILL_WITHIN:
                wrong.append(f"the arm moved {moved:.2f} s after the fault was over")
            if case.fault is not Fault.KILL:  # who was killed told nothing more
                left = self._witness.going_on()
                wrong += [f"{name} has a goal left when all is over" for name in left]
        return Finding(case, outcome, message, still, ended - began, back, tuple(wrong))

    def probe(self) -> str:
        """Begin a trial and cancel it when the arm moves; a sentence if that does not come."""
        cancel = Event()
        try:
            trial = self._begin("execute/approach", cancel.is_set)
        except DdgError as error:
            return str(error)
        reached = not trial.done()
        cancel.set()
        outcome, message, _ = _told(trial)
        return "" if reached else f"{outcome} {message}"

    def _begin(self, phase: str, cancelled: Callable[[], bool]) -> Future[Any]:
        """Begin a trial and return when it has come to a phase, or ended.

        One that finds no grasp or no way to one is begun again: no two views have the same noise.
        """
        for _ in range(TRIES):
            trial = self._come_to(phase, cancelled)
            if not trial.done() or _told(trial)[0] not in UNLUCKY:
                break
        return trial

    def _come_to(self, phase: str, cancelled: Callable[[], bool]) -> Future[Any]:
        stages: list[str] = []
        self._session.spawn(OBJECT, SEED)
        trial = self._pool.submit(
            self._session.run_trial, OBJECT, SEED, stages.append, cancelled=cancelled
        )
        wait_until(
            lambda: trial.done() or phase in stages,
            what=f"{phase} (came to {stages})",
            timeout=PHASE_PATIENCE,
            period=0.01,
        )
        return trial

    def _break(self, case: Case, cancel: Event) -> None:
        if case.fault in OF_PROCESSES:
            os.killpg(self._nodes.processes[case.process].pid, SIGNALS[case.fault])
        elif case.fault is Fault.SILENCE:
            self._witness.pause(True)
        elif case.fault is Fault.JUMP:
            self._witness.trigger(RESET)
        elif case.fault is Fault.HALT:
            self._witness.trigger("/ddg/stop")
        else:
            cancel.set()

    def _mend(self, case: Case) -> None:
        if case.fault is Fault.KILL:
            if case.process in HOLDERS:
                self._witness.forget_goals()
            self._nodes.restart(case.process)
        elif case.fault is Fault.FREEZE:
            os.killpg(self._nodes.processes[case.process].pid, signal.SIGCONT)
        elif case.fault is Fault.SILENCE:
            self._witness.pause(False)
        elif case.fault is Fault.HALT:
            self._witness.trigger("/ddg/reset_stop")

    def _look(self, case: Case, outcome: str, record: str) -> list[str]:
        """What is wrong after a fault, before anything is mended."""
        wrong = []
        if outcome not in allowed(case):
            wrong.append(f"ended as {outcome}")
        if case.process != "trial" and not (record and Path(record).is_file()):
            wrong.append("no record")
        elif case.put_back and record and not read_record(Path(record)).judged_as:
            wrong.append("nobody said whether it was held")
        if case.process != "trial" and list(self._out.glob(".*")):
            wrong.append("something half written")
        if case.process not in HOLDERS and case.fault is not Fault.SILENCE:
            wrong += [f"{name} has a goal left" for name in self._witness.going_on()]
        return wrong


def _told(trial: Future[Any]) -> tuple[str, str, str]:
    """Outcome, message and record of a trial."""
    try:
        result = trial.result(END_PATIENCE)
    except DdgError as error:
        return str(error.outcome), str(error), ""
    except TimeoutError:
        return str(Outcome.TIMEOUT), f"hangs for {END_PATIENCE:g} s", ""
    return result.outcome.code, result.outcome.message, result.record
