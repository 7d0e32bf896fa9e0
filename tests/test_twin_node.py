"""The twin and its camera as processes of a ROS graph, seen by a client as by any program."""

import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from copy import deepcopy
from types import SimpleNamespace

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy")
pytest.importorskip("ddg_interfaces", reason="the interfaces are not built")

from action_msgs.msg import GoalStatusArray
from builtin_interfaces.msg import Duration
from control_msgs.action import FollowJointTrajectory
from control_msgs.msg import JointTolerance
from ddg_interfaces.srv import ResetWorld, SetPause, SpawnObject, Step
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import qos_profile_action_status_default
from trajectory_msgs.msg import JointTrajectoryPoint

from ddg_core.description import load_cell, load_hand
from ddg_core.ros.calls import SureActionClient
from ddg_core.ros.convert import camera_from_msg, stamp_from_msg
from ddg_core.ros.convert_image import color_from_msg, depth_from_msg
from ddg_core.ros.interfaces import interface
from ddg_core.ros.spinning import spinning
from ddg_core.waiting import wait_until

pytestmark = pytest.mark.ros

TOPICS = (
    "/clock",
    "/joint_states",
    "/camera/depth/image_rect_raw",
    "/camera/depth/camera_info",
    "/camera/color/image_raw",
    "/ground_truth/object_pose",
    "/ground_truth/held",
    "/ground_truth/contacts",
)
SUCCEEDED, CANCELED, ABORTED = 4, 5, 6
OVER = {SUCCEEDED, CANCELED, ABORTED}


class Client:
    """Hears everything the twin says, and asks it for things."""

    def __init__(self, context) -> None:
        self.node = rclpy.create_node("client", context=context)
        self.last: dict[str, object] = {}
        self.count: Counter[str] = Counter()
        for name in TOPICS:
            entry = interface(name, "msg")
            self.node.create_subscription(
                entry.load_type(), name, lambda msg, name=name: self._hear(name, msg), entry.qos
            )
        self.told: list[int] = []  # how the arm's goals stand
        self.node.create_subscription(
            GoalStatusArray,
            f"{load_cell().arm.action}/_action/status",
            self._on_status,
            qos_profile_action_status_default,
        )
        services = {"reset_world": ResetWorld, "set_pause": SetPause, "change_state": ChangeState}
        services |= {"step": Step, "spawn_object": SpawnObject}
        self.services = {
            name: self.node.create_client(kind, f"/twin/{name}") for name, kind in services.items()
        }
        cell = load_cell()
        self.arm = SureActionClient(self.node, FollowJointTrajectory, cell.arm.action)
        self.hand = SureActionClient(self.node, FollowJointTrajectory, cell.hand_action)
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(self.node)
        self.background = ExitStack()
        self.background.enter_context(spinning(executor))

    def _hear(self, name: str, msg) -> None:
        self.last[name] = msg
        self.count[name] += 1

    def _on_status(self, msg) -> None:
        self.told = [goal.status for goal in msg.status_list]

    def close(self) -> None:
        self.background.close()
        self.node.destroy_node()

    def wait(self, future, what: str, timeout: float = 60.0):
        wait_until(future.done, what=what, timeout=timeout)
        return future.result()

    def call(self, name: str, **request):
        service = self.services[name]
        return self.wait(service.call_async(service.srv_type.Request(**request)), name)

    def fresh(self, name: str, timeout: float = 60.0):
        """A message that comes from now on."""
        before = self.count[name]
        wait_until(lambda: self.count[name] > before, what=name, timeout=timeout)
        return self.last[name]

    def joints(self) -> dict[str, float]:
        msg = self.fresh("/joint_states")
        return dict(zip(msg.name, msg.position, strict=True))

    def send(self, action: SureActionClient, names, to, seconds: float, **tolerance):
        goal = FollowJointTrajectory.Goal()
        goal.trajectory.joint_names = list(names)
        point = JointTrajectoryPoint(positions=[float(x) for x in to])
        point.velocities = [0.0] * len(to)
        point.time_from_start = Duration(sec=int(seconds), nanosec=int(seconds % 1 * 1e9))
        goal.trajectory.points = [point]
        goal.goal_tolerance = [
            JointTolerance(name=name, position=value) for name, value in tolerance.items()
        ]
        return self.wait(action.send_goal_async(goal), "answer to the goal")

    def result(self, handle):
        return self.wait(handle.get_result_async(), "result")


@pytest.fixture(scope="module")
def cell(domains):
    domain = domains()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    processes = {
        name: subprocess.Popen(
            [sys.executable, "-m", f"ddg_sim.ros.{name}_node"],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("twin", "camera")
    }
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain)
    client = Client(context)
    try:
        wait_until(client.services["spawn_object"].service_is_ready, what="the twin", timeout=60.0)
        wait_until(client.arm.server_is_ready, what="the arm's action", timeout=60.0)
        wait_until(client.hand.server_is_ready, what="the hand's action", timeout=60.0)
        yield SimpleNamespace(client=client, processes=processes)
    finally:
        client.close()
        rclpy.shutdown(context=context)
        for process in processes.values():
            process.kill()
            process.communicate()


