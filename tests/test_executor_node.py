"""Executor, watchdog and state publisher over ROS, with fake controllers that really take time."""

import re
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy")
pytest.importorskip("ddg_interfaces", reason="the interfaces are not built")

from action_msgs.msg import GoalStatus
from control_msgs.action import FollowJointTrajectory
from ddg_interfaces.action import ExecuteGrasp
from ddg_interfaces.srv import CheckReach
from motion_fixtures import ball, cell_robot, top_grasp
from rclpy.action import CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Header
from std_srvs.srv import Trigger
from tf2_msgs.msg import TFMessage

from ddg_core.cell import CalibrationSettings
from ddg_core.description import config_folder, load_cell, load_hand
from ddg_core.errors import Failed
from ddg_core.outcome import Outcome
from ddg_core.ros.calls import SureActionClient, call, run_action
from ddg_core.ros.convert import grasp_to_msg, pose_to_msg, transform_from_msg
from ddg_core.ros.convert_cloud import points_to_msg
from ddg_core.ros.executor import NodeExecutor
from ddg_core.ros.interfaces import interface
from ddg_core.ros.spinning import spinning
from ddg_core.ros.waitables import SureActionServer
from ddg_core.transforms import inverse
from ddg_core.waiting import wait_until
from ddg_execution.control import Ending
from ddg_execution.phases import PHASES
from ddg_execution.ros.controller import RosController, ending_of
from ddg_execution.ros.executor_node import ExecutorNode, _check_calibration
from ddg_execution.ros.state_publisher_node import StatePublisherNode
from ddg_execution.ros.watchdog_node import WatchdogNode
from ddg_execution.trajectory import straight_motion

pytestmark = pytest.mark.ros

ROBOT = cell_robot()
CELL = load_cell()
HAND = load_hand(CELL.hand)
MISSED = 3.0  # without a heartbeat for so long, the watchdog brakes, in [s]
EFFORT = "{limits: {Ring_Finger: 2.0}, longest: 0.2}"
SILENCE = 6.0  # without joint states for so long, the line counts as broken, in [s]
FAST = 15.0  # the fake controllers play so many times faster than told


