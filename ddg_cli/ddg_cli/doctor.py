"""`ddg doctor`: what is found, what is missing, and what that costs."""

import argparse
import importlib.metadata
import importlib.util
import platform
import shutil
import subprocess
from typing import Any

from ddg_cli.report import Report
from ddg_cli.setup_ import system
from ddg_cli.setup_.door import ready
from ddg_cli.setup_.files import house


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No options."""


def findings() -> dict[str, Any]:
    """What this machine has; None for what it has not."""
    at = house()
    return {
        "python": platform.python_version(),
        "ready": ready(at),
        "ros": ("apt" if at.name else "wheels") if _has("rclpy") else None,
        "ros_cli": shutil.which("ros2"),
        "moveit": _version("moveit_py") if _has("moveit") else None,
        "gazebo": shutil.which("gz"),
        "gpu": _gpu(),
        "missing": [
            {"name": thing.name, "packages": list(thing.packages), "cost": thing.cost}
            for thing in system.missing()
        ],
    }


COSTS = {  # what works less without it
    "ros": "no nodes: run ./ddg setup",
    "ros_cli": "no ros2 topic, ros2 service ...; every command of ddg works",
    "moveit": "the arm is planned by the embedded planner",
    "gazebo": "the MuJoCo twin is the only one",
    "gpu": "networks run on the CPU",
}


def run(_args: argparse.Namespace) -> Report:
    """Look around and tell."""
    found = findings()
    lines = [f"python   {found['python']}", f"set up   {'yes' if found['ready'] else 'no'}"]
    for name, cost in COSTS.items():
        lines.append(f"{name:<8} {found[name] or f'not found: {cost}'}")
    lines += [
        f"missing  {thing['name']}: {thing['cost']} (apt-get install {' '.join(thing['packages'])})"
        for thing in found["missing"]
    ]
    return Report(found, "\n".join(lines), int(bool(found["missing"])))


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "found"


def _gpu() -> str | None:
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    command = [program, "--query-gpu=name", "--format=csv,noheader"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    return answer.stdout.strip().splitlines()[0] if answer.stdout.strip() else None
