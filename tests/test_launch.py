"""Launch files start what the node graph says, with the same arguments everywhere.

ROS's launch and launch_ros are on no package index: where they are absent the tests skip. Programs
are stand-ins that write down what they were given; the graph itself is tested without launch.
"""

import importlib.util
import json
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytest.importorskip("launch", reason="ROS's launch is not installed (it comes with ROS from apt)")
pytest.importorskip("launch_ros", reason="ROS's launch_ros is not installed")

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument

from ddg_cli.graph import load_graph
from ddg_core.waiting import wait_until

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "launch").glob("*.launch.py"))
ARGUMENTS = {"robot", "hand", "object", "config", "use_sim_time", "confirm"}
PROGRAM = """
    #!{python}
    import json, os, signal, sys
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # may be ignored where a shell said &
    with open("{told}/" + str(os.getpid()), "w") as file:
        json.dump([os.path.realpath(__file__), *sys.argv[1:]], file)
    signal.pause()
"""
DRIVER = """
    import launch, launch_ros.actions
    def generate_launch_description():
        return launch.LaunchDescription([
            launch_ros.actions.Node(package="{package}", executable="driver")
        ])
"""
LAUNCH = """
import json, sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource

source, arguments = PythonLaunchDescriptionSource(sys.argv[1]), json.loads(sys.argv[2])
service = LaunchService(noninteractive=True)
include = IncludeLaunchDescription(source, launch_arguments=arguments.items())
service.include_launch_description(LaunchDescription([include]))
sys.exit(service.run())
"""


def group_of(path: Path) -> str:
    return path.name.removesuffix(".launch.py")


def describe(path: Path) -> LaunchDescription:
    spec = importlib.util.spec_from_file_location(group_of(path), path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.generate_launch_description()


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ROS in which every program of the graph is a stand-in; the folder where they report."""
    folder = tmp_path / "told"
    folder.mkdir()
    for node in load_graph().nodes.values():
        index = tmp_path / "share/ament_index/resource_index/packages"
        index.mkdir(parents=True, exist_ok=True)
        (index / node.package).touch()
        share, lib = tmp_path / "share" / node.package, tmp_path / "lib" / node.package
        (share / "launch").mkdir(parents=True, exist_ok=True)
        (share / "package.xml").write_text("<package/>")
        lib.mkdir(parents=True, exist_ok=True)
        if node.launch:
            text = textwrap.dedent(DRIVER).format(package=node.package)
            (share / "launch" / node.launch).write_text(text)
        program = lib / (node.executable or "driver")
        program.write_text(
            textwrap.dedent(PROGRAM).strip().format(python=sys.executable, told=folder)
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    monkeypatch.setenv("ROS_LOG_DIR", str(tmp_path / "log"))
    return folder


def started(path: Path, arguments: dict[str, str], told: Path) -> dict[str, list[str]]:
    """Start a launch file as `ros2 launch` does, wait for its programs, end it with Ctrl-C.

    Returns:
        Of every program, by package/program, the words that it was started with.
    """
    count = len(load_graph().select([group_of(path)]))
    words = [sys.executable, "-c", LAUNCH, str(path), json.dumps(arguments)]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as ros:
        try:
            wait_until(
                lambda: ros.poll() is not None or len(reports(told)) >= count,
                what=f"{count} programs",
                timeout=60.0,
            )
            ros.send_signal(signal.SIGINT)
            said, _ = ros.communicate(timeout=60.0)
        finally:
            ros.kill()
    assert ros.returncode == 0, said
    assert not any(Path(f"/proc/{file.name}").exists() for file in told.iterdir())
    return {"/".join(Path(words[0]).parts[-2:]): words[1:] for words in reports(told)}


def reports(told: Path) -> list[list[str]]:
    texts = [file.read_text() for file in told.iterdir()]
    return [json.loads(text) for text in texts if text.endswith("]")]


def test_the_launch_files_are_those_that_are_promised() -> None:
    assert {"twin", "real", "grasping", "trial", "view"} <= {group_of(path) for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=group_of)
def test_every_launch_file_takes_the_same_arguments_and_explains_them(path: Path) -> None:
    declared = [e for e in describe(path).entities if isinstance(e, DeclareLaunchArgument)]
    assert {argument.name for argument in declared} == ARGUMENTS
    assert all(argument.description for argument in declared)


@pytest.mark.ros
@pytest.mark.parametrize("path", FILES, ids=group_of)
def test_every_launch_file_starts_its_group_and_stops_it(path: Path, told: Path) -> None:
    nodes = load_graph().select([group_of(path)])
    words = started(path, {}, told)
    assert set(words) == {f"{n.package}/{n.executable or 'driver'}" for n in nodes.values()}


@pytest.mark.ros
def test_arguments_reach_the_nodes(told: Path) -> None:
    words = started(ROOT / "launch" / "trial.launch.py", {"hand": "parallel_gripper"}, told)
    files = [
        words["ddg_execution/trial"][i + 1]
        for i, w in enumerate(words["ddg_execution/trial"])
        if w == "--params-file"
    ]
    assert any("hand: parallel_gripper" in Path(file).read_text() for file in files)


@pytest.mark.ros
def test_the_operators_permission_reaches_the_executor(told: Path) -> None:
    words = started(ROOT / "launch" / "grasping.launch.py", {"confirm": "true"}, told)
    mine = words["ddg_execution/executor"]
    files = [mine[i + 1] for i, word in enumerate(mine) if word == "--params-file"]
    assert any("confirm: true" in Path(file).read_text() for file in files)


@pytest.mark.ros
def test_a_drivers_frames_stay_out_of_ours(told: Path) -> None:
    words = started(ROOT / "launch" / "real.launch.py", {}, told)
    assert "/tf:=/lbr/tf" in words["lbr_bringup/driver"]
    assert "/lbr/joint_states:=/joint_states" in words["lbr_bringup/driver"]
    assert "~/robot_description:=/svh/robot_description" in words["schunk_svh_driver/driver"]
    assert "/tf:=/lbr/tf" not in words["realsense2_camera/driver"]