class Robot(rclpy.node.Node):
    """Two controllers and their joint states; each goal takes its time and can be cancelled."""

    def __init__(self) -> None:
        super().__init__("robot")
        self.group = ReentrantCallbackGroup()
        self.q = dict(zip(ROBOT.arm.joint_names, ROBOT.home, strict=True))
        self.q |= {HAND.settings.joint_prefix + name: 0.0 for name in HAND.joint_names}
        self.active = 0
        self.goals = 0
        self.fail: int | None = None
        self.pace = FAST
        self.slow = ""
        self.efforts: dict[str, float] = {}
        self.silent = self.stuck = False
        self.mute: tuple[str, ...] = ()
        self.servers = [
            SureActionServer(
                self, FollowJointTrajectory, name, self._play,
                cancel_callback=lambda _: CancelResponse.ACCEPT, callback_group=self.group,
            )
            for name in (CELL.arm.action, CELL.hand_action)
        ]  # fmt: skip
        self.states = self.create_publisher(JointState, "/joint_states", 10)
        self.create_timer(0.02, self._tell, callback_group=self.group)
        self.phases: list[str] = []
        self.frames: dict[str, np.ndarray] = {}
        for name in ("/tf", "/tf_static"):
            entry = interface(name, "msg")
            self.create_subscription(TFMessage, name, self._on_tf, entry.qos)

    def _on_tf(self, message: TFMessage) -> None:
        for t in message.transforms:
            self.frames[t.child_frame_id] = transform_from_msg(t.transform)

    def _tell(self) -> None:
        if not self.silent:
            q = {name: at for name, at in dict(self.q).items() if name not in self.mute}
            state = JointState(name=list(q), position=[float(x) for x in q.values()])
            if self.efforts:
                state.effort = [self.efforts.get(name, 0.0) for name in q]
            if not self.stuck:
                self.stamp = self.get_clock().now().to_msg()
            state.header.stamp = self.stamp
            self.states.publish(state)

    def _play(self, handle):
        result = FollowJointTrajectory.Result()
        trajectory = handle.request.trajectory
        self.goals += 1
        self.active += 1
        begin = time.monotonic()
        try:
            for point in trajectory.points:
                due = point.time_from_start.sec + point.time_from_start.nanosec * 1e-9
                while (time.monotonic() - begin) * self.pace < due:
                    if handle.is_cancel_requested:
                        handle.canceled()
                        return result
                    threading.Event().wait(0.005)
                self.q |= dict(zip(trajectory.joint_names, point.positions, strict=True))
            while not self._heard(trajectory):  # however busy the machine is
                if handle.is_cancel_requested:
                    handle.canceled()
                    return result
                threading.Event().wait(0.005)
        finally:
            self.active -= 1
        if self.fail is not None:
            result.error_code = self.fail
            result.error_string = "as told"
            handle.abort()
        else:
            handle.succeed()
        return result

    def _heard(self, trajectory) -> bool:
        """Whether the executor knows where a trajectory led."""
        names, last = trajectory.joint_names, trajectory.points[-1].positions
        try:
            known = self.nodes["executor"]._hand._states.positions(names, oldest=np.inf)
        except Failed:
            return False
        return np.allclose(known, last)

    def execute(self, cancelled=lambda: False, **order):
        self.phases.clear()
        goal = ExecuteGrasp.Goal(
            grasp=grasp_to_msg(top_grasp(), HAND.joint_names, Header(frame_id="link_0")), **order
        )
        return run_action(
            self.client, goal, name="/ddg/execute_grasp", timeout=90.0,
            on_feedback=lambda f: self._enter(f.phase), cancelled=cancelled,
        )  # fmt: skip

    def _enter(self, phase: str) -> None:
        self.phases.append(phase)
        if phase == self.slow:
            self.pace = 0.1

    def ask(self, kind, name: str, request):
        client = self.create_client(kind, name, callback_group=self.group)
        return call(client, request, timeout=60.0)

    def stop(self) -> None:
        """Stop, and wait until the executor was told."""
        self.ask(Trigger, "/ddg/stop", Trigger.Request())
        stopped = self.nodes["executor"]._stopped
        wait_until(stopped.is_set, what="word of the stop", timeout=60.0)

    def release(self) -> None:
        """Reset the stop, and wait until the executor was told."""
        self.ask(Trigger, "/ddg/reset_stop", Trigger.Request())
        stopped = self.nodes["executor"]._stopped
        wait_until(lambda: not stopped.is_set(), what="word of the reset", timeout=60.0)


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.fixture(scope="module")
def world(tmp_path_factory, domains) -> Iterator[Robot]:
    """All nodes share this process and its lock, so they must have more patience than usual."""
    config = shutil.copytree(config_folder(), tmp_path_factory.mktemp("world") / "config")
    change(config / "link.yaml", "missed: 0.3", f"missed: {MISSED}")
    change(config / "link.yaml", "silence: 2.0", f"silence: {SILENCE}")
    change(config / "cells" / "twin.yaml", "base_frame:", f"hand_effort: {EFFORT}\nbase_frame:")
    change(config / "execution.yaml", "embedded:", "run: {grace: 60.0, settle: 60.0}\nembedded:")
    rclpy.init(domain_id=domains())
    robot, executor = Robot(), NodeExecutor(num_threads=8)
    robot.client = SureActionClient(
        robot, ExecuteGrasp, "/ddg/execute_grasp", callback_group=robot.group
    )
    where = [Parameter("config_dir", value=str(config))]
    nodes = [
        kind(parameter_overrides=where) for kind in (ExecutorNode, WatchdogNode, StatePublisherNode)
    ]
    for node in nodes:
        node.trigger_configure()
        node.trigger_activate()
    for node in (robot, *nodes):
        executor.add_node(node)
    robot.nodes = dict(zip(("executor", "watchdog", "state_publisher"), nodes, strict=True))
    with spinning(executor):
        yield robot
    rclpy.shutdown()


@pytest.fixture
def robot(world: Robot) -> Robot:
    world.fail, world.silent, world.stuck, world.pace = None, False, False, FAST
    world.efforts, world.mute, world.slow = {}, (), ""
    world.q |= dict(zip(ROBOT.arm.joint_names, ROBOT.home, strict=True))
    world.q |= {HAND.settings.joint_prefix + name: 0.0 for name in HAND.joint_names}
    node = world.nodes["executor"]

    def arrived() -> bool:
        if node._arm.trouble() or node._hand.trouble():
            return False
        fingers = np.abs(node._hand.measured()).max()
        return np.abs(node._arm.measured() - ROBOT.home).max() + fingers < 1e-6

    wait_until(arrived, what="the robot at home", timeout=60.0)
    return world


