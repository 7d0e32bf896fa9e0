"""Every topic, joint, controller, frame and node that a file names is there."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("rclpy")

from ddg_cli.graph import load_graph
from ddg_core.cell import CellSettings
from ddg_core.description import (
    SCHEME,
    cell_srdf,
    cell_tree,
    cell_urdf,
    hand_names,
    load_cell,
    load_hand,
    resource,
)
from ddg_core.ros.interfaces import INTERFACES

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "config"
FILES = sorted([*CONFIG.rglob("*.yaml"), *CONFIG.rglob("*.rviz")])
CELLS = sorted(path.stem for path in (CONFIG / "cells").glob("*.yaml"))
NAME = re.compile(r"^~?(/[a-z][a-z0-9_]*)+$")
# Private to the drivers: where their frames and descriptions are put so that they are not ours.
ASIDE = re.compile(r"^/(lbr|svh)/(tf|tf_static|robot_description|joint_states)$")
GAZEBO = re.compile(r"^/camera/(depth_image|image|camera_info)$")  # names of Gazebo, not of ROS


def words(tree: Any, *keys: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text in a tree of YAML, keys included, with the keys that lead to it."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield keys, str(key)
            yield from words(value, *keys, str(key))
    elif isinstance(tree, list):
        for value in tree:
            yield from words(value, *keys)
    elif isinstance(tree, str):
        yield keys, tree


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def actions() -> set[str]:
    cells = [load_cell(name) for name in CELLS]
    return {action for cell in cells for action in (cell.arm.action, cell.hand_action)}


def test_the_walk_sees_the_files() -> None:
    assert len(FILES) > 15
    assert {"twin", "gazebo"} <= set(CELLS)
    assert sum(bool(NAME.match(word)) for path in FILES for _, word in words(read(path))) > 30


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_topic_service_and_action_is_in_the_table(path: Path) -> None:
    known = {entry.name for entry in INTERFACES} | actions()
    gazebo = (CONFIG / "gazebo") in path.parents
    for keys, word in words(read(path)):
        if NAME.match(word) and not ASIDE.match(word) and not (gazebo and GAZEBO.match(word)):
            assert word.removeprefix("~") in known, f"{path.name}: {' '.join(keys)}: {word}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_of_a_package_is_there(path: Path) -> None:
    for _, word in words(read(path)):
        if word.startswith(SCHEME + "ddg_"):
            assert resource(word).is_file()


@pytest.mark.parametrize("name", CELLS)
def test_a_cells_frames_and_joints_are_in_its_description(name: str) -> None:
    cell = load_cell(name)
    tree = cell_tree(cell)
    hand = load_hand(cell.hand)
    frames = {cell.base_frame, cell.camera.frame, cell.arm.flange, hand.settings.wrist_link}
    assert frames <= set(tree.link_names)
    assert {*cell.arm.joint_names, *hand.joint_names} == set(tree.driven)
    srdf = ET.fromstring(cell_srdf(cell))
    links = {e.get(k) for e in srdf.iter("disable_collisions") for k in ("link1", "link2")}
    links |= {e.get(k) for e in srdf.iter("chain") for k in ("base_link", "tip_link")}
    assert links <= set(tree.link_names)
    assert {e.get("name") for e in srdf.iter("joint")} <= set(tree.driven)


@pytest.mark.parametrize("name", CELLS)
def test_the_joints_that_no_planner_moves_are_those_that_follow_others(name: str) -> None:
    cell = load_cell(name)
    passive = {e.get("name") for e in ET.fromstring(cell_srdf(cell)).iter("passive_joint")}
    assert passive == {j.name for j in cell_tree(cell).joints if j.mimic}


def test_what_rviz_looks_at_is_published() -> None:
    tree = read(CONFIG / "view.rviz")
    frames = {w for keys, w in words(tree) if keys and keys[-1] in ("Fixed Frame", "Target Frame")}
    assert frames
    assert frames <= set(cell_tree(load_cell()).link_names)


def controllers() -> dict[str, list[str]]:
    """Joints of the trajectory controllers in Gazebo, by the controller's name."""
    tree = read(CONFIG / "gazebo" / "controllers.yaml")
    manager = tree["controller_manager"]["ros__parameters"]
    named = {name: entry["type"] for name, entry in manager.items() if isinstance(entry, dict)}
    moving = {name for name, kind in named.items() if kind.endswith("JointTrajectoryController")}
    assert moving == set(tree) - {"controller_manager"}
    return {name: tree[name]["ros__parameters"]["joints"] for name in moving}


