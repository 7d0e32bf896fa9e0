"""Action clients and servers that may go while an executor is about to wait for them."""

from typing import Any

from rclpy.action import ActionServer
from rclpy.waitable import Waitable


class Departing(Waitable):
    """Goes without taking the executor with it.

    The executor of rclpy 7.1 lists what to wait for, and then waits for it even if it was destroyed
    in between ("action client pointer is invalid"): the thread that spins, and with it the process,
    ends when a node is deactivated at the wrong moment.
    """

    _gone = False

    def destroy(self) -> None:
        """Be neither waited for nor ready from now on."""
        self._gone = True
        super().destroy()

    def add_to_wait_set(self, wait_set: Any) -> None:
        """Join what is waited for, unless gone."""
        if not self._gone:
            super().add_to_wait_set(wait_set)

    def is_ready(self, wait_set: Any) -> bool:
        """Whether something came."""
        return not self._gone and bool(super().is_ready(wait_set))


class SureActionServer(Departing, ActionServer):
    """An action server that may be destroyed while it is spun."""