def test_a_grasp_is_executed_to_the_end(robot):
    result = robot.execute(put_back=True)
    assert result.outcome.code == Outcome.OK, result.outcome.message
    seen = tuple(dict.fromkeys(robot.phases))
    assert len(seen) >= len(PHASES) - 1  # the result may overtake the last feedback
    assert seen == PHASES[: len(seen)]
    assert [stage.stage for stage in result.stages] == ["plan", *PHASES]
    np.testing.assert_allclose(
        [robot.q[name] for name in ROBOT.arm.joint_names], ROBOT.home, atol=1e-3
    )
    np.testing.assert_allclose(result.joints_reached, top_grasp().joints[-1], atol=1e-3)
    grasp = pose_to_msg(top_grasp().T_base_wrist_grasp).position
    assert result.wrist_reached.pose.position.z == pytest.approx(grasp.z, abs=1e-3)


def test_a_cancel_stops_arm_and_hand_at_once(robot):
    result = robot.execute(cancelled=lambda: "lift" in robot.phases)
    assert (result.outcome.code, result.phase) == (Outcome.CANCELLED, "lift")
    wait_until(lambda: robot.active == 0, what="end of all goals", timeout=10.0)


def test_stop_is_latched_until_it_is_reset(robot):
    def stop() -> bool:
        if "approach" in robot.phases and not stopped:
            stopped.append(robot.ask(Trigger, "/ddg/stop", Trigger.Request()))
        return False

    stopped: list[object] = []
    assert robot.execute(cancelled=stop).outcome.code == Outcome.STOPPED
    assert robot.active == 0
    goals = robot.goals
    assert robot.execute().outcome.code == Outcome.STOPPED
    assert robot.goals == goals
    robot.release()
    assert robot.execute(put_back=False).outcome.code == Outcome.OK


def test_a_pressed_button_stops_and_letting_it_go_does_not_release(robot):
    button = robot.create_publisher(Bool, "/ddg/stop_button", 10)
    node = robot.nodes["executor"]

    def press() -> bool:
        if "approach" in robot.phases and not node._stopped.is_set():
            button.publish(Bool(data=True))
        return False

    assert robot.execute(cancelled=press).outcome.code == Outcome.STOPPED
    assert robot.active == 0
    robot.nodes["watchdog"]._on_button(Bool(data=False))
    assert robot.execute().outcome.code == Outcome.STOPPED
    assert node.health[0] == robot.nodes["watchdog"].health[0] == b"\x02"
    robot.release()
    wait_until(lambda: node.health[1] == "active", what="health", timeout=60.0)


def test_a_stop_while_the_executor_is_down_is_kept_until_it_is_up(robot):
    node = robot.nodes["executor"]
    node.trigger_deactivate()
    robot.ask(Trigger, "/ddg/stop", Trigger.Request())
    node.trigger_activate()
    wait_until(node._stopped.is_set, what="word of the stop", timeout=60.0)
    wait_until(lambda: node.health[1].startswith("stopped"), what="health", timeout=60.0)
    assert "reset_stop" in robot.ask(Trigger, "/ddg/go_home", Trigger.Request()).message
    robot.release()


def test_a_watchdog_that_is_down_takes_a_stop_and_one_that_comes_up_keeps_it(robot):
    node = robot.nodes["watchdog"]
    node.trigger_deactivate()
    robot.stop()
    node.trigger_activate()
    assert node.health[1].startswith("stopped")
    robot.release()
    wait_until(lambda: node.health[0] == b"\x00", what="health", timeout=60.0)


def test_nothing_moves_before_the_watchdog_has_said_that_it_may(robot, monkeypatch):
    node = robot.nodes["executor"]
    monkeypatch.setattr(node, "_told", threading.Event())
    monkeypatch.setattr(node, "_link", replace(node._link, connect=0.01))
    goals = robot.goals
    answer = robot.ask(Trigger, "/ddg/go_home", Trigger.Request())
    assert not answer.success
    assert "word of the watchdog" in answer.message
    assert robot.goals == goals


def test_an_arm_that_violates_its_tolerance_aborts(robot):
    robot.fail = FollowJointTrajectory.Result.PATH_TOLERANCE_VIOLATED
    result = robot.execute()
    assert result.outcome.code == Outcome.CONTROLLER_ABORTED
    assert "as told" in result.outcome.message


