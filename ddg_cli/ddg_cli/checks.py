"""`ddg test`: ruff, mypy and pytest; all run even if one of them complains."""

import argparse
import subprocess
import sys
import time

from ddg_cli.report import Report
from ddg_cli.setup_.files import PACKAGES, ROOT

TAKES_MORE = True  # everything unknown is handed to pytest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--only", choices=tuple(steps([])), help="run one of them")
    parser.epilog = "Everything else is handed to pytest, e.g.: ddg test -k grasp -x"


def steps(more: list[str]) -> dict[str, list[str]]:
    """The commands to run, in order; pytest last, so that its closing line is the last one."""
    packages = [str(ROOT / name / name) for name in PACKAGES]
    return {
        "ruff": ["-m", "ruff", "check", "--quiet", str(ROOT)],
        "format": ["-m", "ruff", "format", "--check", "--quiet", str(ROOT)],
        "mypy": ["-m", "mypy", *packages],
        "pytest": ["-m", "pytest", "-q", *more],
    }


def run(args: argparse.Namespace) -> Report:
    """Run the checks; the exit code is 0 if all pass."""
    results: dict[str, dict[str, float]] = {}
    for name, command in steps(args.more).items():
        if (args.only or name) != name or (args.more and not args.only and name != "pytest"):
            continue
        print(f"== {name}", flush=True)
        started = time.monotonic()
        code = subprocess.run([sys.executable, *command], cwd=ROOT, check=False).returncode
        results[name] = {"code": code, "seconds": round(time.monotonic() - started, 1)}
    failed = [name for name, result in results.items() if result["code"] != 0]
    if failed:
        print(f"ddg test: {', '.join(failed)} failed", file=sys.stderr)
    answer = {"passed": not failed, "failed": failed, "checks": results}
    return Report(answer, "", int(bool(failed)))
