"""The whole stack over ROS: called by others, and with its parts taken away."""

import os
import signal
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("ddg_interfaces", reason="the interfaces are not built")

from ddg_cli import stack
from ddg_cli.ros.witness import Witness
from ddg_cli.stopwatch import Stopwatch
from ddg_core.description import load_cell
from ddg_core.errors import Failed
from ddg_core.outcome import Outcome
from ddg_core.waiting import wait_until

pytestmark = [pytest.mark.ros, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """All nodes of the twin with a mug on the table; tests below take parts of it away in turn."""
    out = tmp_path_factory.mktemp("trials")
    with stack.up(out, Stopwatch()) as (processes, session):
        session.spawn("mug_000", 1)
        yield processes, session, out


def test_another_process_asks_for_grasps_and_gets_them(running):
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "call_planner.py"],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, *grasps = done.stdout.splitlines()
    assert first.startswith("OK")
    assert grasps
    assert all("score" in line for line in grasps)


def test_an_unknown_object_is_refused_and_the_old_one_stays(running):
    _, session, _ = running
    with pytest.raises(Failed, match="did you mean 'mug'") as info:
        session.spawn("mgu", 1)
    assert info.value.outcome == Outcome.BAD_INPUT


def test_a_silent_camera_is_told_and_the_arm_stays(running):
    processes, session, out = running
    camera = processes.processes["camera"]
    os.killpg(camera.pid, signal.SIGSTOP)
    try:
        result = session.run_trial("mug_000", 1, lambda _: None)
    finally:
        os.killpg(camera.pid, signal.SIGCONT)
    assert result.outcome.code in ("NO_CLOUD", "STALE_DATA")
    assert "/camera/depth" in result.outcome.message
    assert not result.grasp.wrist_poses
    assert Path(result.record).parent == out
    with Witness(load_cell()) as witness:  # what needs the camera was taken down, and comes back
        witness.wait_active(processes.processes, timeout=120.0)


def test_a_twin_killed_in_the_middle_ends_the_trial_with_a_sentence(running):
    processes, session, out = running

    def kill(stage):
        if stage == "execute/approach":
            os.killpg(processes.processes["twin"].pid, signal.SIGKILL)

    result = session.run_trial("mug_000", 1, kill)
    assert result.outcome.code in ("CONTROLLER_ABORTED", "STALE_DATA", "TIMEOUT", "STOPPED")
    assert result.outcome.message
    assert Path(result.record).is_file()
    assert Path(result.bag).is_dir()
    assert not list(out.glob(".*"))


def marked(mark: str) -> list[str]:
    """Command lines of all processes that carry a mark in their environment."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                if mark.encode() in (folder / "environ").read_bytes():
                    found.append((folder / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue
    return found


@pytest.mark.parametrize("moment", ["starting", "capture", "execute/approach"])
def test_ctrl_c_leaves_no_process_and_nothing_half_written(tmp_path, moment):
    mark = uuid.uuid4().hex
    words = [sys.executable, "-m", "ddg_cli", "demo", "--object", "mug", "--out", str(tmp_path)]
    demo = subprocess.Popen(
        words, stderr=subprocess.PIPE, text=True, env={**os.environ, "DDG_TEST_MARK": mark}
    )
    seen: list[str] = []
    reader = threading.Thread(target=lambda: seen.extend(demo.stderr), daemon=True)
    reader.start()
    wait_until(lambda: any(moment in line for line in seen), what=moment, timeout=120.0)
    assert len(marked(mark)) > 2  # the nodes carry the mark, so that its absence tells something
    demo.send_signal(signal.SIGINT)
    assert demo.wait(30.0) == 130
    assert marked(mark) == []
    assert not list(tmp_path.glob(".*"))
    assert not [path for path in tmp_path.glob("*/") if not (path / "metadata.yaml").is_file()]
