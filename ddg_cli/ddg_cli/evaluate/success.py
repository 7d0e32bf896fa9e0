"""`ddg eval success` and `compare`: one honest trial per scene, and pairs of such results."""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddg_cli.evaluate.calibration import least_probability, truth
from ddg_cli.evaluate.names import EVALUATORS, GENERATORS, JAWS, OBJECTS, REFINERS, check
from ddg_cli.report import Report
from ddg_core.errors import BadInput

if TYPE_CHECKING:
    from ddg_sim.rollout.evaluate import EvaluationSettings, Tried
    from ddg_sim.rollout.many import Cluster
    from ddg_sim.rollout.rollout import Propose, RolloutSettings


def success(args: argparse.Namespace) -> Report:
    """Try the best planned grasp of each scene.

    The planner's threshold is not applied: all are tried, and what abstaining would have left is
    told beside.
    """
    from ddg_cli.proposers import Asked, proposer
    from ddg_sim.rollout.evaluate import EvaluationSettings, summary, write
    from ddg_sim.rollout.many import Cluster

    _check_asked(args)
    rollout = rollout_of(args.objects)
    if args.generator in JAWS:
        rollout = for_jaws(rollout)
    settings = EvaluationSettings(rollout, oracle=args.oracle)
    make_plan = partial(
        proposer(args.generator),
        Asked(
            rollout.hand,
            args.candidates,
            args.evaluator,
            args.weights,
            args.refine,
            args.models,
            tuple(args.without),
        ),
    )
    seeds = range(args.seed, args.seed + args.scenes)
    tried = measured(settings, make_plan, seeds, Cluster(args.workers, args.ray_address), "eval")
    if args.out:
        write(tried, args.out)
    answer = {
        **summary(tried),
        **truth(tried, least_probability()),
        "objects": args.objects,
        "generator": args.generator,
        "without": args.without,
        "evaluator": args.evaluator,
        "refine": args.refine,
    }
    if args.generator in JAWS:
        answer["graspable"] = graspable(tried, rollout.hand)
    return Report(answer, _text(answer))


def measured(
    settings: "EvaluationSettings",
    make_plan: "Callable[[], Propose]",
    seeds: Sequence[int],
    cluster: "Cluster",
    name: str,
) -> "list[Tried]":
    """Try the scenes of `seeds`; in their order, telling how many are done as `name`."""
    from ddg_cli.countdown import Countdown
    from ddg_sim.rollout.evaluate import evaluate

    shown, tried = Countdown(name), []
    for done, one in enumerate(evaluate(settings, make_plan, seeds, cluster), start=1):
        tried.append(one)
        shown.show(done, len(seeds))
    return sorted(tried, key=lambda one: one.seed)


def _check_asked(args: argparse.Namespace) -> None:
    """Refuse what does not go together, before anything is loaded."""
    check("generator", args.generator, GENERATORS)
    check("evaluator", args.evaluator, EVALUATORS)
    check("refinement", args.refine, REFINERS)
    if min(args.scenes, args.workers, args.candidates) < 1 or args.seed < 0:
        raise BadInput("--scenes, --workers and --candidates must be at least 1, --seed 0")
    if args.generator == "random" and args.evaluator != "none":
        raise BadInput("eval success: --generator random is not ranked; leave --evaluator out")
    if args.refine != "none" and args.evaluator == "none":
        raise BadInput(f"eval success: --refine {args.refine} needs an --evaluator to follow")
    if args.generator in JAWS and args.evaluator != "none":
        raise BadInput(f"eval success: {args.generator} judges by itself; leave --evaluator out")
    if args.without and args.generator != "gm2":
        raise BadInput("eval success: --without goes with --generator gm2")
    if args.models and args.generator not in ("gm1", "gm2"):
        raise BadInput("eval success: --models goes with --generator gm1 or gm2")


def graspable(tried: Sequence["Tried"], hand: str) -> dict[str, Any]:
    """The scenes whose object, as it lies, has a width that the jaws can span."""
    from ddg_core.description import load_hand
    from ddg_core.statistics import wilson
    from ddg_planning.parallel_jaw.jaws import Jaws, JawSettings

    stroke = Jaws(load_hand(hand), JawSettings()).stroke
    within = [one for one in tried if one.across is not None and one.across < stroke]
    held, n = sum(one.held for one in within), len(within)
    asked = bool(within) and all(one.any_holds is not None for one in within)
    any_holds = sum(bool(one.any_holds) for one in within)
    return {
        "stroke": stroke,
        "n": n,
        "held": held,
        "wilson95": wilson(held, n),
        "oracle": any_holds if asked else None,
        "oracle_rate": any_holds / n if asked else None,
    }


