"""`ddg teach`: demonstrate grasps, learn grasp types from them, look into what was learned."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ddg_cli.report import Report
from ddg_core.errors import BadInput, UnknownName

if TYPE_CHECKING:
    from ddg_cli.teach.folders import Folders
    from ddg_cli.teach.record import Lesson
    from ddg_core.hand import Hand


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.set_defaults(folder=None)
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
    demos = steps.add_parser("demos", help="demonstrate all grasp types anew in physics, and learn")
    demos.add_argument("--only", action="append", default=[], metavar="KIND", help="this type only")
    demos.add_argument("--seed", type=int, default=0)
    demos.add_argument("--tries", type=int, default=30, help="tries per type")
    demos.add_argument("--folder", type=Path, help="where to write (default: into the package)")
    learn = steps.add_parser("learn", help="learn grasp types from the stored demonstrations")
    learn.add_argument("--folder", type=Path, help="where they are (default: in the package)")
    _add_record(steps)
    _add_gm2(steps)
    show = steps.add_parser("show", help="tell what is in a demonstration or learned grasp type")
    show.add_argument("file", type=Path)


def _add_record(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    record = steps.add_parser("record", help="record what a hand, guided by you, shows over ROS")
    record.add_argument("name", help="of the file and the grasp type")
    record.add_argument("--object", required=True, help="what is grasped, in words")
    record.add_argument("--teacher", default=os.environ.get("USER", ""), help="who shows it")
    record.add_argument("--kind", default="", help="grasp type, if it is not the name")
    record.add_argument("--robot", default="twin", help="cell (default %(default)s)")
    record.add_argument("--hand", default="", help="hand, if it is not the cell's")
    record.add_argument("--views", type=int, default=1, help="views of the object (default 1)")
    record.add_argument(
        "--closed-first", action="store_true", help="begin with the hand closed on the object"
    )
    record.add_argument("--folder", type=Path, help="where to write (default: into the package)")
    record.add_argument(
        "--viewer", action="store_true", help="pose the hand in the browser instead"
    )
    viewer = record.add_argument_group(
        "with --viewer", "the object is one of the catalogue (ddg demo --list), or a recorded view"
    )
    viewer.add_argument(
        "--depth", type=Path, metavar="FILE", help="depth image: 16-bit PNG, or npy"
    )
    viewer.add_argument("--camera", type=Path, metavar="FILE", help="its camera, as for ddg plan")
    viewer.add_argument("--mask", type=Path, metavar="FILE", help="pixels of the object")
    viewer.add_argument("--like", help="stored demonstration to begin with (default power)")
    viewer.add_argument("--port", type=int, help="of the page (default 8080)")


def _add_gm2(steps: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    merge = steps.add_parser("merge", help="make a GM2 model of demonstrations")
    auto = steps.add_parser("auto", help="try grasps in physics; what holds becomes demonstration")
    for step in (merge, auto):
        step.add_argument("--folder", type=Path, help="of demonstrations (default: the package's)")
        step.add_argument("--out", type=Path, help="file of the model (default: the package's)")
    auto.add_argument("--scenes", type=int, default=60, help="scenes per round")
    auto.add_argument("--rounds", type=int, default=2)
    auto.add_argument("--keep", type=Path, metavar="DIR", help="also keep what was found, whole")
    worth = steps.add_parser("worth", help="measure what the scores of each grasp type are worth")
    worth.add_argument("--generator", default="gm1", choices=("gm1", "gm2"))
    worth.add_argument("--scenes", type=int, default=300)
    worth.add_argument("--out", type=Path, help="keep what was tried, and go on from it")
    for step in (auto, worth):
        step.add_argument("--seed", type=int, default=0, help="of the first scene")
        step.add_argument("--workers", type=int, default=1, help="processes at work")


def run(args: argparse.Namespace) -> Report:
    """Do one step of teaching."""
    if args.step == "show":
        from ddg_cli.teach.show import show

        return show(args.file)
    if args.step == "record":
        return _record(args)
    if args.step == "worth":
        return _worth(args)
    from ddg_cli.teach.folders import Folders
    from ddg_core.description import load_cell, load_hand

    hand = load_hand(load_cell().hand)
    folders = Folders.of(args.folder, hand)
    if args.step == "learn":
        return folders.learn(hand)
    if args.step in ("merge", "auto"):
        return _gm2(args, folders.demonstrations, hand)
    if args.tries < 1:
        raise BadInput(f"--tries must be positive, got {args.tries}")
    from ddg_cli.teach.plans import PLANS

    for kind in args.only:
        if kind not in PLANS:
            raise UnknownName("grasp type", kind, PLANS)
    return folders.demonstrate(hand, args.only or list(PLANS), args.seed, args.tries)


def _worth(args: argparse.Namespace) -> Report:
    """Measure what scores are worth."""
    from ddg_cli.teach.worth import worth
    from ddg_sim.rollout.many import Cluster

    if min(args.scenes, args.workers) < 1 or args.seed < 0:
        raise BadInput("teach worth: --scenes and --workers must be at least 1, --seed 0")
    return worth(args.generator, args.scenes, args.seed, Cluster(args.workers), args.out)


def _record(args: argparse.Namespace) -> Report:
    """Record what a guided hand shows, or what is posed in the browser."""
    from ddg_cli.teach.folders import Folders
    from ddg_cli.teach.record import Lesson, record
    from ddg_core.description import load_cell, load_hand

    cell = load_cell(args.robot, args.hand)
    hand = load_hand(cell.hand)
    folders = Folders.of(args.folder, hand)
    lesson = Lesson(args.name, args.object, args.teacher, args.kind)
    if args.viewer:
        return _pose(lesson, folders, hand, args)
    for key in ("depth", "camera", "mask", "like", "port"):
        if getattr(args, key) is not None:
            raise BadInput(f"--{key} goes with --viewer")
    return record(
        lesson,
        folders,
        cell,
        hand,
        _press,
        robot=args.robot,
        views=args.views,
        closed_first=args.closed_first,
    )


def _pose(lesson: "Lesson", folders: "Folders", hand: "Hand", args: argparse.Namespace) -> Report:
    """Pose the hand in the browser."""
    from ddg_cli.teach.posed import Recorded, pose

    if (args.depth is None) != (args.camera is None) or (args.mask and not args.depth):
        raise BadInput("--depth and --camera go together, --mask with both")
    recorded = Recorded(args.depth, args.camera, args.mask) if args.depth else None
    like, port = args.like or "power", args.port if args.port is not None else 8080
    return pose(lesson, folders, hand, recorded, like=like, port=port)


def _press(prompt: str) -> None:
    """Say what to show and wait for Enter."""
    print(f"{prompt}; then Enter", file=sys.stderr, flush=True)
    if not sys.stdin.readline():
        raise BadInput(f"input ended at {prompt!r}; nothing was stored")


def _gm2(args: argparse.Namespace, folder: Path, hand: "Hand") -> Report:
    """Make a GM2 model of stored demonstrations, and train it."""
    from ddg_cli.teach.auto import AutoSettings, taught_members, train
    from ddg_cli.teach.show import describe_gm2
    from ddg_planning.generate.gm2 import compress
    from ddg_planning.store import GM2

    out = args.out or GM2 / f"{hand.name}.npz"
    if args.step == "merge":
        settings = AutoSettings()
        taught = taught_members(folder, hand, settings.learning)
        model = compress(taught, settings.learning, {"made_by": "ddg teach merge"})
        model.save(out)
        return describe_gm2(model, out)
    if min(args.scenes, args.rounds, args.workers) < 1 or args.seed < 0:
        raise BadInput("teach auto: --scenes, --rounds and --workers must be at least 1, --seed 0")
    from ddg_sim.rollout.many import Cluster

    settings = AutoSettings(scenes=args.scenes, rounds=args.rounds)
    taught = taught_members(folder, hand, settings.learning)
    model = train(
        taught, hand, out, settings, seed=args.seed, cluster=Cluster(args.workers), keep=args.keep
    )
    return describe_gm2(model, out)