@pytest.fixture
def client(cell) -> Client:
    cell.client.call("reset_world")
    return cell.client


def test_an_object_is_spawned_and_the_truth_tells_where(client):
    answer = client.call("spawn_object", object="mug", seed=3)
    assert answer.outcome.code == "OK"
    assert answer.object == "mug_000"
    assert 0.0 < answer.mass < 0.5
    again = client.call("spawn_object", object="mug", seed=3)
    assert again.pose == answer.pose
    truth = client.fresh("/ground_truth/object_pose")
    assert truth.header.frame_id == "link_0"
    assert truth.pose.position.x == pytest.approx(answer.pose.position.x, abs=1e-3)
    held = client.fresh("/ground_truth/held")
    assert not held.held
    assert held.object == "mug_000"
    assert list(held.others) == ["table/0"]
    contacts = client.fresh("/ground_truth/contacts").contacts
    weight = sum(contact.force * abs(contact.normal.z) for contact in contacts)
    assert weight == pytest.approx(9.81 * answer.mass, rel=0.1)


def test_the_object_is_moved_by_who_says_where_to_in_the_base_frame(client):
    client.call("spawn_object", object="can_000", seed=3)
    where = deepcopy(client.fresh("/ground_truth/object_pose"))
    entry = interface("/twin/move_object", "msg")
    move = client.node.create_publisher(entry.load_type(), entry.name, entry.qos)
    wait_until(move.get_subscription_count, what="the twin", timeout=60.0)
    before = where.pose.position.y
    where.pose.position.y = before + 0.03
    where.header.frame_id = "the moon"
    move.publish(where)
    where.pose.position.y = before - 0.03
    where.header.frame_id = "link_0"
    move.publish(where)
    wait_until(
        lambda: abs(client.last["/ground_truth/object_pose"].pose.position.y - before) > 0.02,
        what="motion",
        timeout=60.0,
    )
    after = client.fresh("/ground_truth/object_pose").pose.position.y
    assert after == pytest.approx(before - 0.03, abs=3e-3)


def test_an_unknown_object_is_bad_input_and_the_answer_lists_names(client):
    answer = client.call("spawn_object", object="unicorn", seed=0)
    assert answer.outcome.code == "BAD_INPUT"
    assert "unicorn" in answer.outcome.message
    assert "mug" in answer.outcome.message


@pytest.mark.parametrize("bad", [{"seed": -1}, {"mass": -1.0}, {"friction": float("nan")}])
def test_impossible_requests_are_bad_input(client, bad):
    answer = client.call("spawn_object", **({"object": "can", "seed": 0} | bad))
    assert answer.outcome.code == "BAD_INPUT"


def test_joint_states_name_every_moving_joint_and_carry_simulated_time(client):
    msg = client.fresh("/joint_states")
    settings = load_cell()
    hand = load_hand(settings.hand)
    prefix = hand.settings.joint_prefix
    assert prefix
    fingers = [prefix + name for name in hand.moving_joint_names]
    assert list(msg.name) == [*settings.arm.joint_names, *fingers]
    assert len(msg.velocity) == len(msg.effort) == len(msg.name)
    clock = stamp_from_msg(client.fresh("/clock").clock)
    assert abs(clock - stamp_from_msg(client.last["/joint_states"].header.stamp)) < 0.2


def test_images_are_of_the_camera_of_the_cell_and_come_with_the_states_stamp(client):
    client.call("spawn_object", object="can", seed=0)
    depth_msg = client.fresh("/camera/depth/image_rect_raw")
    info = client.fresh("/camera/depth/camera_info")
    assert camera_from_msg(info) == load_cell().camera.intrinsics
    assert depth_msg.header.frame_id == info.header.frame_id == "camera_depth_optical_frame"
    depth = depth_from_msg(depth_msg)
    seen = np.isfinite(depth)
    assert 0.5 < seen.mean() < 1.0
    assert 0.3 <= depth[seen].min() < depth[seen].max() <= 2.5
    color = color_from_msg(client.fresh("/camera/color/image_raw"))
    assert color.shape == (480, 640, 3)
    assert color.std() > 10.0
    stamp = stamp_from_msg(client.fresh("/camera/depth/camera_info").header.stamp)
    assert abs(stamp_from_msg(client.fresh("/clock").clock) - stamp) < 0.5


def test_the_arm_follows_a_goal(client):
    cell = load_cell()
    to = np.array(cell.arm.home) + 0.2
    handle = client.send(client.arm, cell.arm.joint_names, to, 0.8)
    assert handle.accepted
    answer = client.result(handle)
    assert answer.status == SUCCEEDED
    assert answer.result.error_code == FollowJointTrajectory.Result.SUCCESSFUL
    joints = client.joints()
    assert (
        np.abs([joints[n] - q for n, q in zip(cell.arm.joint_names, to, strict=True)]).max() < 0.01
    )


