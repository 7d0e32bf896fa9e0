"""`ddg teach`: demonstrate grasps, learn grasp types from them, look into what was learned."""

import argparse
from pathlib import Path

from ddg_cli.report import Report
from ddg_core.errors import BadInput, UnknownName


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
    show = steps.add_parser("show", help="tell what is in a demonstration or learned grasp type")
    show.add_argument("file", type=Path)


def run(args: argparse.Namespace) -> Report:
    """Do one step of teaching."""
    if args.step == "show":
        from ddg_cli.teach.show import show

        return show(args.file)
    from ddg_cli.teach.folders import Folders
    from ddg_core.description import load_cell, load_hand

    hand = load_hand(load_cell().hand)
    folders = Folders.of(args.folder, hand)
    if args.step == "learn":
        return folders.learn(hand)
    if args.tries < 1:
        raise BadInput(f"--tries must be positive, got {args.tries}")
    from ddg_cli.teach.plans import PLANS

    for kind in args.only:
        if kind not in PLANS:
            raise UnknownName("grasp type", kind, PLANS)
    return folders.demonstrate(hand, args.only or list(PLANS), args.seed, args.tries)
