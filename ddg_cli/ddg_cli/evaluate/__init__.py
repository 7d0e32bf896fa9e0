"""`ddg eval ACTION`: how often planned grasps hold, and what a predicted probability is worth."""

import argparse
from pathlib import Path
from typing import TypeAlias

from ddg_cli import jaw_learning, results
from ddg_cli.evaluate import names
from ddg_cli.report import Report

PLANNING = Path("config/planning.yaml")
Actions: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    jaws = actions.add_parser("gqcnn", help="what a network of two jaws is worth on judged grasps")
    jaw_learning.add_eval_options(jaws)
    results.add_option(jaws, "gqcnn")
    declared = (_success, _follow, _variants, _compare, _recorded, _calibration)
    for action in (jaws, *(declare(actions) for declare in declared)):
        action.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON object"
        )


def run(args: argparse.Namespace) -> Report:
    """Do the action."""
    if args.action in ("success", "compare"):
        from ddg_cli.evaluate import success

        return success.success(args) if args.action == "success" else success.compare(args)
    if args.action == "follow":
        from ddg_cli.evaluate.following import following

        return following(args)
    if args.action == "gqcnn":
        return jaw_learning.evaluate(args)
    if args.action == "variants":
        from ddg_cli.evaluate.variants import variants

        return variants(args)
    if args.action == "recorded":
        from ddg_cli.evaluate.recorded import recorded

        return recorded(args)
    from ddg_cli.evaluate.calibration import calibration

    return calibration(args)


def _success(actions: Actions) -> argparse.ArgumentParser:
    go = actions.add_parser("success", help="the best planned grasp of each scene is tried once")
    _add_scenes(go)
    _add_work(go)
    go.add_argument("--generator", default="gm1", help=f"one of {', '.join(names.GENERATORS)}")
    go.add_argument("--models", default="", help="file of gm2 or folder of gm1, not the package's")
    ideas = "views, evidence, merging, training"
    go.add_argument("--without", action="append", default=[], help=f"leave out of gm2: {ideas}")
    _add_evaluator(go)
    go.add_argument("--refine", default="none", help=f"one of {', '.join(names.REFINERS)}")
    go.add_argument("--oracle", action="store_true", help="try all candidates until one holds")
    go.add_argument("--out", type=Path, help="write one JSON line per scene, for compare")
    results.add_option(go, "success")
    return go


def _follow(actions: Actions) -> argparse.ArgumentParser:
    go = actions.add_parser("follow", help="two jaws: the object is moved during the approach")
    _add_scenes(go)
    go.add_argument("--shift", type=float, default=0.03, help="how far it is moved, in m")
    go.add_argument("--generator", default="dexnet-fc", help=f"one of {', '.join(names.JAWS)}")
    go.add_argument("--weights", default="", help="of its network, instead of the package's")
    results.add_option(go, "follow")
    return go


def _variants(actions: Actions) -> argparse.ArgumentParser:
    every = actions.add_parser("variants", help="all trained combinations on the same scenes")
    _add_scenes(every)
    _add_work(every)
    every.add_argument("--generators", default="gm1,gm2", help="names, paired with the first")
    known = ",".join(names.EVALUATORS)
    every.add_argument("--evaluators", default=known, help=f"names out of {known}")
    every.add_argument("--refine", default=",".join(names.REFINERS), help="names, for em-s")
    every.add_argument(
        "--weights", action="append", default=[], metavar="NAME=FILE", help="of an evaluator"
    )
    every.add_argument("--tries", type=int, default=3, help="grasps tried per scene, best first")
    every.add_argument("--out", type=Path, required=True, help="folder of the results; goes on")
    every.add_argument("--csv", type=Path, help="write the table as numbers")
    every.add_argument("--plot", type=Path, help="draw the table (.png)")
    results.add_option(every, "variants")
    return every


def _compare(actions: Actions) -> argparse.ArgumentParser:
    pair = actions.add_parser("compare", help="two results on the same scenes, paired")
    pair.add_argument("first", type=Path, help="result of eval success or recorded --out")
    pair.add_argument("second", type=Path, help="another")
    pair.add_argument(
        "--across",
        type=float,
        metavar="M",
        help="only objects that are less wide somewhere, in m: 0.1 is what two jaws span",
    )
    results.add_option(pair, "compare")
    return pair


def _recorded(actions: Actions) -> argparse.ArgumentParser:
    old = actions.add_parser(
        "recorded", help="judge the grasps of a data set, of which is known what became of them"
    )
    old.add_argument("data", type=Path, help="folder of a data set of other objects")
    _add_evaluator(old)
    old.add_argument("--out", type=Path, help="write one JSON line per scene, for compare")
    results.add_option(old, "recorded")
    return old


def _calibration(actions: Actions) -> argparse.ArgumentParser:
    true = actions.add_parser("calibration", help="are predictions true, and where to abstain")
    true.add_argument(
        "files", type=Path, nargs="+", help="results of eval success or recorded --out"
    )
    true.add_argument(
        "--precision", type=float, help="find the least probability that keeps this share held"
    )
    true.add_argument("--write", action="store_true", help=f"into {PLANNING}, what was found")
    true.add_argument("--plot", type=Path, help="draw the reliability (.png)")
    results.add_option(true, "calibration")
    return true


def _add_scenes(action: argparse.ArgumentParser) -> None:
    action.add_argument(
        "--objects",
        default="test",
        help="a split of the catalogue, one of blends (blends-test), or a folder",
    )
    action.add_argument("--scenes", type=int, required=True, help="how many")
    action.add_argument("--seed", type=int, default=0, help="of the first scene")


def _add_work(action: argparse.ArgumentParser) -> None:
    action.add_argument("--candidates", type=int, default=100, help="grasps planned per scene")
    action.add_argument("--workers", type=int, default=1, help="processes at work")
    action.add_argument("--ray-address", help="of a running Ray cluster")


def _add_evaluator(action: argparse.ArgumentParser) -> None:
    action.add_argument("--evaluator", default="none", help=f"one of {', '.join(names.EVALUATORS)}")
    action.add_argument("--weights", default="", help="of the evaluator, instead of the package's")
