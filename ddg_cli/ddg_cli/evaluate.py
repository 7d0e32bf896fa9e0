"""`ddg eval success|compare`: how often planned grasps hold, and whether one way is better."""

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddg_cli import results
from ddg_cli.report import Report
from ddg_core.errors import BadInput, UnknownName

if TYPE_CHECKING:
    from ddg_sim.rollout.rollout import RolloutSettings

SPLITS = ("train", "validation", "test")
GENERATORS = ("gm1", "random")
EVALUATORS = ("none", "em-s")
REFINERS = ("none",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    go = actions.add_parser("success", help="the best planned grasp of each scene is tried once")
    go.add_argument("--objects", default="test", help="a split of the catalogue, or a directory")
    go.add_argument("--scenes", type=int, required=True, help="how many")
    go.add_argument("--seed", type=int, default=0, help="of the first scene")
    go.add_argument("--generator", default="gm1", help=f"one of {', '.join(GENERATORS)}")
    go.add_argument("--evaluator", default="none", help=f"one of {', '.join(EVALUATORS)}")
    go.add_argument("--weights", default="", help="of the evaluator, instead of the package's")
    go.add_argument("--refine", default="none", help=f"one of {', '.join(REFINERS)}")
    go.add_argument("--candidates", type=int, default=100, help="grasps planned per scene")
    go.add_argument("--oracle", action="store_true", help="try all candidates until one holds")
    go.add_argument("--workers", type=int, default=1, help="processes at work")
    go.add_argument("--ray-address", help="of a running Ray cluster")
    go.add_argument("--out", type=Path, help="write one JSON line per scene, for compare")
    pair = actions.add_parser("compare", help="two results on the same scenes, paired")
    pair.add_argument("first", type=Path, help="result of eval success --out")
    pair.add_argument("second", type=Path, help="another")
    results.add_option(go, "success")
    results.add_option(pair, "compare")
    for action in (go, pair):
        action.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON object"
        )


def run(args: argparse.Namespace) -> Report:
    """Do the action."""
    return _success(args) if args.action == "success" else _compare(args)


def _success(args: argparse.Namespace) -> Report:
    from ddg_cli.countdown import Countdown
    from ddg_cli.proposers import Asked, proposer
    from ddg_sim.rollout.evaluate import EvaluationSettings, evaluate, summary, write
    from ddg_sim.rollout.many import Cluster

    for what, name, known in (
        ("generator", args.generator, GENERATORS),
        ("evaluator", args.evaluator, EVALUATORS),
        ("refinement", args.refine, REFINERS),
    ):
        if name not in known:
            raise UnknownName(what, name, known)
    if min(args.scenes, args.workers, args.candidates) < 1 or args.seed < 0:
        raise BadInput("--scenes, --workers and --candidates must be at least 1, --seed 0")
    if args.generator == "random" and args.evaluator != "none":
        raise BadInput("eval success: --generator random is not ranked; leave --evaluator out")
    rollout = _rollout(args.objects)
    settings = EvaluationSettings(rollout, oracle=args.oracle)
    make_plan = partial(
        proposer(args.generator),
        Asked(rollout.hand, args.candidates, args.evaluator, args.weights),
    )
    seeds = range(args.seed, args.seed + args.scenes)
    shown, tried = Countdown("eval"), []
    cluster = Cluster(args.workers, args.ray_address)
    for done, one in enumerate(evaluate(settings, make_plan, seeds, cluster), start=1):
        tried.append(one)
        shown.show(done, args.scenes)
    tried.sort(key=lambda one: one.seed)
    if args.out:
        write(tried, args.out)
    answer = {
        **summary(tried),
        "objects": args.objects,
        "generator": args.generator,
        "evaluator": args.evaluator,
    }
    return Report(answer, _text(answer))


def _rollout(objects: str) -> "RolloutSettings":
    """Protocol settings over a split or a directory of objects."""
    from ddg_cli.objects import resolve
    from ddg_core.settings import parse
    from ddg_sim.objects.load import objects_in
    from ddg_sim.rollout.rollout import RolloutSettings

    if objects in SPLITS:
        return parse({"split": objects}, RolloutSettings, "--objects")
    if not Path(objects).is_dir():
        raise BadInput(f"--objects: {objects!r} is neither a directory nor {', '.join(SPLITS)}")
    return RolloutSettings(objects=tuple(map(resolve, objects_in(Path(objects)))))


def _compare(args: argparse.Namespace) -> Report:
    from ddg_sim.rollout.compare import compare
    from ddg_sim.rollout.evaluate import read

    answer = compare(read(args.first), read(args.second))
    return Report(answer, "\n".join(f"{key:<16} {value}" for key, value in answer.items()))


def _text(answer: dict[str, Any]) -> str:
    low, high = answer["wilson95"]
    lines = [
        f"{answer['held']} of {answer['n']} held: {answer['rate']:.1%} ({low:.1%} to {high:.1%})",
        f"abstained {answer['abstained']}, six directions {answer['six_direction_rate']:.1%}, "
        f"plan {answer['plan_s_median']:.2f} s (median)",
    ]
    if answer["oracle_rate"] is not None:
        paper = answer["rate_paper"]
        lines.append(
            f"any candidate holds {answer['oracle_rate']:.1%}, as the paper counts "
            + ("-" if paper is None else f"{paper:.1%}")
        )
    lines += [f"  {name:<20} {count}" for name, count in answer["outcomes"].items()]
    for group in ("by_type", "by_object"):
        lines.append(f"{group}:")
        lines += [f"  {name:<20} {c['held']}/{c['n']}" for name, c in answer[group].items()]
    return "\n".join(lines)
