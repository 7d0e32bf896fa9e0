"""`ddg COMMAND`: find the command's module, run it, turn its end into an exit code.

A command is a module with `add_arguments(parser)` and `run(args) -> Report`. Modules are imported
only when their command is called, and import what is heavy only in `run`.
"""

import argparse
import contextlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from types import ModuleType
from typing import IO

from ddg_cli import results
from ddg_cli.report import OTHER_OUTCOME, USER_MISTAKE, Report, to_json
from ddg_core.errors import BadInput, DdgError, UnknownName

COMMANDS = {  # name: (module with `add_arguments` and `run`, one line of help)
    "setup": ("ddg_cli.setup_.command", "install and build what is missing"),
    "demo": ("ddg_cli.demo", "run one whole grasp trial in the MuJoCo twin over ROS 2"),
    "test": ("ddg_cli.checks", "run ruff, mypy and pytest"),
    "plan": ("ddg_cli.plan", "plan grasps on a recorded depth image or cloud"),
    "teach": ("ddg_cli.teach", "demonstrate a grasp and learn from it"),
    "data": ("ddg_cli.data", "generate simulated grasps to learn from"),
    "train": ("ddg_cli.train", "train an evaluative model"),
    "eval": ("ddg_cli.evaluate", "measure how often planned grasps hold"),
    "bench": ("ddg_cli.bench", "measure how fast a part is"),
    "trial": ("ddg_cli.trial", "run many trials and count them"),
    "faults": ("ddg_cli.faults", "break every part in every phase of a trial, and look"),
    "run": ("ddg_cli.script", "run a Python program of yours with our ROS and packages"),
    "up": ("ddg_cli.up", "start the nodes and keep them running"),
    "calibrate": ("ddg_cli.calibrate", "find where a real cell's camera is"),
    "hand": ("ddg_cli.hand", "check and draw a hand"),
    "doctor": ("ddg_cli.doctor", "tell what is found, what is missing and what that costs"),
}
DESCRIPTION = "One depth view of an unknown object in, an executed dexterous grasp out."


def available() -> dict[str, str]:
    """Names and help lines of the commands that exist."""
    return {
        name: line
        for name, (module, line) in COMMANDS.items()
        if importlib.util.find_spec(module) is not None
    }


def main(words: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit code."""
    words = list(sys.argv[1:] if words is None else words)
    if not words or words[0] in ("-h", "--help"):
        print(overview())
        return 0
    wants_json = "--json" in words
    with _stdout_for_machines(wants_json) as stdout:
        try:
            report = _run(words)
        except DdgError as error:
            mistake = isinstance(error, BadInput)
            answer = {"outcome": str(error.outcome), "message": str(error)}
            report = Report(answer, "", USER_MISTAKE if mistake else OTHER_OUTCOME)
            print(f"ddg: {error}", file=sys.stderr)
        except KeyboardInterrupt:
            answer = {"outcome": "CANCELLED", "message": "interrupted"}
            report = Report(answer, "", 130)
            print("ddg: interrupted", file=sys.stderr)
        try:
            if wants_json:
                print(to_json(report.json), file=stdout)
            elif report.text:
                print(report.text, file=stdout)
            stdout.flush()
        except BrokenPipeError:  # the reader has enough, as `head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())
    return report.code


def overview() -> str:
    """The help page of `ddg` itself."""
    commands = available()
    lines = [f"  {name:<9} {line}" for name, line in commands.items()]
    return "\n".join(
        ["usage: ddg COMMAND [--help] [--json] ...", "", DESCRIPTION, "", "commands:", *lines]
    )


def _run(words: Sequence[str]) -> Report:
    name = words[0]
    if name not in available():
        raise UnknownName("command", name, available())
    module = importlib.import_module(COMMANDS[name][0])
    arguments, rest = _parser(name, module).parse_known_args(words[1:])
    if rest and not hasattr(module, "TAKES_MORE"):
        raise BadInput(f"{name}: unknown argument {rest[0]!r}{_hint(rest[0], name, module)}")
    arguments.more = rest
    section = results.asked(arguments)
    report: Report = module.run(arguments)
    if section is not None:
        section.write(report.markdown or f"```\n{report.text}\n```", words)
    return report


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> "None":  # type: ignore[override]
        raise BadInput(f"{self.prog.removeprefix('ddg ')}: {message}")


def _parser(name: str, module: ModuleType) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=f"ddg {name}", description=COMMANDS[name][1].capitalize() + ".", allow_abbrev=False
    )
    module.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    return parser


def _hint(word: str, name: str, module: ModuleType) -> str:
    known = [o for action in _parser(name, module)._actions for o in action.option_strings]
    close = get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f" (see ddg {name} --help)"


@contextlib.contextmanager
def _stdout_for_machines(wanted: bool) -> Iterator[IO[str]]:
    """Keep stdout free for the one JSON object: all that is printed on the way goes to stderr."""
    if not wanted:
        yield sys.stdout
        return
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)  # libraries in C print too
    try:
        with (
            os.fdopen(kept, "w", encoding="utf-8", closefd=False) as stdout,
            contextlib.redirect_stdout(sys.stderr),
        ):
            yield stdout
    finally:
        os.dup2(kept, 1)
        os.close(kept)
