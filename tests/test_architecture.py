"""Who may import whom, held by reading the source."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("ddg_perception", "ddg_planning", "ddg_execution", "ddg_sim")
PACKAGES = ("ddg_core", *ROOMS, "ddg_cli")
MAY_IMPORT = {  # of our own packages
    "ddg_core": {"ddg_core"},
    **{room: {"ddg_core", room} for room in ROOMS},
    "ddg_cli": set(PACKAGES),
}
ROS = {"rclpy", "rosbag2_py", "tf2_ros", "cv_bridge", "ament_index_python", "std_srvs"}
ROS_ENDINGS = ("_msgs", "_interfaces")
PLANNING = "ddg_planning/ddg_planning"
HOMES = {  # heavy library -> the only folders that may import it
    "torch": tuple(
        f"{PLANNING}/{part}"
        for part in ("evaluate", "refine", "parallel_jaw", "training", "generate")
    ),
    "mujoco": ("ddg_sim/ddg_sim",),
    "ray": ("ddg_sim/ddg_sim",),
    "coacd": ("ddg_sim/ddg_sim",),
    "ompl": ("ddg_execution/ddg_execution/motion",),
    "pinocchio": ("ddg_execution/ddg_execution/motion",),
    "coal": ("ddg_execution/ddg_execution/motion",),
    "cv2": ("ddg_perception/ddg_perception/calibrate",),
    "pytracik": ("ddg_execution/ddg_execution/motion",),
}
SOURCES = sorted(path for name in PACKAGES for path in (ROOT / name / name).rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in SOURCES]
INSIDE = [name for name in NAMES if "/ros/" not in name]


@cache
def imports(name: str) -> frozenset[str]:
    """Full names of all that a source file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8"), name)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: relative imports hide who imports whom"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def roots(name: str) -> set[str]:
    """First names of all that a source file imports."""
    return {module.split(".")[0] for module in imports(name)}


def speaks_ros(module: str) -> bool:
    return module in ROS or module.endswith(ROS_ENDINGS)


def test_the_rules_see_the_code() -> None:
    assert len(SOURCES) > 60
    assert {name.split("/")[0] for name in NAMES} == set(PACKAGES)
    assert sum("/ros/" in name for name in NAMES) > 5
    assert any(speaks_ros(module) for name in NAMES for module in roots(name))
    assert {module for name in NAMES for module in roots(name)} & set(HOMES)


def test_rooms_open_only_onto_the_hall() -> None:
    for name in NAMES:
        package = name.split("/")[0]
        forbidden = (roots(name) & set(PACKAGES)) - MAY_IMPORT[package]
        assert not forbidden, f"{name}: {package} may not import {forbidden}"


def test_ros_is_spoken_only_at_the_windows() -> None:
    for name in INSIDE:
        ros = set(filter(speaks_ros, roots(name)))
        assert not ros, f"{name}: only {name.split('/')[0]}/ros may import {ros}"


def test_nobody_leans_out_of_a_window_but_the_door() -> None:
    for name in INSIDE:
        if name.startswith("ddg_cli/"):
            continue  # composes; test_cli.py holds that it loads nothing heavy before it must
        windows = {m for m in imports(name) if m.startswith("ddg_") and ".ros." in f"{m}."}
        assert not windows, f"{name} is outside a ros folder and may not import {windows}"


def test_heavy_libraries_stay_at_home() -> None:
    for name in NAMES:
        for library in roots(name) & set(HOMES):
            at_home = name.startswith(HOMES[library])
            assert at_home, f"{name}: only {' and '.join(HOMES[library])} may import {library}"


def test_modules_stay_short() -> None:
    for name in NAMES:
        lines = (ROOT / name).read_text(encoding="utf-8").count("\n")
        assert lines <= 300, f"{name} has {lines} lines; split it by what it is about"


def test_every_package_is_described_by_the_same_setup() -> None:
    texts = {(ROOT / name / "setup.py").read_text(encoding="utf-8") for name in PACKAGES}
    assert len(texts) == 1
    for name in PACKAGES:
        assert (ROOT / name / "resource" / name).exists()
        assert f"<name>{name}</name>" in (ROOT / name / "package.xml").read_text(encoding="utf-8")


@pytest.mark.parametrize("package", PACKAGES)
def test_what_a_package_imports_of_ros_and_of_us_it_declares(package: str) -> None:
    text = (ROOT / package / "package.xml").read_text(encoding="utf-8")
    declared = set(re.findall(r"<(?:exec_)?depend>(\w+)</", text)) | {package}
    found = {m for name in NAMES if name.startswith(f"{package}/") for m in roots(name)}
    spoken = {m for m in found if speaks_ros(m) or m in PACKAGES}
    assert spoken <= declared, f"{package}/package.xml lacks {sorted(spoken - declared)}"
