"""From a view to ranked, collision-checked, reachable grasps: who is asked what, in which order."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from ddg_core.errors import Failed
from ddg_core.grasp import Grasp
from ddg_core.outcome import Outcome
from ddg_core.ports import CheckReach, Rank
from ddg_core.view import ObjectView


@dataclass(frozen=True)
class ScoreSettings:
    """What the final score is made of; it is a sum.

    Attributes:
        likelihood: Weight of the generative score (`Grasp.log_likelihood`).
        probability: Weight of the log odds of the predicted success, where there is one; the
            likelihood then does not count.
        clearance: Weight of the clearance as a share of `clear` (at most 1).
        clear: Clearance that is as good as any larger, in [m].
        reach: Weight of the arm's margin as a share of `margin` (at most 1).
        margin: Margin to the joint limits that is as good as any larger, in [0, 1].
    """

    likelihood: float = 1.0
    probability: float = 1.0
    clearance: float = 0.5
    clear: float = 0.02
    reach: float = 0.5
    margin: float = 0.15

    def __post_init__(self) -> None:
        """Refuse scales of nothing."""
        if self.clear <= 0.0 or self.margin <= 0.0:
            raise ValueError("clear and margin must be positive")


@dataclass(frozen=True)
class PlanSettings:
    """How a plan is made.

    Attributes:
        candidates: Grasps asked of the generator.
        max_grasps: Grasps in the answer, unless the request says otherwise.
        least_probability: Predicted success of the first grasp below which the plan abstains;
            `ddg eval calibration --precision` finds it.
        lift: How far the executor will lift the object, in [m]: the arm must reach that too.
        score: What the final score is made of.
    """

    candidates: int = 200
    max_grasps: int = 20
    least_probability: float = 0.0
    lift: float = 0.2
    score: ScoreSettings = field(default_factory=ScoreSettings)

    def __post_init__(self) -> None:
        """Refuse a plan for nothing."""
        if self.candidates < 1 or self.max_grasps < 1:
            raise ValueError("candidates and max_grasps must be positive")


class Propose(Protocol):
    """The generator, wherever it runs."""

    def __call__(self, view: ObjectView, *, n: int) -> list[Grasp]:
        """Return up to `n` grasps, the likeliest first."""


@dataclass
class Stopwatch:
    """Wall time per stage; a stage ends when the next begins."""

    stages: list[tuple[str, float]] = field(default_factory=list)
    _name: str = ""
    _since: float = 0.0

    def begin(self, name: str) -> None:
        """End the stage at work, if any, and begin the next."""
        now = time.perf_counter()
        if self._name:
            self.stages.append((self._name, now - self._since))
        self._name, self._since = name, now

    def end(self) -> tuple[tuple[str, float], ...]:
        """End the last stage; return (stage, seconds) in the order of work."""
        self.begin("")
        return tuple(self.stages)


Progress = Callable[[str, float, int], None]  # stage, share of the whole, grasps in the race


def plan(
    view: ObjectView,
    propose: Propose,
    rank: Rank,
    check_reach: CheckReach | None,
    settings: PlanSettings,
    progress: Progress,
) -> list[Grasp]:
    """Plan grasps on a view, best first.

    Args:
        view: The object.
        propose: Generative model; it leaves out what collides.
        rank: Evaluative model, or likelihood; it may add what it made of the best.
        check_reach: The arm; None leaves reach out of account.
        settings: Numbers.
        progress: Told as each stage begins; an exception from it cancels.

    Raises:
        Failed: NO_CANDIDATE, NO_IK or LOW_CONFIDENCE, and what the ports raise.
    """
    progress("generate", 0.1, 0)
    grasps = propose(view, n=settings.candidates)
    if not grasps:
        raise Failed(Outcome.NO_CANDIDATE, "no taught grasp type finds a hold on the object")
    progress("rank", 0.3, len(grasps))
    grasps = rank(view, grasps)
    if check_reach is not None:
        progress("reach", 0.6, len(grasps))
        grasps = reachable(grasps, check_reach, settings.lift)
    grasps = sorted((scored(g, settings.score) for g in grasps), key=lambda grasp: -grasp.score)
    first = grasps[0].p_success
    if first is not None and first < settings.least_probability:
        raise Failed(
            Outcome.LOW_CONFIDENCE,
            f"the best grasp is given {first:.0%}, below {settings.least_probability:.0%}",
        )
    progress("done", 1.0, len(grasps))
    return grasps


def reachable(grasps: Sequence[Grasp], check_reach: CheckReach, lift: float) -> list[Grasp]:
    """Grasps of which the arm goes to pre-grasp, grasp and the lift's end, margins in [0, 1].

    Raises:
        Failed: NO_IK if it reaches none.
    """
    ways = np.stack([grasp.T_base_wrist[[0, -2, -2]] for grasp in grasps])  # (N, 3, 4, 4)
    ways[:, 2, 2, 3] += lift
    reach = check_reach(ways, np.stack([grasp.joints[0] for grasp in grasps]))
    within = np.flatnonzero(reach.reachable).tolist()
    found = [replace(grasps[i], reachability=float(reach.margin[i])) for i in within]
    if not found:
        raise Failed(Outcome.NO_IK, f"the arm reaches none of {len(grasps)} grasps")
    return found


def scored(grasp: Grasp, s: ScoreSettings) -> Grasp:
    """The grasp with its final score."""
    if grasp.p_success is None:
        score = s.likelihood * grasp.log_likelihood
    else:
        p = float(np.clip(grasp.p_success, 1e-6, 1.0 - 1e-6))
        score = s.probability * float(np.log(p / (1.0 - p)))
    if grasp.clearance is not None:
        score += s.clearance * min(grasp.clearance / s.clear, 1.0)
    if grasp.reachability is not None:
        score += s.reach * min(grasp.reachability / s.margin, 1.0)
    return replace(grasp, score=score)


def by_likelihood(view: ObjectView, grasps: Sequence[Grasp]) -> list[Grasp]:
    """Rank by the generative likelihood alone: the judge until an evaluative model exists."""
    del view
    ranked = [replace(grasp, score=grasp.log_likelihood) for grasp in grasps]
    return sorted(ranked, key=lambda grasp: -grasp.score)
