"""`ddg demo`: one whole grasp trial in the MuJoCo twin over real ROS 2."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddg_cli.report import Report, exit_code
from ddg_cli.stopwatch import Stopwatch, table
from ddg_core.errors import BadInput, TimedOut
from ddg_core.outcome import Outcome

if TYPE_CHECKING:
    from ddg_sim.twin.record import Recording

DEFAULT_OBJECT, DEFAULT_SEED = "mug_000", 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `ddg demo`."""
    parser.add_argument(
        "--object",
        default=DEFAULT_OBJECT,
        metavar="NAME_OR_FILE",
        help="catalogue name, kind, mesh file or object folder (default %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=DEFAULT_SEED,
        help="of the object's pose and friction, and of the planner (default %(default)s)",
    )
    parser.add_argument(
        "--robot",
        default="twin",
        metavar="CELL",
        help="a file of config/cells, e.g. jaws: two fingers (default %(default)s)",
    )
    parser.add_argument("--list", action="store_true", help="list the objects, easy ones first")
    parser.add_argument(
        "--out", type=Path, default=Path("trials"), metavar="DIR", help="where results go"
    )


def run(args: argparse.Namespace) -> Report:
    """Start the twin and all nodes, run one trial, show it, and shut everything down."""
    from ddg_cli import objects

    if args.list:
        names = objects.listing()
        return Report({"objects": [line.split()[0] for line in names.splitlines()]}, names)
    if args.seed < 0:
        raise BadInput(f"demo: --seed must not be negative, got {args.seed}")
    name = objects.resolve(args.object)
    return _demo(name, args.seed, args.robot, args.out.expanduser().resolve())


def _demo(name: str, seed: int, robot: str, out: Path) -> Report:
    from ddg_cli import stack

    watch = Stopwatch()
    with stack.up(out, watch, robot) as (processes, session):
        with watch.stage("spawn", f"putting {name} on the table, seed {seed}"):
            known_as = session.spawn(name, seed)
        world, began = session.moment()
        try:
            result = session.run_trial(known_as, seed, watch.say)
        except TimedOut:
            processes.check()  # if a node died, that is what to say
            raise
        watch.timings |= {step.stage: step.duration for step in result.stages}
        watch.timings["to outcome"] = watch.elapsed
        watch.say(f"{result.outcome.code} {result.outcome.message}")
        moved = bool(result.grasp.wrist_poses)
        recording = _recording(world, began, session.moment()[1], watch) if moved else None
        watch.say("ending all nodes")
    stem = result.trial or f"{known_as}_{seed}"
    answer = {
        "outcome": result.outcome.code,
        "message": result.outcome.message,
        "object": known_as,
        "seed": seed,
        "timings_s": watch.timings,
        "bag": result.bag,
        "record": result.record,
        "picture": _picture(result, robot, out / f"{stem}.png", watch),
        "film": _film(recording, out / f"{stem}.gif", watch),
    }
    return Report(answer, _text(answer), exit_code(Outcome(result.outcome.code)))


def _recording(world: Path, began: float, ended: float, watch: Stopwatch) -> "Recording | None":
    """Return what the twin did in the trial; None, said on stderr, if it took that with it."""
    from ddg_sim.twin.record import read_recording

    try:
        return read_recording(world).between(began, ended)
    except BadInput as error:
        watch.say(f"no film: {error}")
        return None


def _film(recording: "Recording | None", path: Path, watch: Stopwatch) -> str:
    """Write the film and return its path; "" without a recording."""
    from ddg_sim.film import FilmSettings, write_film

    if recording is None:
        return ""
    try:
        with watch.stage("film", "drawing the film"):
            return str(write_film(recording, path, FilmSettings()))
    except (OSError, KeyboardInterrupt) as error:
        path.unlink(missing_ok=True)
        if isinstance(error, KeyboardInterrupt):
            raise
        watch.say(f"no film: {error}")
        return ""


def _picture(result: Any, robot: str, path: Path, watch: Stopwatch) -> str:
    """Write the view with the executed grasp and return its path; "" if nothing was seen."""
    from ddg_cli.picture import draw
    from ddg_cli.ros.session import seen
    from ddg_core.description import load_cell, load_hand

    hand = load_hand(load_cell(robot).hand)
    view, grasp = seen(result, hand)
    if view is None:
        return ""
    kind = grasp.kind if grasp is not None else "no grasp"
    try:
        with watch.stage("picture", "drawing the view and the grasp"):
            draw(view, hand, grasp, f"{result.trial}  {kind}  {result.outcome.code}").save(path)
    except (OSError, KeyboardInterrupt) as error:
        path.unlink(missing_ok=True)
        if isinstance(error, KeyboardInterrupt):
            raise
        watch.say(f"no picture: {error}")
        return ""
    return str(path)


def _text(answer: dict[str, Any]) -> str:
    lines = [table(answer["timings_s"]), ""]
    lines.append(f"{answer['outcome']}: {answer['object']}, seed {answer['seed']}")
    if answer["message"]:
        lines[-1] += f": {answer['message']}"
    lines += [f"{key:<8}{answer[key]}" for key in ("bag", "record", "picture", "film")]
    return "\n".join(lines)