def test_gazebos_controllers_are_those_that_the_cell_calls() -> None:
    cell = load_cell("gazebo")
    joints = controllers()
    called = {action.split("/")[1] for action in (cell.arm.action, cell.hand_action)}
    assert called == set(joints)
    arm, hand = (joints[action.split("/")[1]] for action in (cell.arm.action, cell.hand_action))
    assert arm == [cell.arm.joint_prefix + name for name in cell.arm.joint_names]
    assert hand == list(load_hand(cell.hand).joint_names)
    spawned = load_graph().nodes["gazebo_controllers"].arguments
    assert {*joints, "joint_state_broadcaster"} <= set(spawned)


def test_the_drivers_are_told_the_robot_and_the_controllers_that_the_real_cell_calls() -> None:
    cell, nodes = load_cell("real"), load_graph().nodes
    arm, hand = nodes["lbr"], nodes["svh"].parameters
    robot = arm.parameters["robot_name"]
    assert cell.arm.action == f"/{robot}/{arm.parameters['ctrl']}/follow_joint_trajectory"
    assert cell.arm.joint_prefix == f"{robot}_"
    assert arm.remappings[f"/{robot}/joint_states"] == "/joint_states"
    assert cell.hand_action == f"/{hand['control']}/follow_joint_trajectory"


def test_gazebo_drives_every_joint_of_the_controllers_and_knows_the_rest() -> None:
    cell = load_cell("gazebo")
    tree = cell_tree(cell)
    driven, known = set(), set()
    for system in ET.fromstring(cell_urdf(cell)).iter("ros2_control"):
        for joint in system.iter("joint"):
            known.add(joint.get("name"))
            if joint.find("command_interface") is not None:
                driven.add(joint.get("name"))
    assert driven == {joint for joints in controllers().values() for joint in joints}
    assert driven == set(tree.driven)
    assert known - driven == {j.name for j in tree.joints if j.mimic}


def test_the_bridge_carries_what_the_camera_makes_under_our_names_and_types() -> None:
    cell, bridge = load_cell("gazebo"), read(CONFIG / "gazebo" / "bridge.yaml")
    types = {entry.name: entry.type_name for entry in INTERFACES if entry.kind == "msg"}
    carried = {entry["ros_topic_name"]: entry for entry in bridge}
    camera = cell.camera
    assert set(carried) == {"/clock", camera.depth_topic, camera.info_topic, camera.color_topic}
    for name, entry in carried.items():
        assert entry["ros_type_name"] == types[name]
    sensor = ET.fromstring(cell_urdf(cell)).find(".//sensor")
    assert sensor is not None
    topic = sensor.findtext("topic")
    made = {f"/{topic}/{part}" for part in ("depth_image", "image", "camera_info")}
    assert {entry["gz_topic_name"] for entry in bridge} - {"/clock"} == made


def changed(a: Any, b: Any, *keys: str) -> set[tuple[str, ...]]:
    if isinstance(a, dict) and isinstance(b, dict):
        return set().union(*(changed(a.get(k), b.get(k), *keys, k) for k in {*a, *b}))
    return set() if a == b else {keys}


