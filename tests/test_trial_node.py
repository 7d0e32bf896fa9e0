"""The trial node over ROS, among fake neighbours: what it calls, answers, records and leaves."""

import array
import json
import os
import shutil
import subprocess
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

rclpy = pytest.importorskip("rclpy")
pytest.importorskip("ddg_interfaces", reason="the interfaces are not built")

from ddg_interfaces.action import ExecuteGrasp, PlanGrasps, RunTrial
from ddg_interfaces.msg import Grasp, Held, StageTime
from ddg_interfaces.srv import CaptureView
from geometry_msgs.msg import Pose
from rclpy.action import CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.parameter import Parameter
from rosbags.highlevel import AnyReader
from sensor_msgs.msg import Image
from std_srvs.srv import SetBool

from ddg_core.description import config_folder
from ddg_core.ros.calls import SureActionClient, run_action
from ddg_core.ros.executor import NodeExecutor
from ddg_core.ros.interfaces import SENSOR
from ddg_core.ros.spinning import spinning
from ddg_core.ros.waitables import SureActionServer
from ddg_core.waiting import wait_until
from ddg_execution.ros.trial_node import TrialNode

pytestmark = pytest.mark.ros


class Neighbours(rclpy.node.Node):
    """Capture, planner, executor and the twin's truth, each saying what it is told to."""

    def __init__(self):
        super().__init__("neighbours")
        self.captured, self.planned, self.executed = "OK", "OK", "OK"
        self.hang = threading.Event()
        self.told = 0
        self.grasps, self.held, self.phase = 2, True, ""
        self.further: tuple[str, ...] = ()
        group = ReentrantCallbackGroup()
        self.create_service(CaptureView, "/ddg/capture_view", self._capture, callback_group=group)
        accept = {"cancel_callback": lambda _: CancelResponse.ACCEPT, "callback_group": group}
        self.servers = [
            SureActionServer(self, PlanGrasps, "/ddg/plan_grasps", self._plan, **accept),
            SureActionServer(self, ExecuteGrasp, "/ddg/execute_grasp", self._execute, **accept),
        ]
        self.truth = self.create_publisher(Held, "/ground_truth/held", 10)
        self.create_timer(0.02, self._tell, callback_group=group)
        self.noise = False
        self.camera = self.create_publisher(Image, "/camera/depth/image_rect_raw", SENSOR)
        self.target = self.create_publisher(Grasp, "/ddg/target", 10)
        self.followed: Grasp | None = None
        self.create_timer(0.05, self._shoot, callback_group=group)
        self.client = SureActionClient(self, RunTrial, "/ddg/run_trial", callback_group=group)

    def _tell(self):
        self.told += 1
        if self.held is not None:
            self.truth.publish(
                Held(held=self.held, height=0.1 if self.held else 0.0, moved=0.0, turned=0.0)
            )

    def _shoot(self):
        if self.noise:
            image = Image(height=256, width=256, step=1024, encoding="32FC1")
            image.data = array.array("B", os.urandom(256 * 1024))
            self.camera.publish(image)

    def _capture(self, _, response):
        response.outcome.code = self.captured
        response.outcome.message = "" if self.captured == "OK" else "because"
        response.stages = [StageTime(stage="segment", duration=0.01)]
        return response

    def _plan(self, handle):
        handle.succeed()
        grasp = Grasp(
            hand="svh", kind="pinch", joint_names=["a"], joints=[0.1, 0.2], wrist_poses=[Pose()] * 2
        )
        result = PlanGrasps.Result(grasps=[grasp] * self.grasps)
        result.outcome.code = self.planned
        return result

    def _execute(self, handle):
        if self.followed is not None:
            wait_until(self.target.get_subscription_count, what="the trial node", timeout=60.0)
            self.target.publish(self.followed)
        for phase in ("approach", "lift", "hold", *self.further):
            self.phase = phase
            handle.publish_feedback(ExecuteGrasp.Feedback(phase=phase))
            told = self.told
            wait_until(lambda n=told: self.told >= n + 6, what="the truth", timeout=60.0)
        result = ExecuteGrasp.Result(phase=phase, joints_reached=[0.1])
        result.outcome.code = self.executed
        if self.hang.is_set():
            wait_until(lambda: handle.is_cancel_requested, what="cancel", timeout=60.0)
            handle.canceled()
            result.outcome.code = "CANCELLED"
            return result
        handle.succeed()
        return result


