"""`ddg data ACTION`: gather judged grasps, and look after the data sets that hold them."""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from ddg_cli import results
from ddg_cli.report import Report
from ddg_core.errors import BadInput


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    make = actions.add_parser("generate", help="roll out scenes and store what became of them")
    make.add_argument("--scenes", type=int, required=True, help="how many")
    make.add_argument("--seed", type=int, default=0, help="of the first scene")
    make.add_argument("--workers", type=int, default=1, help="processes at work")
    make.add_argument("--out", type=Path, required=True, help="folder; a run that is there goes on")
    make.add_argument("--grasps", type=int, default=20, help="per scene")
    make.add_argument(
        "--proposer", default="random", help="what proposes them; gqcnn computes labels"
    )
    make.add_argument("--split", choices=("train", "validation", "test"), help="of the catalogue")
    make.add_argument("--settings", type=Path, help="YAML of rollout settings")
    make.add_argument("--ray-address", help="of a running Ray cluster")
    look = actions.add_parser("inspect", help="print what is in a data set")
    results.add_option(look, "data")
    replay = actions.add_parser("verify", help="replay a sample: the labels must be the same")
    replay.add_argument("--scenes", type=int, default=20, help="how many to replay")
    finer = actions.add_parser("halve", help="try first grasps again at half the time step")
    finer.add_argument("--labels", type=int, default=500, help="how many")
    results.add_option(finer, "halve")
    page = actions.add_parser("show", help="draw a page of grasps with their outcomes")
    page.add_argument("--count", type=int, default=30, help="how many grasps")
    page.add_argument("--picture", type=Path, default=Path("out/data.png"), help="where to write")
    parts = actions.add_parser("split", help="part a data set into train, validation and test")
    for action in (look, replay, finer, page, parts):
        action.add_argument("folder", type=Path, help="of the data set")
    for action in (replay, page):
        action.add_argument("--seed", type=int, default=0, help="of the choice")
    join = actions.add_parser("merge", help="join data sets of the same settings")
    join.add_argument("folders", type=Path, nargs="+", help="of the data sets")
    for action in (parts, join):
        action.add_argument("--out", type=Path, required=True, help="folder of the result")
    for action in (make, look, replay, finer, page, parts, join):
        action.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON object"
        )


def run(args: argparse.Namespace) -> Report:
    """Do the action."""
    return {
        "generate": _generate,
        "inspect": _inspect,
        "verify": _verify,
        "halve": _halve,
        "show": _show,
        "split": _split,
        "merge": _merge,
    }[str(args.action)](args)


def _generate(args: argparse.Namespace) -> Report:
    import time
    from dataclasses import replace

    from ddg_cli import analysts
    from ddg_cli.countdown import Countdown
    from ddg_cli.proposers import Asked, proposer
    from ddg_core.settings import load
    from ddg_sim.dataset.gather import MakeAnalyst, MakePropose, gather
    from ddg_sim.dataset.store import Dataset
    from ddg_sim.dataset.summary import success_rate
    from ddg_sim.rollout.many import Cluster
    from ddg_sim.rollout.rollout import RolloutSettings

    if min(args.scenes, args.workers, args.grasps) < 1 or args.seed < 0:
        raise BadInput("--scenes, --workers and --grasps must be at least 1, --seed 0")
    analysed = args.proposer in analysts.ANALYSTS
    where = args.settings or (analysts.settings_file() if analysed else None)
    settings = load(where, RolloutSettings) if where else RolloutSettings()
    if args.split:
        settings = replace(settings, split=args.split)
    make: MakePropose | MakeAnalyst
    name = f"{args.proposer} {args.grasps}"
    if analysed:
        make = partial(analysts.JawAnalyst, settings.hand, args.grasps)
        name = f"{name} {analysts.version()}"
    else:
        make = partial(proposer(args.proposer), Asked(settings.hand, args.grasps))
    dataset = Dataset.create(args.out, name, settings)
    seeds = range(args.seed, args.seed + args.scenes)
    cluster = Cluster(args.workers, args.ray_address)
    shown = Countdown("data")
    began, lifted = time.monotonic(), 0

    def note(row: dict[str, Any], done: int, total: int) -> None:
        nonlocal lifted
        lifted += sum(grasp["lifted"] for grasp in row["grasps"])
        shown.show(done, total)

    digest = gather(dataset, seeds, make, cluster, on_scene=note, analysed=analysed)
    seconds = max(time.monotonic() - began, 1e-9)
    grasps = dataset.grasps()
    answer = {
        "scenes": len(dataset.seeds()),
        "grasps": len(grasps),
        "success_rate": success_rate(grasps),
        "hash": digest,
        "grasps_per_core_s": lifted / (seconds * args.workers),
        "seconds": seconds,
        "folder": args.out,
    }
    return Report(answer, _lines(answer))


