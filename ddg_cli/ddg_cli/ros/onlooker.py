"""Who looks at a running stack from outside it."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Self

import rclpy

from ddg_core.ros.interfaces import interface
from ddg_core.ros.spinning import attended


class Onlooker:
    """A node of its own; a context manager, to be used while a `Session` holds the ROS context."""

    def __init__(self, name: str) -> None:
        """Join the ROS graph; messages are heard inside the `with` block."""
        self._node = rclpy.create_node(name)
        self._background = ExitStack()

    def __enter__(self) -> Self:
        """Begin to hear."""
        self._background.enter_context(attended(self._node))
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the ROS graph."""
        self._background.close()

    def _listen(self, name: str, heard: Callable[[Any], None]) -> None:
        topic = interface(name, "msg")
        self._node.create_subscription(topic.load_type(), name, heard, topic.qos)
