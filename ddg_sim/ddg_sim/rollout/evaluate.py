"""How often the best planned grasp holds: one honest trial per scene, none redrawn."""

import json
import pickle
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ddg_core.arrays import Array
from ddg_core.errors import BadInput, DdgError
from ddg_core.grasp import Grasp
from ddg_core.outcome import Outcome
from ddg_core.statistics import bootstrap_by_object, wilson
from ddg_core.transforms import apply
from ddg_sim.rollout.many import Cluster, for_seeds
from ddg_sim.rollout.rollout import Propose, RolloutSettings, open_scene
from ddg_sim.rollout.simulate import GraspSimulation
from ddg_sim.rollout.view import draw_view

PAPER_CANDIDATES = 10  # the paper counts scenes with at least so many candidates


@dataclass(frozen=True)
class EvaluationSettings:
    """What is measured.

    Attributes:
        rollout: Scenes, views, simulation.
        oracle: Also try the other candidates until one holds.
        six_directions: Also ask the second judge of the best grasp.
        tries: So many of the first grasps are tried; only the best one counts for the rate.
    """

    rollout: RolloutSettings
    oracle: bool = False
    six_directions: bool = True
    tries: int = 1


@dataclass(frozen=True)
class Tried:
    """One scene.

    Attributes:
        seed: Of the scene.
        object: Name or path.
        outcome: Of the best grasp, or why there was none.
        kind: Type of the best grasp; empty if there was none.
        candidates: How many grasps were planned.
        any_holds: One of the candidates holds; None if that was not asked.
        six_directions: Verdict of the second judge; None if it was not asked.
        plan_s: Time from image to ranked grasps, in [s].
        p_success: What the evaluator gave the best grasp; None if nobody judged.
        others: The same and the outcome of the further grasps that were tried, in their order.
        across: Least width of the object as it lies, seen from above, in [m].
    """

    seed: int
    object: str
    outcome: str
    kind: str
    candidates: int
    any_holds: bool | None
    six_directions: bool | None
    plan_s: float
    p_success: float | None = None
    others: tuple[tuple[float | None, str], ...] = ()
    across: float | None = None

    @property
    def held(self) -> bool:
        """The best grasp held."""
        return self.outcome == Outcome.HELD


def evaluate(
    settings: EvaluationSettings,
    make_plan: Callable[[], Propose],
    seeds: Sequence[int],
    cluster: Cluster,
) -> Iterator[Tried]:
    """Try the best planned grasp of each seed's scene, in the order in which they are done.

    Args:
        settings: What is measured.
        make_plan: Called once per process, picklable; makes a planner that answers best first.
        seeds: Scenes; the same seeds give the same scenes whatever plans.
        cluster: Where to work.
    """
    yield from for_seeds(_work, pickle.dumps((settings, make_plan)), seeds, cluster)


def try_scene(seed: int, plan: Propose, settings: EvaluationSettings) -> Tried:
    """Look at one scene, plan, and try the best grasp."""
    opened = open_scene(seed, settings.rollout)
    simulation = opened.simulation
    across = least_width(apply(simulation.T_base_object, opened.scene.placed.item.vertices))
    view = draw_view(simulation, opened.scene, settings.rollout.view, rng=opened.seen)
    grasps: Sequence[Grasp] = ()
    outcome, kind, second = str(Outcome.NO_CANDIDATE), "", None
    began = time.perf_counter()
    try:
        grasps = plan(view, opened.asked)
    except DdgError as error:
        outcome = str(error.outcome)
    seconds = time.perf_counter() - began
    if grasps:
        simulation.settings = replace(
            settings.rollout.simulation, six_directions=settings.six_directions
        )
        result = simulation.run(grasps[0])
        outcome, kind = str(result.outcome), grasps[0].kind
        second = bool(result.six_directions) if settings.six_directions else None
    any_holds = _any_holds(simulation, grasps, outcome, settings) if settings.oracle else None
    simulation.settings = settings.rollout.simulation
    others = tuple(
        (grasp.p_success, str(simulation.run(grasp).outcome))
        for grasp in grasps[1 : settings.tries]
    )
    p = grasps[0].p_success if grasps else None
    counts = (len(grasps), any_holds, second, seconds)
    return Tried(seed, opened.object, outcome, kind, *counts, p, others, across)