@pytest.fixture
def small_disk(tmp_path: Path):
    """A disk of 1 MB where the trial node writes."""
    out = tmp_path / "out"
    out.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(out)]
    if shutil.which("mount") is None or subprocess.run(words, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    yield out
    subprocess.run(["umount", "-l", str(out)], check=True)


@pytest.fixture
def config(tmp_path: Path):
    """A copy of the settings, to be changed before the node starts."""
    return Path(shutil.copytree(config_folder(), tmp_path / "config"))


@pytest.fixture
def world(tmp_path: Path, config: Path, domains):
    """A trial node among its neighbours in a ROS domain of its own."""
    rclpy.init(domain_id=domains())
    parameters = {"folder": str(tmp_path / "out"), "config_dir": str(config)}
    node = TrialNode(parameter_overrides=[Parameter(k, value=v) for k, v in parameters.items()])
    others = Neighbours()
    executor = NodeExecutor(num_threads=8)
    for each in (node, others):
        executor.add_node(each)
    with spinning(executor):
        node.trigger_configure()
        node.trigger_activate()
        yield SimpleNamespace(node=node, others=others, out=tmp_path / "out")
        node.trigger_shutdown()
    for each in (node, others):
        each.destroy_node()
    rclpy.try_shutdown()


def run(world, stages=None, cancelled=lambda: False):
    return run_action(
        world.others.client,
        RunTrial.Goal(object="mug_000", seed=3),
        name="/ddg/run_trial",
        timeout=60.0,
        on_feedback=lambda f: stages.append(f.stage) if stages is not None else None,
        cancelled=cancelled,
    )


def test_a_good_trial_is_held_recorded_and_bagged(world):
    stages: list[str] = []
    result = run(world, stages)
    assert (result.outcome.code, result.candidates, result.tried) == ("HELD", 2, 1)
    assert [s for s in stages if "/" not in s] == ["capture", "plan", "execute", "judge", "record"]
    assert "execute/lift" in stages
    record = json.loads(Path(result.record).read_text())
    assert (record["outcome"], record["object"], record["seed"]) == ("HELD", "mug_000", 3)
    assert record["grasp"]["joints"] == [[0.1], [0.2]]
    assert record["judged"]["height"] == pytest.approx(0.1)
    assert "trial.yaml" in record["settings"]
    assert "execute" in record["timings_s"]
    with AnyReader([Path(result.bag)]) as reader:
        assert {"/ddg/run_trial/result", "/ddg/execute_grasp/goal"} <= set(reader.topics)
    left = {p.name for p in world.out.iterdir()}
    assert left == {Path(result.record).name, Path(result.bag).name}


def test_a_target_that_was_followed_is_the_grasp_of_the_record(world):
    others = world.others
    others.followed = Grasp(
        hand="svh", kind="fc", joint_names=["a"], joints=[0.3, 0.4], wrist_poses=[Pose()] * 2
    )
    result = run(world)
    assert (result.outcome.code, result.grasp.kind) == ("HELD", "fc")
    assert json.loads(Path(result.record).read_text())["grasp"]["joints"] == [[0.3], [0.4]]
    with AnyReader([Path(result.bag)]) as reader:
        assert "/ddg/target" in reader.topics
    others.followed = None
    assert run(world).grasp.kind == "pinch"  # what the last trial did is forgotten


@pytest.mark.parametrize(
    ("attribute", "code"),
    [
        ("captured", "STALE_DATA"),
        ("captured", "NO_CLOUD"),
        ("planned", "ALL_IN_COLLISION"),
        ("executed", "CONTROLLER_ABORTED"),
    ],
)
def test_a_neighbours_outcome_is_the_trials_and_is_recorded(world, attribute, code):
    setattr(world.others, attribute, code)
    result = run(world)
    assert result.outcome.code == code
    assert json.loads(Path(result.record).read_text())["outcome"] == code


def test_what_never_left_the_table_is_not_held(world):
    world.others.held = False
    assert run(world).outcome.code == "NOT_HELD"


@pytest.fixture
def real(config: Path, request):
    """A cell in which nobody knows the truth."""
    path = config / "cells" / "twin.yaml"
    text = path.read_text()
    assert "judge: ground_truth" in text
    path.write_text(text.replace("judge: ground_truth", f"judge: {request.param}"))


@pytest.mark.parametrize("real", ["operator"], indirect=True)
def test_the_operators_word_decides_and_the_record_says_whose_it_was(real, world):
    client = world.others.create_client(SetBool, "/ddg/held")
    told = []

    def tell() -> bool:
        if world.others.phase == "hold" and not told:
            told.append(client.call_async(SetBool.Request(data=True)))
        return False

    result = run(world, cancelled=tell)
    assert (result.outcome.code, result.outcome.message) == ("HELD", "so says the operator")
    assert json.loads(Path(result.record).read_text())["judged_by"] == "operator"


@pytest.mark.parametrize("real", ["view"], indirect=True)
def test_an_empty_table_during_the_hold_means_held(real, world):
    def take_away() -> bool:
        if world.others.phase == "lift":
            world.others.captured = "NO_CLOUD"
        return False

    result = run(world, cancelled=take_away)
    assert (result.outcome.code, result.outcome.message) == ("HELD", "the table is empty")
    assert json.loads(Path(result.record).read_text())["judged_by"] == "view"


def test_without_ground_truth_the_arm_stays_where_it_is(world):
    world.others.held = None
    result = run(world)
    assert result.outcome.code == "TIMEOUT"
    assert "/ground_truth/held" in result.outcome.message
    assert world.others.phase == ""


def test_a_cancel_reaches_the_executor_and_the_next_trial_runs(world):
    world.others.hang.set()
    result = run(world, cancelled=lambda: world.others.phase == "hold")
    assert result.outcome.code == "CANCELLED"
    assert json.loads(Path(result.record).read_text())["outcome"] == "CANCELLED"
    world.others.hang.clear()
    assert run(world).outcome.code == "HELD"


@pytest.mark.parametrize("code", ["STOPPED", "CANCELLED"])
def test_what_was_held_is_recorded_though_putting_it_back_was_stopped(world, code):
    world.others.further, world.others.executed = ("place",), code
    if code == "CANCELLED":
        world.others.hang.set()
    result = run(
        world, cancelled=lambda: world.others.hang.is_set() and world.others.phase == "place"
    )
    record = json.loads(Path(result.record).read_text())
    assert (result.outcome.code, record["outcome"], record["judged_as"]) == (code, code, "HELD")
    assert "the judge had said HELD" in record["message"]


@pytest.mark.parametrize("real", ["operator"], indirect=True)
def test_a_cancel_does_not_wait_for_the_operator(real, world):
    world.others.further = ("place",)
    world.others.hang.set()
    result = run(world, cancelled=lambda: world.others.phase == "place")
    record = json.loads(Path(result.record).read_text())
    assert (record["outcome"], record["judged_as"]) == ("CANCELLED", "")
    assert result.outcome.code == "CANCELLED"


@pytest.fixture
def hasty(config: Path):
    """A trial node that waits two seconds for the next word of the executor."""
    text = (config / "trial.yaml").read_text()
    assert "  execute: 480.0" in text
    (config / "trial.yaml").write_text(text.replace("  execute: 480.0", "  execute: 2.0"))


def test_an_executor_that_speaks_now_and_then_may_take_its_time(hasty, world):
    world.others.further = ("place", "release") * 12  # of a tenth of a second each, at least
    began = time.monotonic()
    assert run(world).outcome.code == "HELD"
    assert time.monotonic() - began > 2.5


def test_an_executor_that_says_nothing_more_is_given_up(hasty, world):
    world.others.hang.set()
    result = run(world)
    assert result.outcome.code == "TIMEOUT"
    assert "no result of /ddg/execute_grasp within 2 s" in result.outcome.message


def test_a_folder_that_cannot_be_written_ends_it_before_the_arm_moves(world):
    world.out.write_text("a file in the way")
    result = run(world)
    assert result.outcome.code == "INTERNAL"
    assert str(world.out) in result.outcome.message
    assert world.others.phase == ""


def test_a_disk_without_room_ends_it_before_the_arm_moves(small_disk, world):
    result = run(world)
    assert result.outcome.code == "INTERNAL"
    assert "1 MB left on disk, 60 MB are needed" in result.outcome.message
    assert world.others.phase == ""
    assert list(small_disk.iterdir()) == []


@pytest.fixture
def careless(config: Path):
    """Settings that do not look at the room on the disk, and record every image."""
    text = (config / "trial.yaml").read_text()
    assert "room_mb: 60.0" in text
    assert "image_rect_raw: 5.0" in text
    text = text.replace("room_mb: 60.0", "room_mb: 0.0").replace("rect_raw: 5.0", "rect_raw: 0.0")
    (config / "trial.yaml").write_text(text)


def test_a_disk_that_fills_up_leaves_no_half_bag(small_disk, careless, world):
    world.others.noise = True
    result = run(world)
    assert result.outcome.code == "INTERNAL"
    assert "No space left on device (the trial itself ended HELD)" in result.outcome.message
    assert result.bag == ""
    assert json.loads(Path(result.record).read_text())["outcome"] == "INTERNAL"
    assert [path.suffix for path in small_disk.iterdir()] == [".json"]