@pytest.mark.parametrize(
    ("status", "code", "ending"),
    [
        (GoalStatus.STATUS_SUCCEEDED, "SUCCESSFUL", Ending.DONE),
        (GoalStatus.STATUS_CANCELED, "SUCCESSFUL", Ending.CANCELLED),
        (GoalStatus.STATUS_ABORTED, "GOAL_TOLERANCE_VIOLATED", Ending.SHORT),
        (GoalStatus.STATUS_ABORTED, "PATH_TOLERANCE_VIOLATED", Ending.SHORT),
        (GoalStatus.STATUS_ABORTED, "INVALID_GOAL", Ending.FAILED),
        (GoalStatus.STATUS_UNKNOWN, "SUCCESSFUL", Ending.FAILED),
    ],
)
def test_a_controller_that_met_something_is_told_from_one_that_failed(status, code, ending):
    result = FollowJointTrajectory.Result(error_code=getattr(FollowJointTrajectory.Result, code))
    answer = FollowJointTrajectory.Impl.GetResultService.Response(status=status, result=result)
    assert ending_of(answer)[0] == ending


def executed_until(robot, phase, **changes):
    """How an execution ends in one of whose phases, a slow one, attributes of the robot change."""
    robot.slow = phase

    def change() -> bool:
        if phase in robot.phases:
            for name, value in changes.items():
                setattr(robot, name, value)
        return False

    return robot.execute(cancelled=change)


@pytest.mark.parametrize("fault", ["silent", "stuck"])
def test_a_robot_that_falls_silent_or_repeats_itself_aborts(robot, fault):
    def silence() -> bool:
        setattr(robot, fault, "approach" in robot.phases)
        return False

    result = robot.execute(cancelled=silence)
    assert result.outcome.code == Outcome.CONTROLLER_ABORTED
    assert "no joint states" in result.outcome.message
    assert robot.active == 0


def test_a_driver_without_effort_is_told_and_one_with_it_is_watched(robot):
    node, ring = robot.nodes["executor"], HAND.settings.joint_prefix + "Ring_Finger"
    told = lambda: node.vitals.get("hand-current guard", "")  # noqa: E731
    wait_until(lambda: "blind" in told(), what="a word of the blind guard", timeout=60.0)
    assert "no effort of Ring_Finger" in told()
    robot.efforts = {ring: 1.0}
    wait_until(lambda: told() == "sees", what="a word of the guard that sees", timeout=60.0)
    result = executed_until(robot, "lift", efforts={ring: 3.0})
    assert (result.outcome.code, result.phase) == (Outcome.HAND_STALLED, "lift")
    assert "Ring_Finger works with 3, limit 2" in result.outcome.message
    assert robot.active == 0


def test_a_hand_that_falls_silent_while_only_the_arm_moves_aborts(robot):
    mute = tuple(HAND.settings.joint_prefix + name for name in HAND.joint_names)
    result = executed_until(robot, "lift", mute=mute)
    assert (result.outcome.code, result.phase) == (Outcome.CONTROLLER_ABORTED, "lift")
    assert "no joint states of Right_Hand_" in result.outcome.message
    assert robot.active == 0


def test_it_goes_home_from_where_a_cancelled_grasp_left_it(robot):
    robot.execute(cancelled=lambda: "close" in robot.phases)
    fingers = [robot.q[HAND.settings.joint_prefix + name] for name in HAND.joint_names]
    answer = robot.ask(Trigger, "/ddg/go_home", Trigger.Request())
    assert answer.success, answer.message
    at = [robot.q[name] for name in ROBOT.arm.joint_names]
    np.testing.assert_allclose(at, ROBOT.home, atol=1e-3)
    assert fingers == [robot.q[HAND.settings.joint_prefix + name] for name in HAND.joint_names]


def test_it_does_not_go_home_while_it_is_stopped_or_at_work(robot):
    robot.stop()
    goals = robot.goals
    answer = robot.ask(Trigger, "/ddg/go_home", Trigger.Request())
    assert not answer.success
    assert "reset_stop" in answer.message
    robot.release()
    with robot.nodes["executor"]._at_work():
        assert "at work" in robot.ask(Trigger, "/ddg/go_home", Trigger.Request()).message
    assert robot.goals == goals


