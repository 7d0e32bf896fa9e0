"""Brakes: stop controllers without being the one who moves them."""

import contextlib
from functools import partial

from action_msgs.srv import CancelGoal
from rclpy.exceptions import InvalidHandle

from ddg_core.ros.node import DdgNode


class Brakes:
    """Cancels every goal of some controllers, whoever sent it."""

    def __init__(self, node: DdgNode, actions: tuple[str, ...]) -> None:
        """Create the clients of the actions' cancel services."""
        self._clients = [
            node.create_client(CancelGoal, f"{a}/_action/cancel_goal", callback_group=node.group)
            for a in actions
        ]
        for client in self._clients:
            node.keep(client, partial(node.destroy_client, client))

    def pull(self) -> None:
        """Cancel all goals now; does not wait."""
        for client in self._clients:
            with contextlib.suppress(InvalidHandle):  # the node is just being taken down
                client.call_async(CancelGoal.Request())  # no id, no time: all goals
