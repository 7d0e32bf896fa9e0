"""A joint trajectory controller behind its FollowJointTrajectory action."""

from threading import Lock
from typing import Any

from action_msgs.msg import GoalStatus
from control_msgs.action import FollowJointTrajectory
from control_msgs.msg import JointTolerance
from rclpy.duration import Duration
from trajectory_msgs.msg import JointTrajectoryPoint

from ddg_core.arrays import Array
from ddg_core.errors import Failed, TimedOut
from ddg_core.outcome import Outcome
from ddg_core.ros.calls import SureActionClient
from ddg_core.ros.node import DdgNode
from ddg_core.waiting import wait_until
from ddg_execution.control import Ending
from ddg_execution.link import LinkSettings
from ddg_execution.ros.joint_states import JointStates
from ddg_execution.trajectory import Trajectory

_NO_LIMIT = -1.0  # in a JointTolerance


def trajectory_to_goal(
    trajectory: Trajectory, prefix: str, *, may_stall: bool
) -> FollowJointTrajectory.Goal:
    """Pack a trajectory as a goal that starts at once; `prefix` goes before the joint names."""
    goal = FollowJointTrajectory.Goal()
    goal.trajectory.joint_names = [prefix + name for name in trajectory.joint_names]
    goal.trajectory.points = [
        JointTrajectoryPoint(
            positions=q.tolist(),
            velocities=v.tolist(),
            time_from_start=Duration(seconds=t).to_msg(),
        )
        for t, q, v in zip(
            trajectory.times, trajectory.positions, trajectory.velocities, strict=True
        )
    ]
    if may_stall:
        goal.goal_tolerance = [
            JointTolerance(name=name, position=_NO_LIMIT) for name in goal.trajectory.joint_names
        ]
    return goal


def ending_of(answer: Any) -> tuple[Ending, str]:
    """How a goal ended and why, by the answer to a request for its result."""
    result = answer.result
    why = result.error_string or "no reason given"
    if answer.status == GoalStatus.STATUS_CANCELED:
        return Ending.CANCELLED, "the goal was cancelled"
    if answer.status == GoalStatus.STATUS_SUCCEEDED:
        return Ending.DONE, ""
    if result.error_code in (result.GOAL_TOLERANCE_VIOLATED, result.PATH_TOLERANCE_VIOLATED):
        return Ending.SHORT, why
    return Ending.FAILED, f"error {result.error_code}: {why}"


class RosController:
    """A `Controller`; its calls return at once, callbacks of other threads do the rest."""

    def __init__(
        self,
        node: DdgNode,
        action: str,
        joint_names: tuple[str, ...],
        prefix: str,
        states: JointStates,
        settings: LinkSettings,
    ) -> None:
        """Create the client.

        Args:
            node: Where it lives; must be spun by other threads than the one that calls.
            action: Name of the FollowJointTrajectory action.
            joint_names: The controller's joints, without prefix.
            prefix: What the driver puts before joint names.
            states: Where the joints are.
            settings: When the line counts as broken.
        """
        self.joint_names = joint_names
        self._action = action
        self._prefix = prefix
        self._driver_names = [prefix + name for name in joint_names]
        self._states = states
        self._settings = settings
        self._client = SureActionClient(
            node, FollowJointTrajectory, action, callback_group=node.group
        )
        node.keep(self._client, self._client.destroy)
        self._lock = Lock()
        self._ending: tuple[Ending, str] | None = (Ending.DONE, "")
        self._handle: Any = None
        self._cancelled = False

    def measured(self) -> Array:
        """See `Controller.measured`."""
        return self._states.positions(self._driver_names, oldest=self._settings.silence)

    def trouble(self) -> str:
        """Why nothing could be played now, naming the culprit; empty if it could."""
        if not self._client.server_is_ready():
            return f"no action server {self._action}; is its driver up, and does it call it so?"
        try:
            self.measured()
        except Failed as error:
            return str(error)
        return ""

    def efforts(self) -> Array:
        """See `Controller.efforts`."""
        return self._states.efforts(self._driver_names)

    def start(self, trajectory: Trajectory, *, may_stall: bool) -> None:
        """See `Controller.start`."""
        try:
            wait_until(
                self._client.server_is_ready,
                what=f"action server {self._action}",
                timeout=self._settings.connect,
            )
        except TimedOut as error:
            raise Failed(Outcome.CONTROLLER_ABORTED, str(error)) from error
        with self._lock:
            self._ending, self._handle, self._cancelled = None, None, False
        goal = trajectory_to_goal(trajectory, self._prefix, may_stall=may_stall)
        self._client.send_goal_async(goal).add_done_callback(self._on_answer)

    def ending(self) -> tuple[Ending, str] | None:
        """See `Controller.ending`."""
        with self._lock:
            return self._ending

    def cancel(self) -> None:
        """See `Controller.cancel`; a goal that is not answered yet is cancelled when it is."""
        with self._lock:
            self._cancelled = True
            handle = self._handle
        if handle is not None:
            handle.cancel_goal_async()

    def _on_answer(self, future: Any) -> None:
        handle = future.result()
        if not handle.accepted:
            self._end(Ending.FAILED, f"{self._action} refused the goal")
            return
        with self._lock:
            self._handle = handle
            cancelled = self._cancelled
        if cancelled:
            handle.cancel_goal_async()
        handle.get_result_async().add_done_callback(self._on_result)

    def _on_result(self, future: Any) -> None:
        self._end(*ending_of(future.result()))

    def _end(self, ending: Ending, message: str) -> None:
        with self._lock:
            self._handle = None
            self._ending = (ending, message)
