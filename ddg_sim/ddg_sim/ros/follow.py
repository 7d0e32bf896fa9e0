"""Serves FollowJointTrajectory for a controller that lives in the physics thread."""

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
from control_msgs.action import FollowJointTrajectory
from rclpy.action import CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from trajectory_msgs.msg import JointTrajectoryPoint

from ddg_core.errors import TimedOut
from ddg_core.ros.convert import stamp_from_msg, stamp_to_msg
from ddg_core.ros.node import DdgNode
from ddg_core.ros.waitables import SureActionServer
from ddg_sim.twin.controller import Ending, GoalEnd, TrajectoryController
from ddg_sim.twin.pace import Pace
from ddg_sim.twin.trajectory import GoalRejected, ResultCode, TrajectoryGoal

ANSWER_WITHIN = 5.0  # the physics thread may be busy with a new world, in [s]
TAKEN_DOWN = "the twin was taken down"


class FollowServer:
    """One action server for one controller.

    A goal handle is executed when the controller has ended its goal: no thread waits meanwhile.
    `tick` must be called from the physics thread.
    """

    def __init__(
        self,
        node: DdgNode,
        name: str,
        controller: TrajectoryController,
        pace: Pace,
        now: Callable[[], float],
    ) -> None:
        """Offer the action `name`; `now` tells simulated time in [s]."""
        self._node, self._controller, self._pace, self._now = node, controller, pace, now
        self._active: ServerGoalHandle | None = None
        self._ends: dict[bytes, GoalEnd] = {}
        self._server = SureActionServer(
            node,
            FollowJointTrajectory,
            name,
            execute_callback=self._result,
            goal_callback=self._on_goal,
            handle_accepted_callback=self._on_accepted,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
            callback_group=node.group,
        )
        node.keep(self._server, self._server.destroy)

    def finish(self) -> None:
        """Abort the goal of a node that is being taken down, and wait until all were told.

        To be called while physics goes on and another thread spins. What cannot be told in time
        is left: then the client sees that the server is gone.
        """
        with contextlib.suppress(TimeoutError, TimedOut):
            self._pace.ask(lambda: self._controller.abort(TAKEN_DOWN)).result(ANSWER_WITHIN)
            self._server.drain(ANSWER_WITHIN)

    def tick(self, *, feedback: bool) -> None:
        """Pass on what the client wants, and tell it how far things are."""
        if self._active is None:
            return
        if self._active.is_cancel_requested:
            self._controller.cancel()
        elif feedback:
            self._active.publish_feedback(self._feedback())

    def _on_goal(self, request: Any) -> GoalResponse:
        try:
            goal = goal_from_msg(request)
            self._refuse_when_leaving()
            self._pace.ask(lambda: self._controller.check(goal, self._now())).result(ANSWER_WITHIN)
        except GoalRejected as error:
            self._node.get_logger().warning(f"goal refused: {error.code.name}: {error}")
            return GoalResponse.REJECT
        return GoalResponse.ACCEPT

    def _on_accepted(self, handle: ServerGoalHandle) -> None:
        goal = goal_from_msg(handle.request)
        key = bytes(handle.goal_id.uuid)

        def end(how: GoalEnd) -> None:
            if self._active is handle:
                self._active = None
            self._ends[key] = how
            handle.execute()

        def begin() -> None:
            try:
                self._refuse_when_leaving()
                self._controller.accept(goal, self._now(), end)
                self._active = handle
            except GoalRejected as error:
                end(GoalEnd(Ending.ABORTED, error.code, str(error)))

        self._pace.ask(begin)

    def _refuse_when_leaving(self) -> None:
        if self._node.leaving.is_set():
            raise GoalRejected(ResultCode.INVALID_GOAL, TAKEN_DOWN)

    def _result(self, handle: ServerGoalHandle) -> Any:
        how = self._ends.pop(bytes(handle.goal_id.uuid))
        if how.ending is Ending.SUCCEEDED:
            handle.succeed()
        elif how.ending is Ending.CANCELLED:
            handle.canceled()
        else:
            handle.abort()
        return FollowJointTrajectory.Result(error_code=int(how.code), error_string=how.message)

    def _feedback(self) -> Any:
        progress, controller = self._controller.progress, self._controller
        message = FollowJointTrajectory.Feedback(joint_names=list(controller.joints.names))
        message.header.stamp = stamp_to_msg(self._now())
        message.desired = JointTrajectoryPoint(positions=progress.desired.tolist())
        message.actual = JointTrajectoryPoint(positions=progress.actual.tolist())
        error = progress.desired - progress.actual
        message.error = JointTrajectoryPoint(positions=error.tolist())
        return message


def goal_from_msg(request: Any) -> TrajectoryGoal:
    """Read a FollowJointTrajectory goal.

    Raises:
        GoalRejected: It cannot be a trajectory, or asks for what no joint here has.
    """
    if request.multi_dof_trajectory.points:
        raise GoalRejected(ResultCode.INVALID_GOAL, "joints with several degrees of freedom")
    trajectory = request.trajectory
    points = trajectory.points
    orders: dict[str, Any] = {
        key: [list(getattr(point, key)) for point in points]
        for key in ("positions", "velocities", "accelerations")
    }
    given = {key: any(rows) for key, rows in orders.items()}
    start = stamp_from_msg(trajectory.header.stamp)
    return TrajectoryGoal(
        joint_names=tuple(trajectory.joint_names),
        times=np.array([_seconds(point.time_from_start) for point in points]),
        positions=orders["positions"],
        velocities=orders["velocities"] if given["velocities"] else None,
        accelerations=orders["accelerations"] if given["accelerations"] else None,
        start=start or None,
        path_tolerance={t.name: t.position for t in request.path_tolerance},
        goal_tolerance={t.name: t.position for t in request.goal_tolerance},
        goal_time_tolerance=_seconds(request.goal_time_tolerance),
    )


def _seconds(duration: Any) -> float:
    return float(duration.sec + duration.nanosec * 1e-9)