def test_a_deactivated_executor_stops_the_arm_and_says_so(robot):
    node, taken = robot.nodes["executor"], []

    def take_down() -> bool:
        if "lift" in robot.phases and not taken:
            taken.append(threading.Thread(target=node.trigger_deactivate))
            taken[0].start()
        return False

    result = robot.execute(cancelled=take_down)
    taken[0].join(60.0)
    assert (result.outcome.code, result.phase) == (Outcome.STOPPED, "lift")
    assert robot.active == 0
    node.trigger_activate()
    wait_until(robot.client.server_is_ready, what="the executor again", timeout=60.0)
    assert robot.execute(put_back=False).outcome.code == Outcome.OK


def test_bad_goals_get_typed_answers(robot):
    goal = ExecuteGrasp.Goal(
        grasp=grasp_to_msg(top_grasp(x=2.0), HAND.joint_names, Header(frame_id="link_0"))
    )
    ask = {"name": "/ddg/execute_grasp", "timeout": 60.0}
    assert run_action(robot.client, goal, **ask).outcome.code == Outcome.NO_IK
    goal.grasp.header.frame_id = "moon"
    assert run_action(robot.client, goal, **ask).outcome.code == Outcome.UNKNOWN_FRAME
    empty = run_action(robot.client, ExecuteGrasp.Goal(), **ask)
    assert empty.outcome.code == Outcome.UNKNOWN_FRAME
    goal.grasp.header.frame_id, goal.grasp.joint_names = "link_0", ["a"]
    assert run_action(robot.client, goal, **ask).outcome.code == Outcome.BAD_INPUT


def test_reach_is_answered_pose_by_pose(robot):
    near, far = (pose_to_msg(top_grasp(x=x).T_base_wrist[0]) for x in (0.55, 2.0))
    request = CheckReach.Request(header=Header(frame_id="link_0"), wrist_poses=[near, far])
    answer = robot.ask(CheckReach, "/ddg/check_reach", request)
    assert answer.outcome.code == Outcome.OK
    assert list(answer.reachable) == [True, False]
    joints = np.reshape(answer.joints, (2, 7))
    np.testing.assert_allclose(ROBOT.arm.forward(joints[0]), top_grasp().T_base_wrist[0], atol=1e-6)
    assert np.isnan(joints[1]).all()
    request.wrist_poses[0].orientation.w = request.wrist_poses[0].orientation.x = 0.0
    request.wrist_poses[0].orientation.y = request.wrist_poses[0].orientation.z = 0.0
    assert robot.ask(CheckReach, "/ddg/check_reach", request).outcome.code == Outcome.BAD_INPUT


def test_reach_of_ways_knows_the_fingers_and_what_stands_around(robot):
    ways = np.repeat(top_grasp(z=0.19).T_base_wrist[None, [0, 1, 1]], 2, axis=0)
    ways[:, 2, 2, 3] += 0.2
    bent = np.array([0.0, 0.0, 0.3, 0.79, 0.3, 0.79, 0.9, 0.9, 0.0])
    order = np.arange(len(bent))[::-1]
    frame = Header(frame_id="link_0")
    request = CheckReach.Request(
        header=frame,
        wrist_poses=[pose_to_msg(T) for T in ways.reshape(-1, 4, 4)],
        poses_per_way=3,
        finger_names=[HAND.joint_names[i] for i in order],
        fingers=[0.0] * 9 + bent[order].tolist(),  # stretched they are longer than it is high
    )
    answer = robot.ask(CheckReach, "/ddg/check_reach", request)
    assert (answer.outcome.code, list(answer.reachable)) == (Outcome.OK, [False, True])
    joints = np.reshape(answer.joints, (2, 7))
    np.testing.assert_allclose(ROBOT.arm.forward(joints[1]), ways[1, 0], atol=1e-6)
    assert 0.0 == answer.margin[0] < answer.margin[1]
    request.view.obstacles = points_to_msg(ball((0.55, 0.0, 0.3), 0.05), frame)
    assert not any(robot.ask(CheckReach, "/ddg/check_reach", request).reachable)


def test_a_real_robot_without_calibration_does_not_move():
    with pytest.raises(Failed, match=r"'real' has no camera calibration: run \./ddg calibrate"):
        _check_calibration("real", load_cell("real"))
    done = CalibrationSettings("2026-01-31", "eye_to_hand", 0.3, 1.0)
    _check_calibration("real", replace(load_cell("real"), calibration=done))
    _check_calibration("twin", load_cell("twin"))


