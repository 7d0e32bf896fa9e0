"""One trial: look, plan, grasp, judge. The same function runs over ROS and in one process."""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from ddg_core.errors import DdgError, Failed
from ddg_core.outcome import Outcome
from ddg_core.ports import Execution

View = TypeVar("View")
AGrasp = TypeVar("AGrasp")
Result = TypeVar("Result")
Timings = tuple[tuple[str, float], ...]

# The arm has not moved yet when execution ends so: the next grasp may have a way.
NO_WAY = frozenset({Outcome.NO_PATH, Outcome.NO_IK, Outcome.ALL_IN_COLLISION})

# The hold is over then: the judge knows whether the object was held, whatever comes after.
PUT_BACK = frozenset({"place", "release", "home"})


@dataclass(frozen=True)
class TrialSettings:
    """How persistent a trial is.

    Attributes:
        tries: Grasps to try for a path, best first, before giving up with NO_PATH.
    """

    tries: int = 5

    def __post_init__(self) -> None:
        """Refuse what cannot be done."""
        if self.tries < 1:
            raise ValueError(f"tries must be at least 1, got {self.tries}")


@dataclass(frozen=True)
class Verdict:
    """What the judge says of a lift.

    Attributes:
        outcome: HELD, SLIPPED, DROPPED or NOT_HELD.
        message: One sentence for people.
        numbers: What the judge looked at, by name.
        source: Who judged.
    """

    outcome: Outcome
    message: str
    numbers: dict[str, float] = field(default_factory=dict)
    source: str = ""


@dataclass(frozen=True)
class TrialPorts(Generic[View, AGrasp]):
    """What a trial is given. Views and grasps are handed on unopened: values or messages.

    Attributes:
        capture: Look once; returns the view and the time per step of it. May raise a DdgError.
        plan: Grasps for a view, best first, and the time per step. May raise a DdgError.
        execute: Do a grasp and lift; says NO_PATH or NO_IK if the arm had no way and stood still.
        judge: Say what became of the object; asked only after an execution that came through the
            hold. May raise a DdgError.
    """

    capture: Callable[[], tuple[View, Timings]]
    plan: Callable[[View], tuple[Sequence[AGrasp], Timings]]
    execute: Callable[[AGrasp, View], Execution]
    judge: Callable[[], Verdict]


@dataclass(frozen=True)
class TrialReport(Generic[View, AGrasp]):
    """How a trial went.

    Attributes:
        outcome: What the judge said if the object was put back to the end, else how that ended.
        message: One sentence for people.
        timings_s: Wall time per stage in [s], in the order of work; steps of a stage are named
            "plan/generate" and are contained in the time of "plan".
        view: What was seen; None if nothing was.
        grasp: The grasp that was executed, or begun; None if none was.
        candidates: How many grasps the planner returned.
        tried: How many of them were tried for a path.
        verdict: What the judge said; None if it was not asked.
    """

    outcome: Outcome
    message: str
    timings_s: Timings
    view: View | None = None
    grasp: AGrasp | None = None
    candidates: int = 0
    tried: int = 0
    verdict: Verdict | None = None


@dataclass
class _Trial(Generic[View, AGrasp]):
    """A trial under way; what is known when it ends goes into the report."""

    ports: TrialPorts[View, AGrasp]
    settings: TrialSettings
    announce: Callable[[str], None]
    cancelled: Callable[[], bool]
    timings: list[tuple[str, float]] = field(default_factory=list)
    view: View | None = None
    grasp: AGrasp | None = None
    candidates: int = 0
    tried: int = 0
    verdict: Verdict | None = None

    def run(self) -> tuple[Outcome, str]:
        """Return how it ended; a DdgError of a stage ends it with that error's outcome."""
        view = self.view = self._stage("capture", self.ports.capture)
        grasps = self._stage("plan", lambda: self.ports.plan(view))
        self.candidates = len(grasps)
        if not grasps:
            return Outcome.NO_CANDIDATE, "the planner proposed no grasp"
        execution = self._stage("execute", lambda: self._execute(grasps, view))
        if execution.outcome == Outcome.OK:
            self._check("judge")
            verdict = self._judge()
            return verdict.outcome, verdict.message
        if execution.phase not in PUT_BACK:
            return execution.outcome, execution.message
        said = ""
        with contextlib.suppress(DdgError):
            said = f"; the judge had said {self._judge().outcome}"
        return execution.outcome, execution.message + said

    def _judge(self) -> Verdict:
        """Ask what became of the object, also where the trial ends otherwise."""
        verdict = self.verdict = self._timed("judge", lambda: (self.ports.judge(), ()))
        return verdict

    def _execute(self, grasps: Sequence[AGrasp], view: View) -> tuple[Execution, Timings]:
        """Try the grasps in their order until the arm has a way to one; that one is done."""
        steps: dict[str, float] = {}
        execution = Execution(Outcome.NO_PATH, "no grasp was tried", "approach")
        for grasp in grasps[: self.settings.tries]:
            self._check("execute")
            self.tried += 1
            execution = self.ports.execute(grasp, view)
            for step, seconds in execution.timings_s:  # all tries together
                steps[step] = steps.get(step, 0.0) + seconds
            if execution.outcome not in NO_WAY:
                self.grasp = grasp
                return execution, tuple(steps.items())
        message = f"no way to any of {self.tried} grasps; the last: {execution.message}"
        return replace(execution, message=message), tuple(steps.items())

    def _check(self, stage: str) -> None:
        if self.cancelled():
            raise Failed(Outcome.CANCELLED, f"cancelled before {stage}")

    def _stage(self, stage: str, work: Callable[[], tuple[Result, Timings]]) -> Result:
        """Do the work of a stage, unless somebody cancelled."""
        self._check(stage)
        return self._timed(stage, work)

    def _timed(self, stage: str, work: Callable[[], tuple[Result, Timings]]) -> Result:
        """Do the work of a stage and note how long it and its steps took, also if it fails."""
        self.announce(stage)
        began = time.monotonic()
        steps: Timings = ()
        try:
            result, steps = work()
        finally:
            self.timings.append((stage, time.monotonic() - began))
            self.timings.extend((f"{stage}/{step}", seconds) for step, seconds in steps)
        return result


def run_trial(
    ports: TrialPorts[View, AGrasp],
    settings: TrialSettings,
    *,
    announce: Callable[[str], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> TrialReport[View, AGrasp]:
    """Capture, plan, execute the best grasp that has a path, judge.

    Args:
        ports: The four things that a trial is given.
        settings: How persistent it is.
        announce: Told each stage as it begins.
        cancelled: Asked before each stage; ends the trial with CANCELLED.

    Returns:
        The report. What the world gets wrong is an outcome in it, not an exception.
    """
    trial = _Trial(ports, settings, announce, cancelled)
    try:
        outcome, message = trial.run()
    except DdgError as error:
        outcome, message = error.outcome, str(error)
    return TrialReport(
        outcome,
        message,
        tuple(trial.timings),
        trial.view,
        trial.grasp,
        trial.candidates,
        trial.tried,
        trial.verdict,
    )
