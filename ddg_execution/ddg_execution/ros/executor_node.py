"""The executor node: `/ddg/execute_grasp`, `/ddg/check_reach` and the latched stop."""

import contextlib
from collections.abc import Iterator
from threading import Event, Lock
from typing import Any

import rclpy
from ddg_interfaces.action import ExecuteGrasp
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import PoseStamped
from rclpy.clock import Clock, ClockType
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
from ddg_execution.ros.planners import choose_planner
from ddg_execution.ros.questions import poses_from_msgs, scene_from_msg, ways_from_msg
from ddg_execution.run import Played


class ExecutorNode(DdgNode):
    """Converts goals and asks `Executor` and the two checkers of reach; they think."""

    def __init__(self, **kwargs: Any) -> None:
        """Nothing moves before activation."""
        super().__init__("executor", **kwargs)
        self._stopped = Event()
        self._confirmed = Event()
        self._moving = Lock()
        self._scene = Scene()  # of the last order

    def start(self) -> None:
        """Read the settings and descriptions, connect to the controllers, offer the services."""
        settings = self.settings("execution.yaml", ExecutorSettings)
        link = self.settings("link.yaml", LinkSettings)
        cell = self._cell = self.cell()
        hand = self.hand(cell)
        robot = self._robot = make_robot(cell_tree(cell), cell_srdf(cell), cell, hand)
        states = JointStates(self)
        name, planner = choose_planner(robot, cell, settings, self.config_dir)
        self.vitals["planner"] = name
        if isinstance(planner, RemotePlanner):
            self.keep(planner, planner.close)
        self._executor = Executor(
            robot,
            planner,
            RosController(
                self, cell.arm.action, cell.arm.joint_names, cell.arm.joint_prefix, states,
                link,
            ),
            RosController(
                self, cell.hand_action, hand.joint_names, hand.joint_prefix, states, link
            ),
            settings,
            velocity_scale=cell.arm.speed,
            clock=lambda: self.get_clock().now().nanoseconds * 1e-9,
        )  # fmt: skip
        self._lookout = RosLookout(self, robot.hand_joint_names, settings.follow)
        self._reach, self._ways = ReachChecker(robot), WayChecker(robot)
        self._brakes = Brakes(self, (cell.arm.action, cell.hand_action))
        self._beat = self.publish_on("/ddg/heartbeat")
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        timer = self.create_timer(
            link.heartbeat, self._on_beat, callback_group=self.group, clock=steady
        )
        self.keep(timer, lambda: self.destroy_timer(timer))
        self.serve("/ddg/stop", self._on_stop)
        self.serve("/ddg/reset_stop", self._on_reset)
        self.subscribe("/ddg/stop_button", self._on_button)
        self.serve("/ddg/confirm", self._on_confirm)
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
                permit=self._permit,
                lookout=self._lookout,
            )
        self.get_logger().info(f"{played.execution.outcome} {played.execution.message}")
        return self._result(played)

    def _on_go_home(self, _: Any, response: Any) -> Any:
        """Answers when the arm is there, or stopped on the way."""
        with self._at_work():
            played = self._executor.go_home(
                self._scene, interrupted=self._interrupted, permit=self._permit
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
        """
        if self._stopped.is_set():
            raise Failed(Outcome.STOPPED, "stopped: call /ddg/reset_stop first")
        _check_calibration(self.get_parameter("robot").value, self._cell)
        if not self._moving.acquire(blocking=False):
            raise Failed(Outcome.STOPPED, "the arm is at work")
        try:
            yield
        finally:
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

    def _stop(self) -> None:
        self._stopped.set()
        self._brakes.pull()
        self.health = (DiagnosticStatus.ERROR, "stopped: /ddg/reset_stop lets it move again")

    def _on_button(self, message: Bool) -> None:
        """A button that is pressed stops; letting it go does not release."""
        if message.data and not self._stopped.is_set():
            self._stop()

    def _on_stop(self, _: Any, response: Any) -> Any:
        self._stop()
        response.success, response.message = True, "stopped; /ddg/reset_stop lets it move again"
        return response

    def _on_reset(self, _: Any, response: Any) -> Any:
        self._stopped.clear()
        self.health = (DiagnosticStatus.OK, "active")
        response.success, response.message = True, "released; nothing moves until the next goal"
        return response

    def _permit(self, phase: str) -> bool:
        """Whether a phase may begin: at once, or when the operator says so."""
        if not self._cell.confirm:
            return True
        asking = f"waiting for /ddg/confirm before {phase}"
        if self.health[1] != asking:
            self._confirmed.clear()
            self.health = (DiagnosticStatus.WARN, asking)
            self.get_logger().warning(asking)
        if not self._confirmed.is_set():
            return False
        self.health = (DiagnosticStatus.OK, f"{phase} was confirmed")
        return True

    def _on_confirm(self, _: Any, response: Any) -> Any:
        response.success = self.health[1].startswith("waiting for")
        response.message = "" if response.success else "nobody asked"
        if response.success:
            self._confirmed.set()
        return response

    def _on_beat(self) -> None:
        stamp = self.get_clock().now().to_msg()
        self._beat.publish(Header(frame_id=self.get_name(), stamp=stamp))

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


def main() -> None:
    """Run the node until it is told to stop."""
    run_node(ExecutorNode, threads=6)


if __name__ == "__main__":
    main()
