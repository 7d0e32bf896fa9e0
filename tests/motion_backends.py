"""The motion planners that one contract is tested against."""

import importlib.util
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from motion_fixtures import cell_robot

from ddg_core.description import config_folder, load_cell
from ddg_execution.executor_settings import ExecutorSettings
from ddg_execution.motion.embedded import EmbeddedPlanner, EmbeddedSettings
from ddg_execution.motion.port import MotionPlanner
from ddg_execution.motion.remote import RemotePlanner
from ddg_execution.ros.planners import choose_planner

MOVEIT = importlib.util.find_spec("moveit") is not None


def embedded() -> MotionPlanner:
    return EmbeddedPlanner(cell_robot(), EmbeddedSettings())


def remote() -> RemotePlanner:
    """The same in a process of its own, with the patience of a machine that is busy."""
    return RemotePlanner(embedded, start=300.0, patience=300.0)


@contextmanager
def opened(backend: str) -> Iterator[MotionPlanner]:
    """The planner of that name; gone after the block."""
    match backend:
        case "embedded":
            yield embedded()
        case "remote":
            with closing(remote()) as planner:
                yield planner
        case "moveit":
            with moveit() as planner:
                yield planner


@contextmanager
def moveit() -> Iterator[MotionPlanner]:
    """MoveIt where it is installed, in its own process; elsewhere our engine on a stand-in."""
    pytest.importorskip("rclpy")
    if MOVEIT:
        settings = ExecutorSettings(planner="moveit")
        planner = choose_planner(cell_robot(), load_cell(), settings, config_folder())[1]
        assert isinstance(planner, RemotePlanner)
        with closing(planner):
            yield planner
        return
    from moveit_stand_in import installed

    with installed():
        from ddg_execution.ros.moveit_engine import make_moveit_planner

        stand_in = make_moveit_planner(load_cell(), EmbeddedSettings(), config_folder() / "moveit")
    yield stand_in
