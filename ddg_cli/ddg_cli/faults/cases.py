"""What is broken when, and how a trial may end then: the fault matrix as data."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

import numpy as np

from ddg_core.outcome import Outcome
from ddg_core.trial import PUT_BACK

STILL_WITHIN = 0.5  # [s] from the fault until the arm must be still


class Fault(StrEnum):
    """What happens."""

    KILL = "kill"  # SIGKILL, then started anew
    FREEZE = "freeze"  # SIGSTOP, then SIGCONT
    SILENCE = "silence"  # the world stands still: neither clock nor joint states
    JUMP = "jump"  # the world begins anew: the clock jumps back
    HALT = "halt"  # software stop, then reset
    CANCEL = "cancel"  # by who sent the goal


OF_PROCESSES = (Fault.KILL, Fault.FREEZE)
OF_THE_WORLD = (Fault.SILENCE, Fault.JUMP)

# Stages of a trial that are told when they begin, and how long after that the fault comes, in [s]:
# in the middle of it, while the arm moves if it does.
PHASES = {
    "capture": 0.0,
    "plan": 0.3,
    "execute/approach": 1.4,
    "execute/close": 0.3,
    "execute/squeeze": 0.2,
    "execute/lift": 0.4,
    "execute/hold": 0.3,
    "execute/place": 0.4,
    "execute/release": 0.8,
    "execute/home": 0.4,
}
EARLY = ("capture", "plan")  # the arm has not moved yet


@dataclass(frozen=True)
class Case:
    """One fault in one trial.

    Attributes:
        fault: What happens.
        phase: When: a stage of the trial.
        process: To which node; empty where it is to none.
        delay: How long after the phase began, in [s].
    """

    fault: Fault
    phase: str
    process: str = ""
    delay: float = 0.0

    @property
    def moving(self) -> bool:
        """Whether the arm may move when the fault comes, and only its controller moves it."""
        return self.phase not in EARLY and self.fault is not Fault.JUMP

    @property
    def put_back(self) -> bool:
        """Whether the hold is over when the fault comes."""
        return self.phase.removeprefix("execute/") in PUT_BACK

    def __str__(self) -> str:
        """Name it in one line."""
        return " ".join(word for word in (self.fault, self.process, f"in {self.phase}") if word)


def matrix(
    processes: Iterable[str], phases: Iterable[str], faults: Iterable[Fault]
) -> Iterator[Case]:
    """Every process in every phase with every signal, then what concerns no process."""
    phases, faults = list(phases), list(faults)
    for process, fault in product(processes, [f for f in faults if f in OF_PROCESSES]):
        for phase in phases:
            yield Case(fault, phase, process, PHASES[phase])
    for fault in [f for f in faults if f not in (*OF_PROCESSES, Fault.CANCEL)]:
        for phase in phases:
            yield Case(fault, phase, delay=PHASES[phase])


def cancels(count: int, *, rng: np.random.Generator) -> Iterator[Case]:
    """Cancels in random phases, each at a random moment of its first second."""
    for phase in rng.choice(list(PHASES), size=count):
        yield Case(Fault.CANCEL, str(phase), delay=float(rng.uniform(0.0, 1.0)))


def allowed(case: Case) -> frozenset[Outcome]:
    """How the trial may end."""
    if case.fault is Fault.CANCEL:
        return frozenset({Outcome.CANCELLED})
    if case.fault is Fault.HALT:
        return frozenset({Outcome.STOPPED})
    blind = {Outcome.NO_CLOUD, Outcome.STALE_DATA, Outcome.TIMEOUT, Outcome.UNKNOWN_FRAME}
    if case.fault is Fault.JUMP and case.phase in EARLY:  # what was seen still stands there
        blind |= {Outcome.HELD}
    if case.fault in OF_THE_WORLD or case.process == "twin":
        return frozenset({Outcome.CONTROLLER_ABORTED, Outcome.STOPPED} | blind)
    if case.process == "trial":
        return frozenset({Outcome.TIMEOUT, Outcome.STOPPED})
    return frozenset({Outcome.STOPPED} | (blind if case.phase in EARLY else {Outcome.TIMEOUT}))
