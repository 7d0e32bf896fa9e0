"""Watches the stack from outside: whether the arm moves, who is active, what goes on."""

import time
from collections import deque
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
from action_msgs.msg import GoalStatus, GoalStatusArray
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.qos import qos_profile_action_status_default

from ddg_cli.ros.onlooker import Onlooker
from ddg_core.arrays import Array
from ddg_core.cell import CellSettings
from ddg_core.errors import TimedOut
from ddg_core.ros.calls import call
from ddg_core.ros.convert import stamp_from_msg
from ddg_core.ros.interfaces import interface
from ddg_core.waiting import wait_until

MOVING = 0.04  # [rad/s] of any joint of the arm
KEPT = 5000  # joint states
ANSWER = 2.0  # [s]
GOING_ON = (GoalStatus.STATUS_ACCEPTED, GoalStatus.STATUS_EXECUTING, GoalStatus.STATUS_CANCELING)


class Witness(Onlooker):
    """Sees the arm's joints and the actions that move them, and asks nodes."""

    def __init__(self, cell: CellSettings) -> None:
        """Listen to the joints and to the actions that move them."""
        self._names = [cell.arm.joint_prefix + name for name in cell.arm.joint_names]
        self._samples: deque[tuple[float, float, Array]] = deque(maxlen=KEPT)
        self._goals: dict[str, list[int]] = {}
        super().__init__("witness")
        self._group = ReentrantCallbackGroup()
        self._asking: dict[str, Any] = {}
        self._listen("/joint_states", self._on_joints)
        for action in (cell.arm.action, cell.hand_action, "/ddg/execute_grasp"):
            self._node.create_subscription(
                GoalStatusArray,
                f"{action}/_action/status",
                lambda message, action=action: self._on_goals(action, message),
                qos_profile_action_status_default,
            )

    def last_motion(self, since: float) -> float:
        """How long after `since` (monotonic, in [s]) the arm was last seen to move, in [s]."""
        return self.moved_at(since) - since

    def moved_at(self, since: float) -> float:
        """When after `since` the arm was last seen to move; `since` if it was not."""
        samples = [sample for sample in list(self._samples) if sample[0] >= since]
        last = since
        for (_, stamp, q), (now, later, q_later) in pairwise(samples):
            dt = later - stamp
            if dt > 0.0 and np.abs(q_later - q).max() / dt > MOVING:
                last = now
        return last

    def going_on(self) -> list[str]:
        """Actions that have a goal that is not over."""
        return [
            name for name, goals in list(self._goals.items()) if any(g in GOING_ON for g in goals)
        ]

    def forget_goals(self) -> None:
        """Forget all goals: who held them was killed, and tells no more what became of them."""
        self._goals.clear()

    def wait_active(self, names: Iterable[str], *, timeout: float) -> None:
        """Wait until all lifecycle nodes `names` are active.

        Raises:
            TimedOut: Some are not; the message names them.
        """
        left = list(names)

        def all_active() -> bool:
            left[:] = [name for name in left if not self.active(name)]
            return not left

        try:
            wait_until(all_active, what="nodes", timeout=timeout, period=0.1)
        except TimedOut as error:
            raise TimedOut(f"not active within {timeout:g} s: {', '.join(left)}") from error

    def trigger(self, name: str) -> None:
        """Call a service of the table that takes nothing."""
        kind = interface(name, "srv").load_type()
        call(self._client(name, kind), kind.Request(), timeout=ANSWER)

    def pause(self, paused: bool) -> None:
        """Let the world stand still, or go on."""
        kind = interface("/twin/set_pause", "srv").load_type()
        call(self._client("/twin/set_pause", kind), kind.Request(paused=paused), timeout=ANSWER)

    def active(self, name: str) -> bool:
        """Whether a lifecycle node says that it is active."""
        client = self._client(f"/{name}/get_state", GetState)
        try:
            state = call(client, GetState.Request(), timeout=ANSWER, ready=0.5).current_state.id
        except TimedOut:
            return False
        return bool(state == State.PRIMARY_STATE_ACTIVE)

    def _client(self, name: str, kind: Any) -> Any:
        if name not in self._asking:
            self._asking[name] = self._node.create_client(kind, name, callback_group=self._group)
        return self._asking[name]

    def _on_joints(self, message: Any) -> None:
        where = dict(zip(message.name, message.position, strict=False))
        if all(name in where for name in self._names):
            q = np.array([where[name] for name in self._names])
            self._samples.append((time.monotonic(), stamp_from_msg(message.header.stamp), q))

    def _on_goals(self, action: str, message: GoalStatusArray) -> None:
        self._goals[action] = [status.status for status in message.status_list]
