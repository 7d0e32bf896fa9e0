"""Planners in a process of their own, and which one is chosen."""

import multiprocessing
from functools import partial
from typing import Any

import numpy as np
import pytest
import yaml
from motion_backends import MOVEIT, remote
from motion_fixtures import OPEN, ball, cell_robot, top_grasp
from scipy.spatial import cKDTree

from ddg_core.description import config_folder, load_cell
from ddg_core.errors import BadInput, Failed
from ddg_core.outcome import Outcome
from ddg_execution.executor_settings import ExecutorSettings
from ddg_execution.motion.bodies import VOXEL
from ddg_execution.motion.octomap import octomap_bytes
from ddg_execution.motion.port import MotionPlanner, Scene, Situation
from ddg_execution.motion.remote import serve
from ddg_execution.ros.planners import choose_planner

ROBOT = cell_robot()
FREE = Situation(Scene(), OPEN)


def refuse() -> MotionPlanner:
    raise BadInput("no such robot")


def test_what_keeps_a_planner_from_starting_is_told():
    ours, theirs = multiprocessing.Pipe()
    serve(theirs, refuse)
    assert ours.recv() == (Outcome.BAD_INPUT, "no such robot")


def test_a_planner_that_died_is_told_and_the_next_question_starts_it_again():
    planner, T = remote(), top_grasp().T_base_wrist[0]
    found = planner.configurations(T, FREE, near=ROBOT.home)
    planner._process.kill()
    with pytest.raises(Failed, match="died"):
        planner.configurations(T, FREE, near=ROBOT.home)
    again = planner.configurations(T, FREE, near=ROBOT.home)
    np.testing.assert_array_equal(again, found)
    planner.close()


@pytest.mark.skipif(MOVEIT, reason="MoveIt is installed")
def test_moveit_chosen_but_not_installed_is_one_clear_error():
    choose = partial(choose_planner, ROBOT, load_cell(), config=config_folder())
    with pytest.raises(BadInput, match=r"moveit_py is not installed.*apt-get install"):
        choose(settings=ExecutorSettings(planner="moveit"))
    assert choose(settings=ExecutorSettings(planner="auto"))[0] == "embedded"


def test_moveits_parameters_are_read_by_ros_as_they_are_written(tmp_path, domains):
    """`MoveItPy` writes its `config_dict` into a file of parameters, as here."""
    rclpy = pytest.importorskip("rclpy")
    from moveit_stand_in import installed

    with installed():
        from ddg_execution.ros.moveit_engine import moveit_parameters

        written = moveit_parameters(load_cell(), config_folder() / "moveit")
    file = tmp_path / "moveit.yaml"
    file.write_text(yaml.dump({"ddg_moveit": {"ros__parameters": written}}))
    context = rclpy.Context()
    arguments = ["--ros-args", "--params-file", str(file)]
    rclpy.init(context=context, args=arguments, domain_id=domains())
    node = rclpy.create_node(
        "ddg_moveit", context=context, automatically_declare_parameters_from_overrides=True
    )
    read = {name: p.value for name, p in node.get_parameters_by_prefix("").items()}
    node.destroy_node()
    context.shutdown()
    assert leaves(written) <= {(name, str(value)) for name, value in read.items()}


def leaves(tree: Any, *keys: str) -> set[tuple[str, str]]:
    """Every value of a tree of parameters, by the name that ROS gives it."""
    if not isinstance(tree, dict):
        return {(".".join(keys), str(tree))}
    return set().union(*(leaves(value, *keys, key) for key, value in tree.items()))


def test_a_cloud_survives_the_octree():
    pytest.importorskip("rclpy")
    from moveit_stand_in import occupied

    points = ball((0.5, -0.2, 0.1), 0.05)
    cells = occupied(octomap_bytes(points, VOXEL), VOXEL)
    distance, _ = cKDTree(cells).query(points, p=np.inf)
    assert distance.max() <= VOXEL / 2 + 1e-9
    assert len(cells) == len(np.unique(np.floor(points / VOXEL), axis=0))
