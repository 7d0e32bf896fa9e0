"""Serve an action: one goal at a time, a typed outcome whatever happens."""

import contextlib
from collections.abc import Callable
from threading import Lock
from typing import Any

import rclpy
from rclpy.action import CancelResponse, GoalResponse

from ddg_core.errors import TimedOut
from ddg_core.outcome import Outcome
from ddg_core.ros.interfaces import interface
from ddg_core.ros.node import DdgNode
from ddg_core.ros.waitables import SureActionServer

LAST_GOAL = 20.0  # [s] for a goal under way when its node is deactivated
GOOD = frozenset({Outcome.OK, Outcome.HELD})


def serve_action(node: DdgNode, name: str, work: Callable[[Any], Any]) -> None:
    """Offer an action of the table of interfaces until the node is deactivated.

    A goal that comes while another is worked on is rejected; a cancel is always accepted, and
    `work` looks for it at `handle.is_cancel_requested`. A node that is being deactivated refuses
    new goals and waits for the one under way, whose `work` looks at `node.leaving`. The goal's
    final state follows from the outcome in the result: succeeded, canceled or aborted.

    Args:
        node: Who offers it.
        name: Name of the action.
        work: Given the goal handle, returns the result message; a `DdgError` becomes the typed
            outcome of an otherwise empty result.
    """
    kind = interface(name, "action").load_type()
    busy = Lock()

    def accept(_: Any) -> GoalResponse:
        if node.leaving.is_set():
            return GoalResponse.REJECT
        return GoalResponse.ACCEPT if busy.acquire(blocking=False) else GoalResponse.REJECT

    def execute(handle: Any) -> Any:
        try:
            result = work(handle)
        except Exception as error:
            result = kind.Result()
            result.outcome.code, result.outcome.message = node.explain(error)
        finally:
            busy.release()
        _finish(handle, result.outcome.code)
        return result

    server = SureActionServer(
        node,
        kind,
        name,
        execute,
        goal_callback=accept,
        cancel_callback=lambda _: CancelResponse.ACCEPT,
        callback_group=node.group,
    )

    def close() -> None:
        if node.leaving.is_set():
            with contextlib.suppress(TimedOut):  # then its client is told that the server is gone
                server.drain(LAST_GOAL)
        server.destroy()

    node.keep(server, close)


def _finish(handle: Any, code: str) -> None:
    """Move the goal to the state that fits the outcome."""
    if not rclpy.ok():
        return
    if code in GOOD:
        handle.succeed()
    elif code == Outcome.CANCELLED and handle.is_cancel_requested:
        handle.canceled()
    else:
        handle.abort()