def least_width(points: Array) -> float:
    """Least width of points (N, 3) across the vertical, in [m], to one degree."""
    angles = np.deg2rad(np.arange(180))
    spans = np.ptp(points[:, :2] @ np.stack([np.cos(angles), np.sin(angles)]), axis=0)
    return float(spans.min())


def summary(tried: Sequence[Tried]) -> dict[str, Any]:
    """The figures of the evaluation protocol.

    `rate` counts every scene asked. `rate_paper` is over scenes with at least ten candidates of
    which one holds; it and `oracle_rate` need `EvaluationSettings.oracle`.
    """
    held = [t.held for t in tried]
    n, executed = len(tried), sum(bool(t.candidates) for t in tried)
    asked = bool(tried) and all(t.any_holds is not None for t in tried)
    any_holds = [bool(t.any_holds) for t in tried]
    paper = [t.held for t in tried if t.any_holds and t.candidates >= PAPER_CANDIDATES]
    names = [Path(t.object).name for t in tried]
    plans = [t.plan_s for t in tried]
    return {
        "n": n,
        "held": sum(held),
        "rate": sum(held) / n if n else None,
        "wilson95": wilson(sum(held), n),
        "bootstrap95": _by_object(held, names),
        "executed": executed,
        "abstained": n - executed,
        "rate_paper": float(np.mean(paper)) if asked and paper else None,
        "oracle_rate": sum(any_holds) / n if asked else None,
        "oracle_wilson95": wilson(sum(any_holds), n) if asked else None,
        "oracle_bootstrap95": _by_object(any_holds, names) if asked else None,
        "six_direction_rate": sum(bool(t.six_directions) for t in tried) / n if n else None,
        "outcomes": dict(Counter(t.outcome for t in tried)),
        "by_object": _count(names, held),
        "by_type": _count([t.kind for t in tried if t.kind], [t.held for t in tried if t.kind]),
        "plan_s_median": float(np.median(plans)) if plans else None,
    }


def write(tried: Sequence[Tried], path: Path) -> None:
    """Write one JSON line per scene, ordered by seed."""
    lines = [json.dumps(asdict(t)) for t in sorted(tried, key=lambda t: t.seed)]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from error


def read(path: Path) -> list[Tried]:
    """Read what `write` wrote.

    Raises:
        BadInput: No such file, or something else in it.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [_tried(**json.loads(line)) for line in lines]
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise BadInput(f"{path}: is no result of `ddg eval success` ({error})") from error


def _tried(others: Sequence[Sequence[Any]] = (), **rest: Any) -> Tried:
    return Tried(**rest, others=tuple((p, str(outcome)) for p, outcome in others))


@lru_cache(maxsize=1)
def _unpack(job: bytes) -> tuple[EvaluationSettings, Propose]:
    settings, make_plan = pickle.loads(job)
    return settings, make_plan()


def _work(job: bytes, seed: int) -> Tried:
    settings, plan = _unpack(job)
    return try_scene(seed, plan, settings)


def _any_holds(
    simulation: GraspSimulation, grasps: Sequence[Grasp], first: str, settings: EvaluationSettings
) -> bool:
    simulation.settings = settings.rollout.simulation
    return first == Outcome.HELD or any(simulation.run(grasp).held for grasp in grasps[1:])


def _by_object(held: Sequence[bool], names: Sequence[str]) -> tuple[float, float]:
    return bootstrap_by_object(held, names, rng=np.random.default_rng(0))


def _count(names: Sequence[str], held: Sequence[bool]) -> dict[str, dict[str, int]]:
    n, wins = Counter(names), Counter(n for n, h in zip(names, held, strict=True) if h)
    return {name: {"n": n[name], "held": wins[name]} for name in sorted(n)}