def test_a_camera_calibrated_on_the_arm_must_be_described_there():
    done = CalibrationSettings("2026-01-31", "eye_in_hand", 0.3, 1.0)
    with pytest.raises(Failed, match=r"calibrated as eye_in_hand, .* as eye_to_hand"):
        _check_calibration("real", replace(load_cell("real"), calibration=done))
    on_arm = load_cell("eye_in_hand")
    _check_calibration("eye_in_hand", replace(on_arm, calibration=done))
    stands = replace(done, method="eye_to_hand")
    with pytest.raises(Failed, match=r"calibrated as eye_to_hand, .* as eye_in_hand"):
        _check_calibration("eye_in_hand", replace(on_arm, calibration=stands))


def test_the_operator_is_asked_before_each_phase_and_one_yes_is_for_one_phase(robot, monkeypatch):
    node = robot.nodes["executor"]
    operator = node._operator
    monkeypatch.setattr(operator, "_each_phase", True)
    assert not robot.ask(Trigger, "/ddg/confirm", Trigger.Request()).success  # nobody asked
    assert not operator.permit("lift")
    assert "before lift" in node.health[1]
    assert robot.ask(Trigger, "/ddg/confirm", Trigger.Request()).success
    assert operator.permit("lift")
    assert not operator.permit("hold")
    operator.dismiss()  # a run that ended
    assert not robot.ask(Trigger, "/ddg/confirm", Trigger.Request()).success


@pytest.fixture
def real(robot, monkeypatch) -> Robot:
    """The same robot, but nobody says that it is a simulation."""
    node = robot.nodes["executor"]
    done = CalibrationSettings("2026-01-31", "eye_to_hand", 0.3, 1.0)
    monkeypatch.setattr(node, "_cell", replace(node._cell, simulated=False, calibration=done))
    monkeypatch.setattr(node._operator, "homed", False)
    return robot


def test_a_real_hand_does_not_move_before_the_operator_says_that_it_is_homed(real):
    node, goals, answers = real.nodes["executor"], real.goals, []

    def go_home() -> None:
        answers.append(real.ask(Trigger, "/ddg/go_home", Trigger.Request()))

    thread = threading.Thread(target=go_home, daemon=True)
    thread.start()
    wait_until(lambda: "homed?" in node.health[1], what="the question", timeout=60.0)
    assert real.goals == goals
    assert real.ask(Trigger, "/ddg/confirm", Trigger.Request()).success
    thread.join(60.0)
    assert answers[0].success, answers[0].message
    goals = real.goals
    go_home()  # he is asked once
    assert answers[1].success
    assert real.goals > goals


def test_a_hand_that_is_where_no_finger_can_be_is_not_homed(real):
    real.q[HAND.settings.joint_prefix + "Pinky"] = 20830.0
    states = real.nodes["executor"]._hand
    wait_until(lambda: states.measured().max() > 1e4, what="the wild state", timeout=60.0)
    goals = real.goals
    answer = real.ask(Trigger, "/ddg/go_home", Trigger.Request())
    assert "guard: Pinky is measured at 2.083e+04 rad (is the hand homed?)" in answer.message
    assert real.goals == goals


def test_a_hand_that_was_lost_is_asked_for_its_homing_again(real):
    operator = real.nodes["executor"]._operator
    operator.homed = True
    real.mute = tuple(HAND.settings.joint_prefix + name for name in HAND.joint_names)
    wait_until(lambda: not operator.homed, what="its end", timeout=60.0)


def controller(robot, action: str, prefix: str) -> RosController:
    """A hand's controller as a cell may name it by mistake."""
    node = robot.nodes["executor"]
    states, link = node._hand._states, replace(node._link, connect=0.01)
    return RosController(node, action, HAND.joint_names, prefix, states, link)


WRONG = (
    ("/nobody/follow_joint_trajectory", HAND.settings.joint_prefix,
     r"no action server /nobody/follow_joint_trajectory"),
    (CELL.hand_action, "Left_Hand_", "no Left_Hand_Thumb_Flexion, .*is joint_prefix right?"),
)  # fmt: skip


def test_an_action_that_nobody_serves_is_named_at_the_first_goal(robot):
    action, prefix, why = WRONG[0]
    here, fast = np.zeros(9), np.ones(9)
    still = straight_motion(HAND.joint_names, here, here, velocity=fast, acceleration=fast)
    with pytest.raises(Failed, match=why) as failed:
        controller(robot, action, prefix).start(still, may_stall=True)
    assert failed.value.outcome == Outcome.CONTROLLER_ABORTED


