"""`ddg eval recorded`: judge the grasps of a data set, of which is known what became of them."""

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ddg_cli.evaluate.calibration import least_probability, text, truth
from ddg_cli.evaluate.names import EVALUATORS, check
from ddg_cli.report import Report
from ddg_core.errors import BadInput

if TYPE_CHECKING:
    from ddg_core.arrays import Array
    from ddg_sim.dataset.store import Dataset

RANDOM = "near_surface"  # kind of the grasps that no planner proposes


Judge = Callable[[Mapping[str, Any]], "Array | None"]  # row to values of its grasps, if it is seen


@dataclass(frozen=True, eq=False)
class Ranked:
    """The planned grasps of one scene, best first, and what became of each.

    Attributes:
        seed: Of the scene.
        object: Name or path.
        kinds: Types of the grasps.
        values: What they are ranked by: predicted success, or log likelihood, shape (N,).
        outcomes: What became of them.
    """

    seed: int
    object: str
    kinds: list[str]
    values: "Array"
    outcomes: list[str]


def recorded(args: argparse.Namespace) -> Report:
    """Rank each scene's grasps and look up how the first ended."""
    from ddg_sim.dataset.store import Dataset
    from ddg_sim.rollout.evaluate import Tried, summary, write

    check("evaluator", args.evaluator, EVALUATORS)
    data, judged = Dataset(args.data), args.evaluator != "none"
    scenes = list(ranked(data, judge_of(data, args.evaluator, args.weights)))
    if not scenes:
        raise BadInput(f"{args.data}: holds no planned grasps")
    tried = [
        Tried(
            seed=scene.seed,
            object=scene.object,
            outcome=scene.outcomes[0],
            kind=scene.kinds[0],
            candidates=len(scene.kinds),
            any_holds="HELD" in scene.outcomes,
            six_directions=None,
            plan_s=0.0,
            p_success=float(scene.values[0]) if judged else None,
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
        "all_grasps": _all(scenes, judged),
        "evaluator": args.evaluator,
    }
    return Report(answer, _text(answer))


def ranked(data: "Dataset", judge: Judge) -> Iterator[Ranked]:
    """All scenes with planned grasps, sorted by what the judge says of them."""
    import numpy as np

    from ddg_cli.countdown import Countdown

    total, shown = len(data.seeds()), Countdown("recorded")
    for done, row in enumerate(data.rows(), start=1):
        shown.show(done, total)
        grasps = row["grasps"]
        planned = [i for i, grasp in enumerate(grasps) if grasp["kind"] != RANDOM]
        values = judge(row) if planned else None
        if values is None:
            continue
        order = [planned[i] for i in np.argsort(-values[planned], kind="stable")]
        kinds, outcomes = ([grasps[i][key] for i in order] for key in ("kind", "outcome"))
        yield Ranked(row["seed"], row["object"], kinds, values[order], outcomes)


def judge_of(data: "Dataset", evaluator: str, weights: str) -> Judge:
    """The judge of that name for rows of a data set."""
    import numpy as np

    from ddg_cli.seen import Seen
    from ddg_core.description import load_hand
    from ddg_planning.evaluate.evaluator import Evaluator, load_evaluator

    if evaluator == "none":
        return lambda row: np.array([grasp["log_likelihood"] for grasp in row["grasps"]])
    found: Any = load_evaluator(evaluator, load_hand(data.header.settings.hand), weights)
    seen = Seen(data)

    def by_features(row: Mapping[str, Any]) -> "Array | None":
        scene = seen.features(dict(row))
        return None if scene is None else found.judge_features(scene.features)[0]

    def by_view(row: Mapping[str, Any]) -> "Array | None":
        there = seen.view(dict(row))
        return None if there is None else found.judge(there[1], there[0].grasps)[0]

    return by_features if isinstance(found, Evaluator) else by_view


def _all(scenes: list[Ranked], judged: bool) -> dict[str, Any]:
    """Order and truth over all planned grasps."""
    import numpy as np

    from ddg_planning.evaluate.calibration import average_precision, calibration_error, roc_auc

    held = np.array([outcome == "HELD" for scene in scenes for outcome in scene.outcomes])
    values = np.concatenate([scene.values for scene in scenes])
    return {
        "grasps": len(values),
        "held": float(held.mean()),
        "auc": roc_auc(values, held),
        "average_precision": average_precision(values, held),
        "ece": calibration_error(values, held) if judged else None,
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