def rollout_of(objects: str) -> "RolloutSettings":
    """Protocol settings over a split or a directory of objects."""
    from ddg_cli.objects import resolve
    from ddg_core.settings import parse
    from ddg_sim.objects.load import objects_in
    from ddg_sim.rollout.rollout import RolloutSettings

    if objects in OBJECTS:
        return parse(OBJECTS[objects], RolloutSettings, "--objects")
    if not Path(objects).is_dir():
        raise BadInput(f"--objects: {objects!r} is neither a directory nor {', '.join(OBJECTS)}")
    return RolloutSettings(objects=tuple(map(resolve, objects_in(Path(objects)))))


def for_jaws(rollout: "RolloutSettings") -> "RolloutSettings":
    """The same objects for the two-finger gripper, seen from above by the robot's own camera."""
    from dataclasses import replace

    from ddg_cli.analysts import settings_file
    from ddg_core.settings import load
    from ddg_sim.rollout.rollout import RolloutSettings

    theirs = load(settings_file(), RolloutSettings)
    camera = {key: getattr(rollout.view, key) for key in ("camera", "sensor", "least_pixels")}
    return replace(rollout, hand=theirs.hand, view=replace(theirs.view, **camera))


def compare(args: argparse.Namespace) -> Report:
    """Compare two results, paired by scene; with --across only objects that are less wide."""
    from ddg_sim.rollout.compare import compare

    answer = compare(*(_results(path, args.across) for path in (args.first, args.second)))
    if args.across is not None:
        answer["across"] = args.across
    return Report(answer, "\n".join(f"{key:<16} {value}" for key, value in answer.items()))


def _results(path: Path, across: float | None) -> "list[Tried]":
    """The results in a file, of objects less than `across` [m] wide; all if that is None."""
    from ddg_sim.rollout.evaluate import read

    tried = read(path)
    if across is None:
        return tried
    narrow = []
    for one in tried:
        if one.across is None:
            raise BadInput(f"{path}: does not say how wide its objects are; leave --across out")
        if one.across < across:
            narrow.append(one)
    return narrow


def _text(answer: dict[str, Any]) -> str:
    lines = [
        f"{answer['held']} of {answer['n']} held: {_with_intervals(answer)}",
        f"without a grasp {answer['abstained']}, six directions "
        f"{answer['six_direction_rate']:.1%}, plan {answer['plan_s_median']:.2f} s (median)",
    ]
    if within := answer.get("graspable"):
        least, most = within["wilson95"]
        lines.append(
            f"of objects less than {within['stroke']:.3f} m across {within['held']} of "
            f"{within['n']} held ({least:.1%} to {most:.1%})"
        )
        if within["oracle"] is not None:
            lines.append(
                f"any candidate holds {within['oracle']} of these {within['n']} "
                f"({within['oracle_rate']:.1%})"
            )
    if answer["oracle_rate"] is not None:
        paper = answer["rate_paper"]
        lines.append(
            f"any candidate holds {_with_intervals(answer, 'oracle_')}, as the paper counts "
            + ("-" if paper is None else f"{paper:.1%}")
        )
    if answer["ece"] is not None:
        kept = answer["abstention"]
        lines.append(
            f"expected calibration error {answer['ece']:.3f}; above {kept['least_probability']:.2f}"
            f" are {kept['kept']}, of which {kept['kept_held']} held"
        )
    lines += [f"  {name:<20} {count}" for name, count in answer["outcomes"].items()]
    for group in ("by_type", "by_object"):
        lines.append(f"{group}:")
        lines += [f"  {name:<20} {c['held']}/{c['n']}" for name, c in answer[group].items()]
    return "\n".join(lines)


def _with_intervals(answer: dict[str, Any], prefix: str = "") -> str:
    """A rate with its interval by Wilson, and with the objects drawn anew."""
    low, high = answer[f"{prefix}wilson95"]
    least, most = answer[f"{prefix}bootstrap95"]
    rate = f"{answer[f'{prefix}rate']:.1%} ({low:.1%} to {high:.1%}"
    return f"{rate}; objects drawn anew {least:.1%} to {most:.1%})"
