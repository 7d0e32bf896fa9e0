"""Which motion planner: the embedded one, or MoveIt in a process of its own."""

import importlib.util
from functools import partial
from pathlib import Path

from ddg_core.cell import CellSettings
from ddg_core.errors import BadInput
from ddg_execution.executor_settings import ExecutorSettings
from ddg_execution.motion.embedded import EmbeddedPlanner, EmbeddedSettings
from ddg_execution.motion.port import MotionPlanner
from ddg_execution.motion.remote import RemotePlanner
from ddg_execution.motion.robot import Robot

MISSING = (
    "execution.yaml: planner: moveit is chosen, but moveit_py is not installed here:"
    " apt-get install ros-jazzy-moveit ros-jazzy-moveit-py, or choose embedded"
)


def choose_planner(
    robot: Robot, cell: CellSettings, settings: ExecutorSettings, config: Path
) -> tuple[str, MotionPlanner]:
    """Name of the planner that the settings ask for, and the planner.

    Raises:
        BadInput: MoveIt is asked for and not installed.
    """
    found = importlib.util.find_spec("moveit") is not None
    name = settings.planner
    if name == "auto":
        name = "moveit" if found else "embedded"
    if name == "embedded":
        return name, EmbeddedPlanner(robot, settings.embedded)
    if not found:
        raise BadInput(MISSING)
    return name, RemotePlanner(partial(_moveit, cell, settings.embedded, config / "moveit"))


def _moveit(cell: CellSettings, settings: EmbeddedSettings, folder: Path) -> MotionPlanner:
    from ddg_execution.ros.moveit_engine import make_moveit_planner  # in its own process only

    return make_moveit_planner(cell, settings, folder)
