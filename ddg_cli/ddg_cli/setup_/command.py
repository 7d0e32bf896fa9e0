"""`ddg setup`: by the time this runs, the door has installed and built everything."""

import argparse
import shlex

from ddg_cli.report import Report
from ddg_cli.setup_.environment import changes
from ddg_cli.setup_.files import house


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--env",
        action="store_true",
        help='print the environment for programs of your own: eval "$(./ddg setup --env)"',
    )


def run(args: argparse.Namespace) -> Report:
    """Tell where everything is."""
    at = house()
    if args.env:
        lines = [
            f"unset {name}" if value is None else f"export {name}={shlex.quote(value)}"
            for name, value in changes(at).items()
        ]
        return Report({"environment": changes(at)}, "\n".join(lines))
    ros = "ROS 2 Jazzy from apt" if at.name else "ROS 2 Jazzy from wheels"
    answer = {"outcome": "OK", "venv": at.venv, "ros": "apt" if at.name else "wheels"}
    return Report(answer, f"ready: {ros}, {at.venv}")
