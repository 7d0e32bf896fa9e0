"""Runs the callbacks of a node: messages at once, whatever may take long in a pool of threads."""

import contextlib
from collections.abc import Callable
from concurrent.futures import Future, wait
from types import NoneType
from typing import Any

from rclpy.context import Context
from rclpy.exceptions import InvalidHandle
from rclpy.executors import (
    ConditionReachedException,
    ExternalShutdownException,
    MultiThreadedExecutor,
    ShutdownException,
    TimeoutException,
)
from rclpy.guard_condition import GuardCondition
from rclpy.logging import get_logger
from rclpy.subscription import Subscription


class NodeExecutor(MultiThreadedExecutor):
    """A multi-threaded executor that takes messages in the spinning thread.

    A message handed to a pool costs three times as much as one taken on the spot: at 100 messages
    per second 22 % of a core instead of 7 %, measured, and a graph has ten nodes. So callbacks of
    subscriptions must be short: keep the message, and return.
    """

    def __init__(self, num_threads: int, *, context: Context | None = None) -> None:
        """Make a pool of `num_threads` for whatever may take long."""
        super().__init__(num_threads, context=context)
        self._running: set[Future[None]] = set()

    def _spin_once_impl(
        self, timeout_sec: Any = None, wait_condition: Callable[[], bool] = lambda: False
    ) -> None:
        try:
            handler, entity, _ = self.wait_for_ready_callbacks(timeout_sec, None, wait_condition)
        except (
            ConditionReachedException,
            ExternalShutdownException,
            InvalidHandle,  # went after it was listed: the next round lists anew
            ShutdownException,
            TimeoutException,
        ):
            return
        if isinstance(entity, Subscription | GuardCondition):
            handler()
            handler.result()  # raises what the callback raised
            return
        running = self._executor.submit(handler)
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        self._futures.append(handler)
        for future in self._futures[:]:
            if future.done():
                self._futures.remove(future)
                with contextlib.suppress(InvalidHandle):  # what it answered to is gone
                    future.result()

    def shutdown(self, timeout_sec: float | None = None) -> bool:
        """Wait until the pool is at rest, then take the executor down; call it once spinning ended.

        rclpy's own (7.1) does not wait: what still ran met nodes and a context that were gone, and
        what it raised was told on stderr whenever it happened to be collected.

        Returns whether all came to an end within `timeout_sec`.
        """
        self._executor.shutdown(wait=False)
        late = wait(tuple(self._running), timeout_sec).not_done
        for future in [future for future in self._futures if future.done()]:
            self._futures.remove(future)
            if not isinstance(error := future.exception(), NoneType | InvalidHandle):
                get_logger("executor").warning(f"on the way down: {error}")
        return bool(super().shutdown(timeout_sec)) and not late
