"""The setup: does what is needed, once, and says in one line what it lacks."""

import ast
import importlib.metadata
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ddg_cli.setup_ import door, install, lock, system, workspace
from ddg_cli.setup_.environment import DDS_PROFILE, changes
from ddg_cli.setup_.files import APT, PACKAGES, ROOT, WHEELS, House, fingerprint
from ddg_cli.setup_.process import SetupFailed, run_logged
from ddg_cli.setup_.progress import Progress
from ddg_cli.setup_.wheels import repair

CMAKE = """set(_include_dirs "/opt/python/cp312-cp312/include/python3.12")
set(_numpy "/opt/python/cp312-cp312/lib/python3.12/site-packages/numpy/_core/include")
set(_other "/opt/ros/include")
"""


def test_the_wheels_are_pointed_at_this_machines_headers_once(tmp_path: Path) -> None:
    path = tmp_path / "share" / "rclpy" / "cmake" / "export.cmake"
    path.parent.mkdir(parents=True)
    path.write_text(CMAKE, encoding="utf-8")
    assert repair(tmp_path, "/usr/include/py", "/venv/numpy") == 1
    text = path.read_text(encoding="utf-8")
    assert "/opt/python" not in text
    assert '"/usr/include/py"' in text
    assert '"/venv/numpy"' in text
    assert '"/opt/ros/include"' in text
    assert repair(tmp_path, "/usr/include/py", "/venv/numpy") == 0


def test_every_requirement_is_pinned() -> None:
    for house in (WHEELS, APT):
        pins = house.constraints.read_text(encoding="utf-8")
        names = [w.split("==")[0].split("<")[0].lower() for w in lock.asked(house.requirements)]
        assert len(names) > 10
        for name in names:
            assert f"\n{name.replace('_', '-')}==" in pins.replace("_", "-"), name


def test_every_requirement_has_a_reason() -> None:
    for house in (WHEELS, APT):
        reason = ""
        for line in house.requirements.read_text(encoding="utf-8").splitlines():
            if not line.strip():
                reason = ""
            elif "#" in line:
                reason = line
            assert reason or not line.strip(), line


def test_pins_that_differ_between_pythons_carry_a_marker() -> None:
    text = lock.merge({"3.11": {"a": "1", "b": "1"}, "3.12": {"a": "1", "b": "2", "c": "3"}})
    assert text.splitlines()[1:] == [
        "a==1",
        'b==1 ; python_version == "3.11"',
        'b==2 ; python_version == "3.12"',
        'c==3 ; python_version == "3.12"',
    ]


def test_a_fingerprint_sees_content_and_names(tmp_path: Path) -> None:
    (tmp_path / "a.msg").write_text("float64 x", encoding="utf-8")
    first = fingerprint([tmp_path])
    assert fingerprint([tmp_path]) == first
    assert fingerprint([tmp_path], "3.12") != first
    (tmp_path / "a.msg").rename(tmp_path / "b.msg")
    second = fingerprint([tmp_path])
    (tmp_path / "b.msg").write_text("float64 y", encoding="utf-8")
    assert len({first, second, fingerprint([tmp_path])}) == 3


def test_what_the_system_lacks_is_one_line_with_the_apt_packages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lacking = [
        system.Prerequisite("a C++ compiler", ("g++",), "", lambda: False),
        system.Prerequisite("an off-screen OpenGL", ("libegl1", "x"), "", lambda: False),
        system.Prerequisite("something", ("here",), "", lambda: True),
    ]
    monkeypatch.setattr(system, "PREREQUISITES", lacking)
    line = system.complaint(system.missing())
    assert line == (
        "this system lacks a C++ compiler, an off-screen OpenGL: "
        "sudo apt-get install -y g++ libegl1 x"
    )


def test_a_lacking_system_is_told_before_anything_is_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking = system.Prerequisite("OpenMP", ("libgomp1",), "", lambda: False)
    monkeypatch.setattr(system, "PREREQUISITES", [lacking])
    house = House("", tmp_path / ".venv")
    for name in ("requirements", "constraints"):
        assert getattr(house, name).is_file()
    with pytest.raises(SetupFailed, match="libgomp1"):
        door.ensure(house)
    assert not house.python.exists()


def test_a_failed_step_names_its_log_and_its_error(tmp_path: Path) -> None:
    log = tmp_path / "setup.log"
    command = [sys.executable, "-c", "print('ERROR: no space left'); raise SystemExit(1)"]
    with pytest.raises(SetupFailed, match=rf"^installing failed \(ERROR: no space.*{log}"):
        run_logged(command, log, what="installing", watch=lambda _line: None)
    assert "no space left" in log.read_text(encoding="utf-8")


def test_a_command_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupFailed, match="there is no command 'no-colcon'"):
        run_logged(["no-colcon"], tmp_path / "log", what="building", watch=print)


def test_a_house_is_ready_only_with_both_stamps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House("", tmp_path / ".venv")
    house.python.parent.mkdir(parents=True)
    house.python.touch()
    wanted = install.wanted(house)
    assert not door.ready(house)
    (house.venv / "ddg-packages").write_text(wanted, encoding="utf-8")
    assert not door.ready(house)
    (house.venv / "ddg-messages").write_text(workspace.wanted(wanted), encoding="utf-8")
    assert door.ready(house)
    monkeypatch.setattr(workspace, "INTERFACES", ("ddg_interfaces",))
    assert not door.ready(house)