def _inspect(args: argparse.Namespace) -> Report:
    from ddg_core.settings import to_tree
    from ddg_sim.dataset.store import Dataset
    from ddg_sim.dataset.summary import summary

    dataset = Dataset(args.folder)
    answer = {"hash": dataset.content(), **summary(dataset), "header": to_tree(dataset.header)}
    return Report(answer, _contents(answer))


def _verify(args: argparse.Namespace) -> Report:
    import numpy as np

    from ddg_cli import analysts
    from ddg_sim.dataset.store import Dataset
    from ddg_sim.dataset.verify import verify

    dataset = Dataset(args.folder)
    analyst = analysts.of(dataset.header.proposer, dataset.header.settings.hand)
    replay = verify(dataset, args.scenes, rng=np.random.default_rng(args.seed), analyst=analyst)
    answer = {
        "scenes": replay.scenes,
        "grasps": replay.grasps,
        "different": len(replay.different),
        "first_different": [{"seed": s, "grasp": i} for s, i in replay.different[:10]],
    }
    return Report(answer, _lines(answer), 0 if not replay.different else 1)


def _halve(args: argparse.Namespace) -> Report:
    from ddg_cli.countdown import Countdown
    from ddg_core.statistics import wilson
    from ddg_sim.dataset.halve import halve
    from ddg_sim.dataset.store import Dataset

    if args.labels < 1:
        raise BadInput("--labels must be at least 1")
    shown = Countdown("halve")
    found = halve(
        Dataset(args.folder), args.labels, on_label=lambda done: shown.show(done, args.labels)
    )
    n, changed = len(found.before), found.changed
    if not n:
        raise BadInput(f"{args.folder}: has no grasp to try again")
    answer = {
        "labels": n,
        "held_share": sum(found.before) / n,
        "held_share_at_half_step": sum(found.after) / n,
        "changed": changed,
        "changed_share": changed / n,
        "wilson95": wilson(changed, n),
    }
    return Report(answer, _lines(answer))


def _show(args: argparse.Namespace) -> Report:
    import numpy as np

    from ddg_sim.gl import use_offscreen_gl

    use_offscreen_gl()
    from ddg_sim.dataset.store import Dataset
    from ddg_sim.dataset.summary import show

    dataset, rng = Dataset(args.folder), np.random.default_rng(args.seed)
    try:
        args.picture.parent.mkdir(parents=True, exist_ok=True)
        path = show(dataset, args.picture, count=args.count, rng=rng)
    except OSError as error:
        raise BadInput(f"{args.picture}: {error.strerror}") from error
    return Report({"picture": path}, f"picture: {path}")


def _split(args: argparse.Namespace) -> Report:
    from ddg_sim.dataset.store import Dataset, part

    counts = part(Dataset(args.folder), args.out)
    return Report({"scenes": counts, "folder": args.out}, _lines(counts))


def _merge(args: argparse.Namespace) -> Report:
    from ddg_sim.dataset.store import merge

    dataset = merge(args.folders, args.out)
    answer = {"scenes": len(dataset.seeds()), "hash": dataset.content(), "folder": args.out}
    return Report(answer, _lines(answer))


def _contents(answer: dict[str, Any]) -> str:
    """What is in a data set, for people."""
    n, held, (low, high) = answer["grasps"], answer["held"], answer["bootstrap95"]
    rate = f"{held / n:.1%} (95 % interval over objects {low:.1%} to {high:.1%})" if n else "none"
    lines = [
        f"{answer['scenes']} scenes, hash {answer['hash']}",
        f"{n} grasps at {answer['objects']} objects, {answer['lifted']} of them lifted",
        f"held {held} of {n} = {rate}",
    ]
    for title in ("outcomes", "errors"):
        counts = ", ".join(f"{name} {count}" for name, count in answer[title].items())
        lines.append(f"{title}: {counts or 'none'}")
    for title in ("family", "type", "split"):
        lines.append(f"by {title}, with 95 % Wilson intervals over grasps:")
        for name, group in answer[f"by_{title}"].items():
            low, high = group["wilson95"]
            lines.append(
                f"  {name:<14} {group['held']:>6} of {group['n']:<6} ="
                f" {group['success_rate']:>6.1%}  ({low:.1%} to {high:.1%})"
            )
    return "\n".join(lines)


def _lines(answer: dict[str, Any]) -> str:
    """One line per key; of nested figures, one indented line each."""
    lines = []
    for key, value in answer.items():
        if isinstance(value, dict):
            lines.append(f"{key}:")
            lines += [f"  {name:<16} {_short(inner)}" for name, inner in value.items()]
        else:
            lines.append(f"{key:<18} {_short(value)}")
    return "\n".join(lines)


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return "  ".join(f"{key} {_short(inner)}" for key, inner in value.items())
    if isinstance(value, tuple):
        return " to ".join(map(_short, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
