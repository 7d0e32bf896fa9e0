"""`ddg run FILE`: run a Python program of yours with our ROS and packages."""

import argparse
import os
import sys
from pathlib import Path

from ddg_cli.report import Report
from ddg_core.errors import BadInput

TAKES_MORE = True  # handed to the program


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("file", type=Path, help="the program; what follows is its own")


def run(args: argparse.Namespace) -> Report:
    """Become the program."""
    if not args.file.is_file():
        raise BadInput(f"run: no such file: {args.file}")
    os.execv(sys.executable, [sys.executable, str(args.file), *args.more])
