"""Work that may take longer than messages take to come: the newest is worked on, others dropped."""

import threading
from collections.abc import Callable
from typing import Any

from ddg_core.errors import DdgError
from ddg_core.ros.node import DdgNode

WAKE = 0.5  # how long the thread may sleep through a stop, in [s]
QUIET = 2.0  # between two complaints, in [s]


class NewestOnly:
    """Takes messages at once, and works on the newest of them in a thread of its own."""

    def __init__(self, node: DdgNode, work: Callable[[Any], None]) -> None:
        """Begin; ends when the node is deactivated.

        Args:
            node: Whose work it is.
            work: Given a message. A `DdgError` is logged, not more often than each 2 s.
        """
        self._node, self._work = node, work
        self._news = threading.Condition()
        self._message: Any = None
        self._over = False
        self._thread = threading.Thread(target=self._run, name="newest", daemon=True)
        self._thread.start()
        node.keep(self, self._close)

    def __call__(self, message: Any) -> None:
        """Take a message, in place of one that nobody has begun with."""
        with self._news:
            self._message = message
            self._news.notify()

    def _run(self) -> None:
        while not self._over:
            with self._news:
                self._news.wait_for(lambda: self._message is not None or self._over, WAKE)
                message, self._message = self._message, None
            if message is None:
                continue
            try:
                self._work(message)
            except DdgError as error:
                said = f"{error.outcome}: {error}"
                self._node.get_logger().info(said, throttle_duration_sec=QUIET)
            except Exception as error:  # a fault of ours must not end the thread without a word
                self._node.explain(error)

    def _close(self) -> None:
        with self._news:
            self._over = True
            self._news.notify()
        self._thread.join(timeout=5.0)
