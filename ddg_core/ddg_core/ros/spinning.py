"""Spin an executor in the background, and end that before anything of it is destroyed."""

import contextlib
import threading
from collections.abc import Iterator

from rclpy.exceptions import InvalidHandle
from rclpy.executors import Executor, SingleThreadedExecutor
from rclpy.node import Node


@contextlib.contextmanager
def spinning(executor: Executor) -> Iterator[None]:
    """Spin for as long as the block lasts.

    `executor.shutdown()` destroys what a spinning thread may be about to wait on (rclpy 7.1), so
    the thread ends first.
    """
    done = threading.Event()

    def spin() -> None:
        while not done.is_set():
            with contextlib.suppress(InvalidHandle):  # as our own executor does
                executor.spin_once(timeout_sec=0.1)

    thread = threading.Thread(target=spin, name="spinning", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(30.0)
        executor.shutdown(timeout_sec=5.0)


@contextlib.contextmanager
def attended(node: Node) -> Iterator[None]:
    """Spin a node in the background for as long as the block lasts, and destroy it after that."""
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    try:
        with spinning(executor):
            yield
    finally:
        node.destroy_node()
