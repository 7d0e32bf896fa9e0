"""`ddg train holding`: what played grasps teach about the verdicts of a network of two jaws."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddg_cli.jaw_learning import jaws_of, views_of
from ddg_cli.report import Report
from ddg_core.errors import BadInput, DdgError

if TYPE_CHECKING:
    from ddg_core.arrays import Array, BoolArray
    from ddg_planning.parallel_jaw.holding import Played
    from ddg_planning.parallel_jaw.jaws import Jaws
    from ddg_planning.parallel_jaw.score import Scorer
    from ddg_sim.dataset.store import Dataset


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare what it takes."""
    parser.add_argument("--judge", type=Path, required=True, help="weights of the network")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="played grasps")
    parser.add_argument("--share", type=float, default=0.2, help="of the objects, held out")
    parser.add_argument("--out", type=Path, help="the weights (default: beside the network's)")
    parser.add_argument("--seed", type=int, default=0, help="of starts and order")


def train(args: argparse.Namespace) -> Report:
    """Learn on most objects, measure on the others, write weights."""
    from ddg_planning.parallel_jaw import holding
    from ddg_planning.parallel_jaw.examples import named_out
    from ddg_planning.parallel_jaw.score import Scorer
    from ddg_sim.dataset.store import Dataset

    if not 0.0 < args.share < 1.0 or args.seed < 0:
        raise BadInput("train holding: --share must be in (0, 1), --seed at least 0")
    sets = [Dataset(folder) for folder in args.data]
    jaws = jaws_of(sets)
    judge = Scorer(args.judge, jaws, played=False)
    played = _played(sets, jaws, judge)
    out = named_out(played.object, args.share)
    settings = holding.HoldingSettings(seed=args.seed)
    model = holding.train(played.at(~out), settings)
    metrics = _worth(model, played, out)
    data = {
        "sets": [one.content() for one in sets],
        "grasps": int((~out).sum()),
        "objects": len(set(played.object[~out].tolist())),
    }
    path = args.out or holding.beside(args.judge)
    digest = holding.write(path, model, judge.id, settings, data=data, metrics=metrics)
    answer = {"weights": path, "sha256": digest, **data, "metrics": metrics}
    return Report(answer, "\n".join(f"{name:<18} {value}" for name, value in answer.items()))


def _played(sets: Sequence["Dataset"], jaws: "Jaws", judge: "Scorer") -> "Played":
    """Every grasp as each view of it shows it."""
    import numpy as np

    from ddg_planning.parallel_jaw.holding import Played
    from ddg_planning.parallel_jaw.image_grasp import to_image
    from ddg_planning.parallel_jaw.policy import DexnetSettings
    from ddg_planning.parallel_jaw.prepare import PrepareSettings, prepare
    from ddg_planning.parallel_jaw.robust import UP
    from ddg_planning.parallel_jaw.whole import Whole

    fine, coarse = DexnetSettings().prepare, PrepareSettings(focal=judge.card.focal)
    columns: list[tuple[Any, ...]] = []
    for data, record, i, lines in views_of(sets, jaws):
        image, mask = record.views[i].image, record.views[i].mask
        try:
            whole = Whole.of(prepare(image, mask, fine), UP, record.support_height)
            view = prepare(image, mask, coarse)
        except DdgError:  # too little of the object is in view to plan on it either
            continue
        n = len(record.grasps)
        verdict = judge(view, to_image(*lines, np.zeros(n), view.scaled))
        good = [result.held for result in record.results]
        names = np.full(n, f"{data.folder.name} {record.seed} {i}"), np.full(n, record.object)
        columns.append((verdict, whole.features(*lines), good, *names))
    if not columns:
        raise BadInput("there are no grasps to learn from")
    return Played(*(np.concatenate(column) for column in zip(*columns, strict=True)))


def _worth(model: Any, played: "Played", out: "BoolArray") -> dict[str, Any]:
    """What it says of the held-out grasps, and what the bare verdict says of them."""
    import numpy as np

    from ddg_planning.evaluate.calibration import calibration_error, first_of_each
    from ddg_planning.parallel_jaw.train import measure

    there = played.at(out)
    _, images = np.unique(there.image, return_inverse=True)

    def told(p: "Array") -> dict[str, Any]:
        first = first_of_each(p, images)
        return {
            **measure(p, there.good),
            "calibration_error": calibration_error(p, there.good),
            "first_held": float(there.good[first].mean()),
        }

    return {
        **told(model.probability(there.verdict, there.features)),
        "verdict_alone": told(there.verdict),
    }
