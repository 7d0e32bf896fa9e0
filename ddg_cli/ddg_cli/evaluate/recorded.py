"""`ddg eval recorded`: judge the grasps of a data set, of which is known what became of them."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ddg_cli.evaluate.calibration import least_probability, text, truth
from ddg_cli.evaluate.names import EVALUATORS, check
from ddg_cli.report import Report
from ddg_core.errors import BadInput, DdgError

if TYPE_CHECKING:
    from ddg_core.grasp import Grasp
    from ddg_sim.dataset.store import Dataset

RANDOM = "near_surface"  # kind of the grasps that no planner proposes


@dataclass(frozen=True, eq=False)
class Ranked:
    """The planned grasps of one scene, best first, and what became of each.

    Attributes:
        seed: Of the scene.
        object: Name or path.
        grasps: Ranked.
        outcomes: In the same order.
    """

    seed: int
    object: str
    grasps: "list[Grasp]"
    outcomes: list[str]


def recorded(args: argparse.Namespace) -> Report:
    """Rank each scene's grasps and look up how the first ended."""
    from ddg_sim.dataset.store import Dataset
    from ddg_sim.rollout.evaluate import Tried, summary, write

    check("evaluator", args.evaluator, EVALUATORS)
    scenes = list(ranked(Dataset(args.data), args.evaluator, args.weights))
    if not scenes:
        raise BadInput(f"{args.data}: holds no planned grasps")
    tried = [
        Tried(
            seed=scene.seed,
            object=scene.object,
            outcome=scene.outcomes[0],
            kind=scene.grasps[0].kind,
            candidates=len(scene.grasps),
            any_holds="HELD" in scene.outcomes,
            six_directions=None,
            plan_s=0.0,
            p_success=scene.grasps[0].p_success,
        )
        for scene in scenes
    ]
    if args.out:
        write(tried, args.out)
    figures = summary(tried)
    kept = ("n", "held", "rate", "wilson95", "bootstrap95", "oracle_rate", "outcomes", "by_object")
    answer = {
        **{key: figures[key] for key in kept},
        **truth(tried, least_probability()),
        "all_grasps": _all(scenes),
        "evaluator": args.evaluator,
    }
    return Report(answer, _text(answer))


def ranked(data: "Dataset", evaluator: str, weights: str) -> Iterator[Ranked]:
    """All scenes with planned grasps, seen and judged as when planning."""
    import numpy as np

    from ddg_cli.countdown import Countdown
    from ddg_core.description import config_folder, load_hand
    from ddg_core.settings import load
    from ddg_perception.perceive import PerceptionSettings, perceive
    from ddg_planning.evaluate.evaluator import load_evaluator
    from ddg_sim.dataset.codec import decode

    perception = load(config_folder() / "perception.yaml", PerceptionSettings)
    rollouts = data.header.settings
    rank = load_evaluator(evaluator, load_hand(rollouts.hand), weights)
    total, shown = len(data.seeds()), Countdown("recorded")
    for done, row in enumerate(data.rows(), start=1):
        shown.show(done, total)
        record = decode(row, hand=rollouts.hand, camera=rollouts.view.camera)
        ends = {
            _key(grasp): str(result.outcome)
            for grasp, result in zip(record.grasps, record.results, strict=True)
            if grasp.kind != RANDOM
        }
        planned = [grasp for grasp in record.grasps if grasp.kind != RANDOM]
        if not planned:
            continue
        try:
            rng = np.random.default_rng(record.seed)
            best = rank(perceive(record.views[0].image, perception, rng=rng), planned)
        except DdgError:  # nothing could be planned on this view either
            continue
        yield Ranked(record.seed, record.object, best, [ends[_key(grasp)] for grasp in best])


def _key(grasp: "Grasp") -> bytes:
    return grasp.T_base_wrist.tobytes() + grasp.joints.tobytes()


def _all(scenes: list[Ranked]) -> dict[str, Any]:
    """Order and truth over all planned grasps."""
    import numpy as np

    from ddg_planning.evaluate.calibration import average_precision, calibration_error, roc_auc

    grasps = [grasp for scene in scenes for grasp in scene.grasps]
    held = np.array([outcome == "HELD" for scene in scenes for outcome in scene.outcomes])
    judged = grasps[0].p_success is not None
    p = np.array([g.p_success if judged else g.log_likelihood for g in grasps], dtype=np.float64)
    return {
        "grasps": len(grasps),
        "held": float(held.mean()),
        "auc": roc_auc(p, held),
        "average_precision": average_precision(p, held),
        "ece": calibration_error(p, held) if judged else None,
    }


def _text(answer: dict[str, Any]) -> str:
    low, high = answer["wilson95"]
    every = answer["all_grasps"]
    lines = [
        f"the first of {answer['n']} scenes' planned grasps held {answer['held']} times: "
        f"{answer['rate']:.1%} ({low:.1%} to {high:.1%}); any of them {answer['oracle_rate']:.1%}",
        f"all {every['grasps']} planned grasps ({every['held']:.1%} held): AUC {every['auc']:.3f}, "
        f"average precision {every['average_precision']:.3f}"
        + ("" if every["ece"] is None else f", expected calibration error {every['ece']:.3f}"),
    ]
    return "\n".join(lines if answer["ece"] is None else [*lines, text(answer)])