def test_a_cancelled_goal_stops_the_arm(client):
    cell = load_cell()
    handle = client.send(client.arm, cell.arm.joint_names, np.array(cell.arm.home) + 0.5, 2.0)
    result = handle.get_result_async()
    moved = cell.arm.home[0] + 0.05
    wait_until(lambda: client.joints()["A1"] > moved, what="motion", timeout=60.0)
    client.wait(handle.cancel_goal_async(), "answer to the cancel")
    assert client.wait(result, "result").status == CANCELED
    first = client.joints()
    start = stamp_from_msg(client.last["/clock"].clock)
    wait_until(
        lambda: stamp_from_msg(client.last["/clock"].clock) > start + 0.5,
        what="0.5 s",
        timeout=60.0,
    )
    assert abs(client.joints()["A1"] - first["A1"]) < 0.03
    assert first["A1"] < cell.arm.home[0] + 0.5


def test_a_new_goal_ends_the_old_one(client):
    cell = load_cell()
    first = client.send(client.arm, cell.arm.joint_names, np.array(cell.arm.home) + 0.5, 2.0)
    second = client.send(client.arm, cell.arm.joint_names, cell.arm.home, 0.5)
    assert client.result(first).status == ABORTED
    assert client.result(second).status == SUCCEEDED


def test_goals_that_make_no_sense_are_refused(client):
    cell = load_cell()
    assert not client.send(client.arm, ["A1", "A2"], [0.0, 0.0], 1.0).accepted
    assert not client.send(client.arm, cell.arm.joint_names, [9.0] * 7, 1.0).accepted
    assert not client.send(client.arm, cell.arm.joint_names, [np.nan] * 7, 1.0).accepted
    assert not client.send(client.hand, ["Thumb_Flexion"], [0.1], 1.0).accepted  # no prefix


def test_one_finger_moves_by_a_partial_goal_with_the_drivers_prefix(client):
    handle = client.send(client.hand, ["Right_Hand_Pinky"], [0.4], 0.5)
    assert client.result(handle).status == SUCCEEDED
    assert client.joints()["Right_Hand_Pinky"] == pytest.approx(0.4, abs=0.05)


def test_the_world_pauses_steps_and_goes_on(client):
    assert client.call("step", steps=10).outcome.code == "BAD_INPUT"
    time = client.call("set_pause", paused=True).time
    assert client.call("step", steps=50).time == pytest.approx(time + 0.1)
    assert client.call("set_pause", paused=False).outcome.code == "OK"
    wait_until(
        lambda: stamp_from_msg(client.fresh("/clock").clock) > time + 0.2, what="time", timeout=60.0
    )


def test_a_reset_brings_everything_home_and_aborts_goals(client):
    cell = load_cell()
    handle = client.send(client.arm, cell.arm.joint_names, np.array(cell.arm.home) + 0.5, 3.0)
    wait_until(lambda: client.joints()["A1"] > 0.05, what="motion", timeout=60.0)
    assert client.call("reset_world").outcome.code == "OK"
    assert client.result(handle).status == ABORTED
    joints = client.joints()
    assert [joints[name] for name in cell.arm.joint_names] == pytest.approx(cell.arm.home, abs=1e-3)


def test_a_twin_that_is_taken_down_in_the_middle_of_a_motion_says_that_the_goal_is_over(client):
    """As the manager does it to one that was frozen and comes back."""
    cell = load_cell()
    client.send(client.arm, cell.arm.joint_names, np.array(cell.arm.home) + 0.5, 600.0)
    wait_until(lambda: not OVER.issuperset(client.told), what="a goal", timeout=60.0)
    try:
        down = Transition(id=Transition.TRANSITION_DEACTIVATE)
        assert client.call("change_state", transition=down).success
        wait_until(lambda: OVER.issuperset(client.told), what="end of the goal", timeout=60.0)
    finally:
        up = Transition(id=Transition.TRANSITION_ACTIVATE)
        assert client.call("change_state", transition=up).success
        wait_until(client.arm.server_is_ready, what="the arm's action", timeout=60.0)


def test_ctrl_c_ends_both_cleanly_in_the_middle_of_a_motion(cell):
    """The last test of this file: it ends the processes."""
    arm = load_cell().arm
    cell.client.send(cell.client.arm, arm.joint_names, np.array(arm.home) + 0.5, 3.0)
    for process in cell.processes.values():
        process.send_signal(signal.SIGINT)
    for name, process in cell.processes.items():
        _, errors = process.communicate(timeout=60.0)
        assert process.returncode == 0, f"{name}: {errors}"
        assert "Traceback" not in errors
