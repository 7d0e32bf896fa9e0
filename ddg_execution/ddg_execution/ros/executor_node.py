"""The executor node: `/ddg/execute_grasp`, `/ddg/go_home` and `/ddg/check_reach`."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from threading import Event, Lock
from typing import Any

import rclpy
from ddg_interfaces.action import ExecuteGrasp
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import PoseStamped
from rclpy.parameter import Parameter
from std_msgs.msg import Bool, Header

from ddg_core.cell import CellSettings
from ddg_core.description import cell_srdf, cell_tree
from ddg_core.errors import Failed
from ddg_core.outcome import Outcome
from ddg_core.ros.actions import serve_action
from ddg_core.ros.convert import (
    grasp_from_msg,
    outcome_to_msg,
    point_from_msg,
    pose_to_msg,
    stages_to_msg,
)
from ddg_core.ros.node import DdgNode, run_node
from ddg_core.waiting import wait_until
from ddg_execution.execute import Executor
from ddg_execution.executor_settings import ExecutorSettings
from ddg_execution.link import LinkSettings
from ddg_execution.motion.port import Scene
from ddg_execution.motion.reach import ReachChecker
from ddg_execution.motion.remote import RemotePlanner
from ddg_execution.motion.robot import make_robot
from ddg_execution.motion.ways import WayChecker
from ddg_execution.ros.brakes import Brakes
from ddg_execution.ros.controller import RosController
from ddg_execution.ros.joint_states import JointStates
from ddg_execution.ros.lookout import RosLookout
from ddg_execution.ros.operator import Operator
from ddg_execution.ros.planners import choose_planner
from ddg_execution.ros.questions import poses_from_msgs, scene_from_msg, ways_from_msg
from ddg_execution.ros.readiness import PERIOD, Readiness
from ddg_execution.run import Played


class ExecutorNode(DdgNode):
    """Converts goals and asks `Executor` and the two checkers of reach; they think."""

    def __init__(self, **kwargs: Any) -> None:
        """Nothing moves before activation."""
        super().__init__("executor", **kwargs)
        self.declare_parameter("confirm", Parameter.Type.BOOL)  # told: in place of the cell's
        self._stopped = Event()  # by the last word of the watchdog, also while this one is down
        self._told = Event()  # that word came since this one is up
        self._moving = Lock()
        self._scene = Scene()  # of the last order

    def start(self) -> None:
        """Read the settings and descriptions, connect to the controllers, offer the services."""
        settings = self.settings("execution.yaml", ExecutorSettings)
        link = self._link = self.settings("link.yaml", LinkSettings)
        cell = self.cell()
        asks = self.get_parameter_or("confirm", Parameter("confirm", value=cell.confirm))
        cell = self._cell = replace(cell, confirm=asks.value)
        hand = self.hand(cell)
        robot = self._robot = make_robot(cell_tree(cell), cell_srdf(cell), cell, hand)
        states = JointStates(self)
        name, planner = choose_planner(robot, cell, settings, self.config_dir)
        self.vitals["planner"] = name
        if isinstance(planner, RemotePlanner):
            self.keep(planner, planner.close)
        names, prefix = cell.arm.joint_names, cell.arm.joint_prefix
        self._arm = RosController(self, cell.arm.action, names, prefix, states, link)
        names, prefix = hand.joint_names, hand.joint_prefix
        self._hand = RosController(self, cell.hand_action, names, prefix, states, link)
        self._executor = Executor(
            robot,
            planner,
            self._arm,
            self._hand,
            settings,
            velocity_scale=cell.arm.speed,
            hand_speed=cell.hand_speed,
            clock=lambda: self.get_clock().now().nanoseconds * 1e-9,
            effort=cell.hand_effort,
        )
        self._lookout = RosLookout(self, robot.hand_joint_names, settings.follow)
        self._reach, self._ways = ReachChecker(robot), WayChecker(robot)
        self._brakes = Brakes(self, (cell.arm.action, cell.hand_action))
        self._beat = self.publish_on("/ddg/heartbeat")
        self.every(link.heartbeat, self._on_beat, wall=True)
        self._told.clear()
        self._operator = Operator(
            self, homed=cell.simulated, each_phase=cell.confirm, changed=self._tell
        )
        self._readiness = Readiness(self, self._arm, self._hand, cell.hand_effort, self._on_change)
        self.every(PERIOD, self._readiness.look, wall=True)
        self._tell()
        self.subscribe("/ddg/stopped", self._on_stopped)
        self.serve("/ddg/go_home", self._on_go_home)
        self.serve("/ddg/check_reach", self._on_check_reach)
        serve_action(self, "/ddg/execute_grasp", self._on_execute)

    def _on_execute(self, handle: Any) -> Any:
        order = handle.request
        self._check_frame(order.grasp.header.frame_id)

        def interrupted() -> Outcome | None:
            return Outcome.CANCELLED if handle.is_cancel_requested else self._interrupted()

        def report(phase: str, progress: float) -> None:
            handle.publish_feedback(ExecuteGrasp.Feedback(phase=phase, progress=progress))

        with self._at_work():
            self._scene = scene_from_msg(order.view)
            grasp = grasp_from_msg(order.grasp, self._robot.hand_joint_names)
            eye = point_from_msg(order.view.viewpoint)
            self._lookout.order(grasp, order.grasp.header, eye)
            played = self._executor.execute(
                grasp,
                self._scene,
                put_back=order.put_back,
                hold_time=order.hold_time or None,
                interrupted=interrupted,
                report=report,
                permit=self._operator.permit,
                lookout=self._lookout,
            )
        self.get_logger().info(f"{played.execution.outcome} {played.execution.message}")
        return self._result(played)

    def _on_go_home(self, _: Any, response: Any) -> Any:
        """Answers when the arm is there, or stopped on the way."""
        with self._at_work():
            played = self._executor.go_home(
                self._scene, interrupted=self._interrupted, permit=self._operator.permit
            )
        done = played.execution
        response.success = done.outcome == Outcome.OK
        response.message = f"{done.outcome} {done.message}".strip()
        return response

    @contextlib.contextmanager
    def _at_work(self) -> Iterator[None]:
        """Hold what only one may have, if the arm may move at all.

        Raises:
            Failed: STOPPED: it was stopped and not released, or somebody moves it.
            TimedOut: The watchdog does not say whether it was stopped.
        """
        what = "word of the watchdog on /ddg/stopped (is it up?)"
        wait_until(self._told.is_set, what=what, timeout=self._link.connect)
        if self._stopped.is_set():
            raise Failed(Outcome.STOPPED, "stopped: call /ddg/reset_stop first")
        _check_calibration(self.get_parameter("robot").value, self._cell)
        if not self._moving.acquire(blocking=False):
            raise Failed(Outcome.STOPPED, "the arm is at work")
        try:
            if not self._operator.homed:
                self._executor.check_hand()
            yield
        finally:
            self._operator.dismiss()
            self._moving.release()

    def _interrupted(self) -> Outcome | None:
        if self._stopped.is_set() or self.leaving.is_set():
            return Outcome.STOPPED
        return None if rclpy.ok() else Outcome.CANCELLED

    def _result(self, played: Played) -> Any:
        done = played.execution
        result = ExecuteGrasp.Result(
            outcome=outcome_to_msg(done.outcome, done.message),
            phase=done.phase,
            stages=stages_to_msg(done.timings_s),
        )
        if played.arm is not None and played.fingers is not None:
            result.wrist_reached = PoseStamped(
                header=Header(
                    frame_id=self._cell.base_frame, stamp=self.get_clock().now().to_msg()
                ),
                pose=pose_to_msg(self._robot.arm.forward(played.arm)),
            )
            result.joint_names = list(self._robot.hand_joint_names)
            result.joints_reached = played.fingers.tolist()
        return result

    def _on_check_reach(self, request: Any, response: Any) -> Any:
        self._check_frame(request.header.frame_id)
        scene = scene_from_msg(request.view)
        if request.poses_per_way == 1:
            reach = self._reach.check(poses_from_msgs(request.wrist_poses), scene)
        else:
            ways, fingers = ways_from_msg(request, self._robot.hand_joint_names)
            reach = self._ways.check(ways, fingers, scene)
        response.outcome = outcome_to_msg(Outcome.OK)
        response.reachable = reach.reachable.tolist()
        response.joint_names = list(self._robot.arm.joint_names)
        response.joints = reach.joints.ravel().tolist()
        response.manipulability = reach.manipulability.tolist()
        response.margin = reach.margin.tolist()
        return response

    def _on_stopped(self, word: Bool) -> None:
        """Keep the watchdog's word; it has braked, and what was sent meanwhile is braked here."""
        if word.data:
            self._stopped.set()
            self._brakes.pull()
        else:
            self._stopped.clear()
        self._told.set()
        self._tell()

    def _on_change(self) -> None:
        """A hand that was lost may have been begun anew: it is asked again whether it is homed."""
        if self._readiness.hand:
            self._operator.homed = self._cell.simulated
        self._tell()

    def _tell(self) -> None:
        if self._stopped.is_set():
            told = DiagnosticStatus.ERROR, "stopped: /ddg/reset_stop lets it move again"
        elif not self._told.is_set():
            told = DiagnosticStatus.WARN, "no word of the watchdog on /ddg/stopped yet"
        elif self._readiness.trouble:
            told = DiagnosticStatus.ERROR, f"cannot move: {self._readiness.trouble}"
        elif self._operator.question:
            told = (
                DiagnosticStatus.WARN,
                f"waiting for /ddg/confirm before {self._operator.question}",
            )
        else:
            told = DiagnosticStatus.OK, "active"
        self.health = told

    def _on_beat(self) -> None:
        self._beat.publish(Bool(data=self._stopped.is_set()))

    def _check_frame(self, frame: str) -> None:
        known = (self._cell.base_frame, self._robot.tree.link_names[0])
        if frame not in known:
            raise Failed(
                Outcome.UNKNOWN_FRAME, f"poses are in frame {frame!r}, must be in {known[0]!r}"
            )


def _check_calibration(name: str, cell: CellSettings) -> None:
    if not cell.simulated and cell.calibration is None:
        raise Failed(
            Outcome.BAD_INPUT,
            f"cell {name!r} has no camera calibration: run ./ddg calibrate and put what it prints"
            f" into config/cells/{name}.yaml",
        )
    if cell.calibration is not None:
        moves = cell.camera.frame in cell_tree(cell).subtree(cell.arm.flange).link_names
        is_so = "eye_in_hand" if moves else "eye_to_hand"
        if cell.calibration.method != is_so:
            raise Failed(
                Outcome.BAD_INPUT,
                f"cell {name!r}: the camera was calibrated as {cell.calibration.method}, but the"
                f" description has it as {is_so} (xacro_args: camera_parent)",
            )


def main() -> None:
    """Run the node until it is told to stop."""
    run_node(ExecutorNode, threads=6)


if __name__ == "__main__":
    main()
