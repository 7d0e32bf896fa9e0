"""Action clients and servers that may go while an executor is about to wait for them."""

from typing import Any

from rclpy.action import ActionServer
from rclpy.waitable import Waitable

from ddg_core.waiting import wait_until


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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Pass everything on."""
        self._working: list[Any] = []
        self._owed = 0  # results that were asked for and not sent
        super().__init__(*args, **kwargs)

    def drain(self, timeout: float) -> None:
        """Wait until no goal that was accepted is left and all results are sent.

        Raises:
            TimedOut: That took too long.
        """

        def over() -> bool:
            active = any(handle.is_active for handle in list(self._goal_handles.values()))
            return not (active or self._working or self._owed)

        wait_until(over, what="end of a goal", timeout=timeout)

    async def _execute_goal(self, execute_callback: Any, goal_handle: Any) -> None:
        self._working.append(goal_handle)
        try:
            await super()._execute_goal(execute_callback, goal_handle)
        finally:
            self._working.remove(goal_handle)

    async def _execute_get_result_request(self, request_header_and_message: Any) -> None:
        self._owed += bytes(request_header_and_message[1].goal_id.uuid) in self._goal_handles
        await super()._execute_get_result_request(request_header_and_message)

    def _send_result_response(self, request_header: Any, future: Any) -> None:
        super()._send_result_response(request_header, future)
        self._owed -= 1
