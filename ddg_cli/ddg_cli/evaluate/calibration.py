"""`ddg eval calibration`: whether predictions of tried grasps are true, and where to abstain."""

import argparse
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddg_cli.report import Report
from ddg_core.errors import BadInput

if TYPE_CHECKING:
    from ddg_sim.rollout.evaluate import Tried

_LEAST = re.compile(r"^(  least_probability: )[0-9.]+", re.MULTILINE)


def calibration(args: argparse.Namespace) -> Report:
    """Measure, find the threshold if a precision is asked for, write it and draw if asked to."""
    from ddg_core.description import config_folder
    from ddg_sim.rollout.evaluate import read

    if args.precision is not None and not 0.0 < args.precision < 1.0:
        raise BadInput(f"eval calibration: --precision must be in (0, 1), got {args.precision}")
    if args.write and args.precision is None:
        raise BadInput("eval calibration: --write needs --precision")
    tried = [one for file in args.files for one in read(file)]
    if not any(_judged(one) for one in tried):
        raise BadInput("eval calibration: nobody judged these grasps; --evaluator was none")
    least = least_probability() if args.precision is None else _found(tried, args.precision)
    answer = {**truth(tried, least), "precision_asked": args.precision}
    if args.write:
        write_least(config_folder() / "planning.yaml", least)
    if args.plot:
        draw(answer, args.plot)
    return Report(answer, text(answer))


def least_probability() -> float:
    """The planner's threshold (`config/planning.yaml`)."""
    from ddg_core.description import config_folder
    from ddg_core.settings import load
    from ddg_planning.settings import PlanningSettings

    return load(config_folder() / "planning.yaml", PlanningSettings).plan.least_probability


def truth(tried: "Sequence[Tried]", least: float) -> dict[str, Any]:
    """How true the predictions of executed grasps are, and what abstaining below `least` leaves.

    All are None where nobody judged.
    """
    import numpy as np

    from ddg_core.statistics import wilson
    from ddg_planning.evaluate.calibration import calibration_error, reliability, roc_auc

    judged = [one for one in tried if _judged(one)]
    if not judged:
        return {"ece": None, "auc": None, "reliability": None, "abstention": None}
    p = np.array([one.p_success for one in judged], dtype=np.float64)
    held = np.array([one.held for one in judged])
    kept = p >= least
    n, wins = int(kept.sum()), int(held[kept].sum())
    return {
        "judged": len(judged),
        "judged_held": float(held.mean()),
        "judged_predicted": float(p.mean()),
        "auc": roc_auc(p, held),
        "ece": calibration_error(p, held),
        "reliability": reliability(p, held),
        "abstention": {
            "least_probability": least,
            "kept": n,
            "kept_held": wins,
            "abstained": len(judged) - n,
            "abstained_would_have_held": int(held.sum()) - wins,
            "precision": wins / n if n else None,
            "wilson95": wilson(wins, n),
        },
    }


def write_least(path: Path, least: float) -> None:
    """Replace the threshold in a planner's settings file; BadInput if it has no such line."""
    down = math.floor(least * 1000.0) / 1000.0
    changed, count = _LEAST.subn(rf"\g<1>{down:.3f}", path.read_text(encoding="utf-8"))
    if count != 1:
        raise BadInput(f"{path}: has {count} lines 'least_probability: NUMBER', needs one")
    path.write_text(changed, encoding="utf-8")


def draw(answer: dict[str, Any], path: Path) -> None:
    """Draw predictions against shares that held, with 95 % intervals, and how many there are."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from ddg_core.statistics import wilson

    rows = answer["reliability"]
    said, was, counts = ([row[k] for row in rows] for k in range(3))
    spans = [wilson(round(share * n), n) for share, n in zip(was, counts, strict=True)]
    below = [max(share - low, 0.0) for share, (low, _) in zip(was, spans, strict=True)]
    above = [max(high - share, 0.0) for share, (_, high) in zip(was, spans, strict=True)]
    figure = Figure(figsize=(5.0, 5.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="0.7", linestyle="--", label="true")
    axes.errorbar(said, was, [below, above], marker="o", capsize=3, label="grasps tried")
    axes.axvline(answer["abstention"]["least_probability"], color="C3", label="abstains below")
    for x, y, n in zip(said, was, counts, strict=True):
        axes.annotate(str(n), (x, y), textcoords="offset points", xytext=(6, -10), fontsize=8)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="predicted", ylabel="share that held")
    axes.set_title(f"expected calibration error {answer['ece']:.3f}, n = {answer['judged']}")
    axes.legend(loc="upper left")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)


def text(answer: dict[str, Any]) -> str:
    """The figures for people."""
    kept = answer["abstention"]
    low, high = kept["wilson95"]
    precision = "-" if kept["precision"] is None else f"{kept['precision']:.1%}"
    return "\n".join(
        [
            f"{answer['judged']} grasps tried: {answer['judged_held']:.1%} held, "
            f"{answer['judged_predicted']:.1%} predicted",
            f"expected calibration error {answer['ece']:.3f}, AUC {answer['auc']:.3f}",
            f"abstains below {kept['least_probability']:.3f}: {kept['kept']} are left, of which "
            f"{kept['kept_held']} held: {precision} ({low:.1%} to {high:.1%});",
            f"  of the {kept['abstained']} others {kept['abstained_would_have_held']} would have "
            "held",
            "predicted  held   grasps",
            *(f"{said:9.3f} {was:6.3f} {n:6}" for said, was, n in answer["reliability"]),
        ]
    )


def _judged(one: "Tried") -> bool:
    return one.p_success is not None


def _found(tried: "Sequence[Tried]", precision: float) -> float:
    import numpy as np

    from ddg_planning.evaluate.calibration import threshold

    judged = [one for one in tried if _judged(one)]
    p = np.array([one.p_success for one in judged], dtype=np.float64)
    held, objects = np.array([one.held for one in judged]), [one.object for one in judged]
    least = threshold(p, held, objects, precision, rng=np.random.default_rng(0))
    if least is None:
        raise BadInput(
            f"eval calibration: no threshold keeps {precision:.0%}; gather more, or less"
        )
    return least
