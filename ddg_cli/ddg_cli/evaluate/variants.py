"""`ddg eval variants`: every trained combination on the same scenes, in one table."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddg_cli.evaluate import table
from ddg_cli.evaluate.names import EVALUATORS, REFINERS, check
from ddg_cli.evaluate.success import measured, rollout_of
from ddg_cli.report import Report
from ddg_core.errors import BadInput

if TYPE_CHECKING:
    from ddg_sim.rollout.evaluate import EvaluationSettings, Tried

MODELS = ("gm1", "gm2")  # generators whose grasps are ranked
FOLLOWED = ("em-s",)  # evaluators that refinement can follow


@dataclass(frozen=True)
class Variant:
    """One combination.

    Attributes:
        generator, evaluator, refine: Names.
        weights: File of the evaluator's weights; empty for those of the package.
        about: What the weights say of themselves.
    """

    generator: str
    evaluator: str
    refine: str
    weights: str = ""
    about: str = ""

    @property
    def name(self) -> str:
        """What stands in the table."""
        parts = [part for part in (self.evaluator, self.refine) if part != "none"]
        return "+".join([self.generator, *parts])


def variants(args: argparse.Namespace) -> Report:
    """Measure what is not measured yet, and make table, CSV and plot.

    What was measured lies in `--out`, one file per variant: an interrupted run goes on.
    """
    from ddg_sim.rollout.evaluate import EvaluationSettings
    from ddg_sim.rollout.many import Cluster

    if min(args.scenes, args.workers, args.candidates, args.tries) < 1 or args.seed < 0:
        raise BadInput("--scenes, --workers, --candidates, --tries must be positive, --seed 0")
    rollout = rollout_of(args.objects)
    chosen, left_out = combinations(
        rollout.hand, args.generators, args.evaluators, args.refine, args.weights
    )
    settings = EvaluationSettings(rollout, six_directions=False, tries=args.tries)
    seeds = range(args.seed, args.seed + args.scenes)
    cluster = Cluster(args.workers, args.ray_address)
    results = [_measured(v, settings, seeds, args.candidates, cluster, args.out) for v in chosen]
    rows = [
        {**asdict(v), "name": v.name, **table.figures(tried, results[0])}
        for v, tried in zip(chosen, results, strict=True)
    ]
    if args.csv:
        table.write_csv(rows, args.csv)
    if args.plot:
        table.draw(rows, args.plot)
    answer = {"objects": args.objects, "scenes": args.scenes, "rows": rows, "untrained": left_out}
    text = table.markdown(rows, left_out, args.csv, args.plot)
    return Report(answer, text, markdown=text)


def combinations(
    hand: str, generators: str, evaluators: str, refiners: str, weights: Sequence[str]
) -> tuple[list[Variant], list[str]]:
    """Variants in the order of the table, each generator alone first; and who has no weights.

    Args:
        hand: Name of the hand.
        generators: Names with commas between; the first one alone is what others are paired with.
        evaluators: The same.
        refiners: The same.
        weights: `NAME=FILE` each.

    Raises:
        BadInput: Weights of nobody, or that cannot be used.
    """
    files = dict(entry.partition("=")[::2] for entry in weights)
    asked = [name for name in evaluators.split(",") if name != "none"]
    for name in [*asked, *files]:
        check("evaluator", name, EVALUATORS)
    ways, makers = refiners.split(","), generators.split(",")
    for way in ways:
        check("refinement", way, REFINERS)
    for maker in makers:
        check("generator", maker, MODELS)
    told = {name: _about(name, hand, files.get(name, "")) for name in asked}
    found = []
    for maker in makers:
        found.append(Variant(maker, "none", "none"))
        found += [
            Variant(maker, name, way, files.get(name, ""), about)
            for name, about in told.items()
            if about is not None
            for way in (ways if name in FOLLOWED else ["none"])
        ]
    return found, [name for name, about in told.items() if about is None]


def _about(evaluator: str, hand: str, file: str) -> str | None:
    """What weights say of themselves; None if there are none."""
    from ddg_core.description import load_hand
    from ddg_planning.evaluate.evaluator import WEIGHTS, load_evaluator

    if not file and not (WEIGHTS / f"{evaluator}.safetensors").exists():
        return None
    return str(getattr(load_evaluator(evaluator, load_hand(hand), file), "about", ""))


def _measured(
    variant: Variant,
    settings: "EvaluationSettings",
    seeds: range,
    candidates: int,
    cluster: Any,
    out: Path,
) -> "list[Tried]":
    """Take what was measured of these scenes, or measure."""
    from ddg_cli.proposers import Asked, proposer
    from ddg_sim.rollout.evaluate import read, write

    file = out / f"{variant.name}.jsonl"
    if file.exists():
        tried = read(file)
        if [one.seed for one in tried] != list(seeds):
            raise BadInput(f"{file}: holds other scenes; take another --out")
        return tried
    asked = Asked(
        settings.rollout.hand, candidates, variant.evaluator, variant.weights, variant.refine
    )
    make_plan = partial(proposer(variant.generator), asked)
    tried = measured(settings, make_plan, seeds, cluster, variant.name)
    write(tried, file)
    return tried