def test_the_two_twins_are_one_cell() -> None:
    paths = [CONFIG / "cells" / f"{name}.yaml" for name in ("twin", "gazebo")]
    assert changed(*map(read, paths)) <= {
        ("arm", "action"),
        ("arm", "joint_prefix"),
        ("hand_joint_prefix",),
        ("judge",),
        ("xacro_args", "gazebo"),
    }


def test_every_hand_named_by_a_cell_has_a_file() -> None:
    cells: list[CellSettings] = [load_cell(name) for name in CELLS]
    assert {cell.hand for cell in cells} <= set(hand_names())


def test_every_launch_file_starts_a_group_of_the_graph_and_every_group_has_one() -> None:
    files = {p.name.removesuffix(".launch.py"): p for p in (ROOT / "launch").glob("*.launch.py")}
    assert set(files) == set(load_graph().groups)
    for name, path in files.items():
        assert f'description_of("{name}")' in path.read_text(encoding="utf-8")


def test_every_node_of_ours_reports_its_health() -> None:
    """`DdgNode` publishes `/diagnostics` once a second from activation on."""
    nodes = [node for node in load_graph().nodes.values() if node.ours]
    assert len(nodes) > 10
    for node in nodes:
        path = ROOT / node.package / f"{node.module.replace('.', '/')}.py"
        text = path.read_text(encoding="utf-8")
        assert re.search(r"^class \w+Node\(DdgNode\):", text, re.MULTILINE), path
        assert "_diagnose" not in text, path


def moveit(name: str) -> Any:
    return read(CONFIG / "moveit" / f"{name}.yaml")


def test_moveits_limits_are_those_of_urdf_and_cell() -> None:
    cell = load_cell()
    limits = moveit("joint_limits")["joint_limits"]
    assert list(limits) == list(cell.arm.joint_names)
    for name, acceleration in zip(limits, cell.arm.max_acceleration, strict=True):
        assert limits[name]["max_velocity"] == cell_tree(cell).joint(name).velocity
        assert limits[name]["max_acceleration"] == acceleration


def test_moveits_groups_and_planners_are_there() -> None:
    groups = {g.get("name") for g in ET.fromstring(cell_srdf(load_cell())).iter("group")}
    assert set(moveit("kinematics")) <= groups
    ompl = moveit("ompl_planning")
    planners = set(ompl["planner_configs"])
    assert moveit("moveit_cpp")["plan_request_params"]["planner_id"] in planners
    named = [name for name in ompl if name in groups]
    assert named == ["arm"]
    assert set(ompl["arm"]["planner_configs"]) <= planners
    pipelines = moveit("moveit_cpp")["planning_pipelines"]["pipeline_names"]
    assert pipelines == ["ompl"]


def test_moveits_controllers_are_the_cells() -> None:
    cell = load_cell()
    manager = moveit("moveit_controllers")["moveit_simple_controller_manager"]
    joints = {}
    for name in manager["controller_names"]:
        entry = manager[name]
        joints[f"/{name}/{entry['action_ns']}"] = entry["joints"]
    assert joints == {
        cell.arm.action: list(cell.arm.joint_names),
        cell.hand_action: list(load_hand(cell.hand).joint_names),
    }


@pytest.mark.parametrize("name", CELLS)
def test_a_cells_payload_is_what_its_description_weighs(name: str) -> None:
    cell = load_cell(name)
    beyond = cell_tree(cell).subtree("adapter").inertials.values()
    assert sum(i.mass for i in beyond) == pytest.approx(cell.payload, rel=0.05)


def test_a_real_cell_begins_slowly_asks_first_and_needs_a_calibration() -> None:
    cell = load_cell("real")
    assert not cell.simulated
    assert cell.arm.speed <= 0.1
    assert cell.confirm
    assert cell.judge != "ground_truth"
    assert cell.calibration is None


def test_only_simulations_know_the_truth_and_need_no_calibration() -> None:
    for cell in map(load_cell, CELLS):
        assert cell.simulated or cell.judge != "ground_truth"
