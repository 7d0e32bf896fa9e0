"""What the planner needs to know; the file is `config/planning.yaml`. Loads no model."""

from dataclasses import dataclass, field, replace
from typing import Literal

from ddg_planning.evaluate.refine_settings import RefineSettings
from ddg_planning.plan import PlanSettings


@dataclass(frozen=True)
class ServiceSettings:
    """How the planning nodes wait for others.

    Attributes:
        capture_timeout, generate_timeout, rank_timeout, reach_timeout: Longest wait for an
            answer, in [s].
    """

    capture_timeout: float = 10.0
    generate_timeout: float = 30.0
    rank_timeout: float = 30.0
    reach_timeout: float = 20.0

    def __post_init__(self) -> None:
        """Refuse not to wait."""
        timeouts = (self.capture_timeout, self.generate_timeout, self.rank_timeout)
        if min(*timeouts, self.reach_timeout) <= 0.0:
            raise ValueError("timeouts must be positive")


@dataclass(frozen=True)
class HandPlanning:
    """What is planned with for one hand.

    Attributes:
        generator, evaluator, weights: As in `PlanningSettings`.
        refine: As in `PlanningSettings`.
        least_probability: As in `PlanSettings`.
    """

    generator: Literal["gm1", "dexnet"]
    evaluator: str = "none"
    weights: str = ""
    refine: str = "none"
    least_probability: float = 0.0


@dataclass(frozen=True)
class PlanningSettings:
    """From candidates to an answer, and how to wait for others.

    Attributes:
        plan: From candidates to an answer.
        services: How the nodes wait for others.
        generator: "gm1", or "dexnet" for a two-finger gripper.
        evaluator: Name of the evaluative model; "none" ranks by likelihood.
        weights: File of its weights; empty takes those that come with the package.
        refine: How the planner has the best grasps moved to where the model likes them better:
            "none", "ga" (gradient ascent) or "sa" (annealing); these follow em-s.
        refinement: How far and how long.
        hands: What differs for hands by name.
        threads: Threads that the ranking node computes with; more only pays on an idle machine.
    """

    plan: PlanSettings = field(default_factory=PlanSettings)
    services: ServiceSettings = field(default_factory=ServiceSettings)
    generator: Literal["gm1", "dexnet"] = "gm1"
    evaluator: str = "none"
    weights: str = ""
    refine: str = "none"
    refinement: RefineSettings = field(default_factory=RefineSettings)
    hands: dict[str, HandPlanning] = field(default_factory=dict)
    threads: int = 1

    def __post_init__(self) -> None:
        """Refuse to compute with nothing."""
        if self.threads < 1:
            raise ValueError(f"threads must be positive, got {self.threads}")

    def of(self, hand: str) -> "PlanningSettings":
        """What is planned with for the hand of that name."""
        if hand not in self.hands:
            return self
        its = self.hands[hand]
        plan = replace(self.plan, least_probability=its.least_probability)
        asked = {k: getattr(its, k) for k in ("generator", "evaluator", "weights", "refine")}
        return replace(self, plan=plan, **asked)