def test_a_sourced_ros_does_not_leak_into_the_wheels() -> None:
    sourced = {
        "PYTHONPATH": "/opt/ros/humble/lib/python3.10/site-packages",
        "LD_LIBRARY_PATH": "/opt/ros/humble/lib:/opt/cuda/lib",
        "AMENT_PREFIX_PATH": "/opt/ros/humble",
        "PATH": "/usr/bin",
    }
    new = changes(WHEELS, sourced)
    assert new["PYTHONPATH"] is None
    assert "/opt/ros" not in f"{new['LD_LIBRARY_PATH']}{new['AMENT_PREFIX_PATH']}"
    assert str(new["LD_LIBRARY_PATH"]).endswith("/opt/cuda/lib")
    assert str(new["PATH"]).startswith(str(WHEELS.venv / "bin"))


def test_images_fit_into_the_shared_memory_of_the_nodes() -> None:
    profile = str(changes(WHEELS, {})[DDS_PROFILE])
    sizes = ElementTree.parse(profile).iter("{http://www.eprosima.com}segment_size")
    assert [int(str(size.text)) > 4 * (640 * 480 * 4) for size in sizes] == [True]
    assert changes(WHEELS, {DDS_PROFILE: "mine.xml"})[DDS_PROFILE] == "mine.xml"


def test_on_apt_ros_what_was_sourced_stays() -> None:
    sourced = {
        "PYTHONPATH": f"{ROOT / 'ddg_cli'}:{ROOT / 'ddg_core'}:/opt/ros/jazzy/python",
        "AMENT_PREFIX_PATH": "/opt/ros/jazzy",
    }
    new = changes(APT, sourced)
    assert new["PYTHONPATH"] == "/opt/ros/jazzy/python"
    assert str(new["AMENT_PREFIX_PATH"]).endswith(":/opt/ros/jazzy")


def test_on_apt_ros_only_what_is_not_found_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "share" / "tf2_msgs").mkdir(parents=True)
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    assert workspace.packages(APT) == ["control_msgs", "ddg_interfaces"]
    assert workspace.packages(WHEELS) == ["control_msgs", "tf2_msgs", "ddg_interfaces"]


def test_where_nobody_watches_progress_is_a_line_per_step() -> None:
    stream = io.StringIO()
    progress = Progress("setting up", (("a", 0.25), ("b", 0.75)), stream)
    progress.step("a")
    progress.show(0.5, "x")
    assert progress.percent == 12
    progress.step("b")
    progress.finish()
    assert [line.split()[2] for line in stream.getvalue().splitlines()[:2]] == ["0", "25"]
    assert stream.getvalue().count("\n") == 3


def test_the_script_says_which_python_it_needs(tmp_path: Path) -> None:
    (tmp_path / "ddg").symlink_to(ROOT / "ddg")
    result = subprocess.run(
        [str(tmp_path / "ddg"), "--help"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "DDG_PYTHON": "no-such-python"},
    )
    if WHEELS.python.exists():
        assert result.returncode == 0
    else:
        assert result.returncode == 1
        assert "needs Python 3.11, 3.12 or 3.13" in result.stderr


def test_help_and_doctor_answer_before_anything_is_installed(tmp_path: Path) -> None:
    (tmp_path / "ddg").write_bytes((ROOT / "ddg").read_bytes())
    for name in ("ddg_cli/ddg_cli", "ddg_core/ddg_core", "underlay", "ddg_interfaces"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for source in ROOT.glob("*.txt"):
        shutil.copy(source, tmp_path)
    env = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "DDG_PYTHON": sys.executable}
    for words in (["--help"], ["doctor", "--json"]):
        command = ["bash", str(tmp_path / "ddg"), *words]
        result = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
        assert result.stderr == ""
    answer = json.loads(result.stdout)
    assert answer["ready"] is False
    assert not (tmp_path / ".venv").exists()


def test_every_library_that_the_code_imports_is_required() -> None:
    ours = {path.parent.name for path in ROOT.glob("*/package.xml")}
    ours |= {path.stem for path in (ROOT / "tests").glob("*.py")}
    found = {
        name.split(".")[0]
        for folder in (*PACKAGES, "tests", "examples", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        if "/ros/" not in str(path) and path.name != "setup.py"
        for name in _imported(path)
    }
    found -= ours | set(sys.stdlib_module_names)
    assert len(found) > 8
    homes = importlib.metadata.packages_distributions()
    wanted = {_normal(w.split("==")[0].split("<")[0]) for w in lock.asked(WHEELS.requirements)}
    for name in sorted(found):
        dists = {_normal(dist) for dist in homes.get(name, [])}
        ros = name.endswith(("_msgs", "_interfaces")) or any(d.startswith("ros-") for d in dists)
        if dists and not ros:
            assert dists & wanted, f"{name} ({', '.join(dists)}) is not in requirements.txt"


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def _normal(name: str) -> str:
    return name.lower().replace("_", "-")


@pytest.mark.parametrize("loads", [True, False])
def test_only_a_torch_that_does_not_load_gets_more_libraries(tmp_path, monkeypatch, loads) -> None:
    house = House("", tmp_path)
    house.python.parent.mkdir()
    house.python.write_text(f"#!/bin/sh\nexit {0 if loads else 1}\n", encoding="utf-8")
    house.python.chmod(0o755)
    asked: list[list[str]] = []
    monkeypatch.setattr(install, "run_logged", lambda command, *_, **__: asked.append(command))
    install._install_torch(house, "torch==9", tmp_path / "log", lambda *_: None)
    pips = [command for command in asked if "pip" in command]
    assert ["--no-deps" in command for command in pips] == ([True] if loads else [True, False])
