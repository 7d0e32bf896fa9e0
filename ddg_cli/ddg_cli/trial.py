"""`ddg trial`: many trials in one running twin, counted."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ddg_cli import results
from ddg_cli.report import Report, exit_code
from ddg_cli.stopwatch import Stopwatch
from ddg_core.errors import DdgError
from ddg_core.outcome import Outcome

if TYPE_CHECKING:
    from ddg_cli.ros.bystander import Bystander
    from ddg_cli.ros.session import Session
    from ddg_cli.tally import Tried

EASY = 10  # first objects of the catalogue


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `ddg trial`."""
    parser.add_argument(
        "--objects",
        metavar="A,B",
        help="catalogue names, kinds, mesh files or folders of objects"
        f" (default: the first {EASY} of ddg demo --list)",
    )
    parser.add_argument(
        "--robot",
        default="twin",
        metavar="CELL",
        help="a file of config/cells, e.g. jaws: two fingers (default %(default)s)",
    )
    parser.add_argument("--seeds", default="1", metavar="1-5", help="seeds (default %(default)s)")
    parser.add_argument(
        "--out", type=Path, default=Path("trials"), metavar="DIR", help="where records and bags go"
    )
    parser.add_argument(
        "--attach",
        action="store_true",
        help="use the nodes of `ddg up` in this ROS domain, with their robot and folder",
    )
    parser.add_argument(
        "--config", type=Path, metavar="DIR", help="folder of the settings (default: the installed)"
    )
    parser.add_argument(
        "--nudge",
        type=float,
        default=0.0,
        metavar="M",
        help="move each object by so many metres, one way or another, when the hand is above it",
    )
    results.add_option(parser, "trials")


def run(args: argparse.Namespace) -> Report:
    """Try every object with every seed; exit code 0 if all were held."""
    from ddg_cli import objects, tally
    from ddg_cli.ros.bystander import Bystander

    given = args.objects or ",".join(objects.names()[:EASY])
    found = objects.resolve_all(given)
    pairs = [(name, seed) for seed in tally.parse_seeds(args.seeds) for name in found]
    watch = Stopwatch()
    tried: list[Tried] = []
    try:
        with (
            _session(args, watch) as (session, check),
            Bystander() as bystander,
            _nudge(args) as nudge,
        ):
            for name, seed in pairs:
                tried.append(_try(session, name, seed, watch, nudge, bystander))
                watch.say(f"{name} seed {seed}: {tried[-1].outcome} {tried[-1].message}")
                check()
    except (DdgError, KeyboardInterrupt):
        watch.say(f"ended early; so far:\n{tally.table(tried, args.nudge)}")
        raise
    answer = {**tally.summary(tried, args.nudge), "trials": [asdict(t) for t in tried]}
    held = all(t.outcome == Outcome.HELD for t in tried)
    code = exit_code(Outcome.HELD if held else Outcome.NOT_HELD)
    return Report(answer, tally.table(tried, args.nudge), code)


@contextmanager
def _session(
    args: argparse.Namespace, watch: Stopwatch
) -> Iterator[tuple["Session", Callable[[], None]]]:
    """Yield a client of the stack, and what raises if a node of it has died."""
    from ddg_cli import stack
    from ddg_cli.ros.session import Session

    if not args.attach:
        folder = args.out.expanduser().resolve()
        with stack.up(folder, watch, args.robot, args.config) as (processes, session):
            yield session, processes.check
        return
    with Session() as session:
        session.wait_ready(timeout=stack.START_PATIENCE, watch=lambda: None)
        yield session, lambda: None


@contextmanager
def _nudge(args: argparse.Namespace) -> Iterator[Callable[[int], None]]:
    """Yield what is told the seed of each trial, and has its object moved if that was asked for."""
    import numpy as np

    from ddg_cli.ros.nudge import Nudge
    from ddg_core.description import load_cell

    if not args.nudge:
        yield lambda _: None
        return
    with Nudge(load_cell(args.robot, folder=args.config)) as nudge:
        yield lambda seed: nudge.once(
            args.nudge, np.random.default_rng(seed).uniform(-np.pi, np.pi)
        )


def _try(
    session: "Session",
    name: str,
    seed: int,
    watch: Stopwatch,
    nudge: Callable[[int], None],
    bystander: "Bystander",
) -> "Tried":
    """Run one trial; whatever goes wrong in it counts as its outcome."""
    from ddg_cli.tally import Tried

    began = watch.elapsed
    try:
        name = session.spawn(name, seed)
        nudge(seed)
        bystander.begin()
        began = watch.elapsed
        result = session.run_trial(name, seed, bystander.stage)
    except DdgError as error:
        return Tried(name, seed, error.outcome, str(error), watch.elapsed - began)
    outcome, message = Outcome(result.outcome.code), result.outcome.message
    return Tried(
        name,
        seed,
        outcome,
        message,
        watch.elapsed - began,
        result.record,
        bystander.shift,
        bystander.turn,
        tuple(bystander.looks),
    )