def test_joints_that_the_driver_calls_otherwise_are_named_at_the_first_goal(robot):
    action, prefix, why = WRONG[1]
    with pytest.raises(Failed, match=why) as failed:
        controller(robot, action, prefix).measured()
    assert failed.value.outcome == Outcome.CONTROLLER_ABORTED


@pytest.mark.parametrize(("action", "prefix", "why"), WRONG, ids=["action", "prefix"])
def test_what_a_driver_does_not_have_is_in_the_health_while_nothing_moves(
    robot, monkeypatch, action, prefix, why
):
    node = robot.nodes["executor"]
    wait_until(lambda: node.health[1] == "active", what="health", timeout=60.0)
    monkeypatch.setattr(node._readiness, "_hand", controller(robot, action, prefix))
    found = lambda: re.search(f"cannot move: hand: .*{why}", node.health[1])  # noqa: E731
    wait_until(lambda: found() is not None, what=f"word of {why}", timeout=60.0)
    assert node.health[0] == b"\x02"
    monkeypatch.undo()
    wait_until(lambda: node.health[1] == "active", what="health", timeout=60.0)


def test_a_driver_that_is_still_homing_is_said_to_be(robot):
    robot.q[HAND.settings.joint_prefix + "Pinky"] = float("nan")
    hand = robot.nodes["executor"]._hand
    why = "has no number for Right_Hand_Pinky; is its driver still homing"
    wait_until(lambda: why in hand.trouble(), what=why, timeout=60.0)
    robot.q[HAND.settings.joint_prefix + "Pinky"] = 0.0
    wait_until(lambda: not hand.trouble(), what="its end, with all nodes alive", timeout=60.0)


@pytest.mark.parametrize(
    ("cell", "told", "asks"), [("twin", True, True), ("real", None, True), ("real", False, False)]
)
def test_whether_to_ask_is_said_by_the_cell_unless_it_is_told(domains, cell, told, asks):
    given = {"robot": cell} | ({} if told is None else {"confirm": told})
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domains())
    node = ExecutorNode(
        context=context, parameter_overrides=[Parameter(k, value=v) for k, v in given.items()]
    )
    node.trigger_configure()
    node.trigger_activate()
    assert node._operator.homed == (
        cell == "twin"
    )  # of that a real hand's operator is asked anyhow
    node._operator.homed = True
    assert node._operator.permit("lift") == (not asks)
    node.destroy_node()
    context.shutdown()


def test_the_frames_agree_with_the_tree(robot):
    tree, bent = ROBOT.tree, "Index_Finger_Proximal"
    robot.q[HAND.settings.joint_prefix + bent] = 0.4
    poses = tree.forward((*ROBOT.arm.joint_names, bent), np.array([*ROBOT.home, 0.4]))
    row = {link: i for i, link in enumerate(tree.link_names)}
    wanted = {j.child: inverse(poses[row[j.parent]]) @ poses[row[j.child]] for j in tree.joints}
    assert len(wanted) == len(tree.link_names) - 1

    def arrived() -> bool:
        found = dict(robot.frames)
        return set(found) == set(wanted) and all(
            np.allclose(found[link], T, atol=1e-6) for link, T in wanted.items()
        )

    wait_until(arrived, what="agreement of all frames on /tf", timeout=30.0)


def test_the_watchdog_brakes_when_the_heartbeat_stops(robot):
    """Last: it takes the executor's heart away."""
    ended = []
    robot.slow = "lift"  # longer than it takes the watchdog to notice

    def deadly() -> bool:
        if "lift" in robot.phases and robot.active and not ended:
            ended.append(time.monotonic())
            node = robot.nodes["executor"]
            node.destroy_publisher(node._beat)
            node._beat = robot.create_publisher(Bool, "/nowhere", 1)
        return False

    results = []
    thread = threading.Thread(
        target=lambda: results.append(robot.execute(cancelled=deadly)), daemon=True
    )
    thread.start()
    wait_until(lambda: bool(ended), what="the lift", timeout=60.0)
    wait_until(
        lambda: "braked" in robot.nodes["watchdog"].health[1], what="the watchdog", timeout=30.0
    )
    thread.join(timeout=30.0)
    assert robot.active == 0
    assert results[0].outcome.code == Outcome.CONTROLLER_ABORTED
