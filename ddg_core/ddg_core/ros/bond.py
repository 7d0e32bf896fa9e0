"""Whether another node of ours lives: told by the system here, by the middleware elsewhere."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks
from std_msgs.msg import String

from ddg_core.processes import runs
from ddg_core.ros.interfaces import BOND_HEARD, bond_of
from ddg_core.ros.node import DdgNode

FAREWELL = 1.0  # [s]; who leaves in order may be one of all that end, and who listens another


class Bond:
    """Knows whether another node lives; asks nothing of it.

    It is lost when its process does not run any more, or, where that cannot be seen from here, when
    the middleware missed its signs of life for 5 s; 1 s after it has left in order.
    """

    def __init__(
        self, node: DdgNode, other: str, changed: Callable[[], None] = lambda: None
    ) -> None:
        """Listen until `node` is deactivated.

        Args:
            node: Who listens.
            other: Name of the other node.
            changed: Called when the middleware tells something new.
        """
        self._changed = changed
        self._process = ""
        self._heard = False
        self._left_at = float("-inf")
        self.met = False
        bond = node.create_subscription(
            String,
            bond_of(other),
            self._on_process,
            BOND_HEARD,
            callback_group=node.group,
            event_callbacks=SubscriptionEventCallbacks(liveliness=self._on_event),
        )
        node.keep(bond, partial(node.destroy_subscription, bond))

    @property
    def lives(self) -> bool:
        """Whether it is there; to be asked again and again."""
        if time.monotonic() - self._left_at < FAREWELL:
            return True
        seen = runs(self._process)
        return self._heard if seen is None else seen

    @property
    def lost(self) -> bool:
        """Whether it was there and is not any more."""
        return self.met and not self.lives

    def _on_process(self, message: String) -> None:
        # Also a sign of life: who listens anew in an old process is told of changes only.
        self._process, self._heard, self.met = message.data, True, True
        self._left_at = float("-inf")
        self._changed()

    def _on_event(self, event: Any) -> None:
        if self._heard and event.alive_count == event.not_alive_count == 0:
            self._left_at = time.monotonic()
        self._heard = event.alive_count > 0
        self._changed()
