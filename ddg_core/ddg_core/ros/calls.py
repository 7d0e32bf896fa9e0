"""Call services and actions and wait for the answer: every wait ends and says what for."""

import time
from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import Any

import rclpy
from rclpy.action import ActionClient

from ddg_core.errors import DdgError, Failed, TimedOut
from ddg_core.outcome import Outcome
from ddg_core.ros.waitables import Departing
from ddg_core.waiting import wait_until

GONE_AFTER = 3.0  # [s] without its server an action is given up


class SureActionClient(Departing, ActionClient):
    """An action client that may be used, and destroyed, by another thread than the one that spins.

    rclpy 7.1 notes a request only after it was sent; an answer that is quicker than that is
    thrown away ("Ignoring unexpected goal response"), and the goal is never heard of again.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Pass everything on."""
        self._sending = Lock()
        super().__init__(*args, **kwargs)

    def send_goal_async(self, *args: Any, **kwargs: Any) -> Any:
        """Send a goal and note it before any answer is looked at."""
        with self._sending:
            return super().send_goal_async(*args, **kwargs)

    def take_data(self) -> Any:
        """Take answers, none of them to a request that is not noted yet."""
        with self._sending:
            return super().take_data()

    def _get_result_async(self, goal_handle: Any) -> Any:
        with self._sending:
            return super()._get_result_async(goal_handle)

    def _cancel_goal_async(self, goal_handle: Any) -> Any:
        with self._sending:
            return super()._cancel_goal_async(goal_handle)


def call(
    client: Any,
    request: Any,
    *,
    timeout: float,
    ready: float = 5.0,
    cancelled: Callable[[], bool] = lambda: False,
    lost: Callable[[], bool] = lambda: False,
) -> Any:
    """Call a service and return its response; the node must be spun by another thread.

    Args:
        client: Client of the service.
        request: What to ask.
        timeout: Longest wait for the answer, in [s].
        ready: Longest wait for the service to be there, in [s].
        cancelled: Asked all the time; True gives up.
        lost: Asked all the time; True: the server is gone, sooner than the middleware finds out.

    Raises:
        TimedOut: No server, no answer in time, or the server vanished.
        Failed: CANCELLED: it was given up, or this process is being shut down.
    """
    _wait(client.service_is_ready, f"service {client.srv_name}", ready, cancelled, lost)
    future = client.call_async(request)
    try:
        _wait(future.done, f"answer of {client.srv_name}", timeout, cancelled, lost)
    except DdgError:
        client.remove_pending_request(future)
        raise
    return future.result()


def check(outcome: Any) -> None:
    """Raise `Failed` if an outcome message says anything but OK."""
    if outcome.code != Outcome.OK:
        raise Failed(Outcome(outcome.code), outcome.message)


def run_action(
    client: Any,
    goal: Any,
    *,
    name: str,
    timeout: float,
    ready: float = 5.0,
    on_feedback: Callable[[Any], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
    lost: Callable[[], bool] = lambda: False,
) -> Any:
    """Run an action to its end and return its result; the node must be spun by another thread.

    A cancel is passed on to the server, whose result then says how it ended. Ctrl-C cancels too.

    Args:
        client: Client of the action.
        goal: What to do.
        name: Name of the action, for the error.
        timeout: Longest wait for a word of the server, feedback or result, in [s]; then the goal is
            cancelled.
        ready: Longest wait for the server to be there, in [s].
        on_feedback: Given each feedback.
        cancelled: Asked now and then; True cancels the goal once.
        lost: Asked now and then; True: the server is gone, sooner than the middleware finds out.

    Raises:
        TimedOut: No server, no word in time, or the server vanished.
        Failed: STOPPED: the server refused the goal. CANCELLED: this process is being shut down.
    """
    words = 0

    def note(message: Any) -> None:
        nonlocal words
        words += 1
        on_feedback(message.feedback)

    handle = _accepted(client, goal, note, name=name, ready=ready, lost=lost)
    result = handle.get_result_async()
    watch = _Watch(client, handle, cancelled, lost)

    def over(heard: int) -> bool:
        return words > heard or result.done() or watch.over()

    try:
        while not over(words):
            _wait(partial(over, words), f"result of {name}", timeout)
    except (TimedOut, KeyboardInterrupt):
        handle.cancel_goal_async()
        raise
    if not result.done():
        raise TimedOut(f"the server of {name} vanished while it worked")
    return result.result().result


def _accepted(
    client: Any,
    goal: Any,
    note: Callable[[Any], None],
    *,
    name: str,
    ready: float,
    lost: Callable[[], bool],
) -> Any:
    """Send a goal and return its handle; the errors are those of `run_action`."""
    _wait(client.server_is_ready, f"action server {name}", ready, lost=lost)
    sent = client.send_goal_async(goal, feedback_callback=note)
    try:
        _wait(sent.done, f"answer of {name} to the goal", ready, lost=lost)
    except DdgError:
        sent.add_done_callback(_call_off)
        raise
    handle = sent.result()
    if not handle.accepted:
        raise Failed(Outcome.STOPPED, f"{name} refused the goal")
    return handle


def _wait(
    condition: Callable[[], bool],
    what: str,
    timeout: float,
    cancelled: Callable[[], bool] = lambda: False,
    lost: Callable[[], bool] = lambda: False,
) -> None:
    def over() -> bool:
        return not rclpy.ok() or cancelled()

    wait_until(lambda: condition() or over() or lost(), what=what, timeout=timeout, period=0.01)
    if condition():
        return
    if over():
        raise Failed(Outcome.CANCELLED, f"given up while waiting for {what}")
    raise TimedOut(f"no {what}: the server vanished")


def _call_off(sent: Any) -> None:
    """Cancel a goal that is accepted when nobody waits for it any more."""
    handle = sent.result()
    if handle is not None and handle.accepted:
        handle.cancel_goal_async()


class _Watch:
    """Looks after a goal under way: passes a cancel on once, notices that the server is gone."""

    def __init__(
        self, client: Any, handle: Any, cancelled: Callable[[], bool], lost: Callable[[], bool]
    ) -> None:
        self._client, self._handle, self._cancelled, self._lost = client, handle, cancelled, lost
        self._asked = False
        self._seen = time.monotonic()

    def over(self) -> bool:
        """Whether there is nothing to wait for any more."""
        if not self._asked and self._cancelled():
            self._handle.cancel_goal_async()
            self._asked = True
        if self._client.server_is_ready():
            self._seen = time.monotonic()
        return self._lost() or time.monotonic() - self._seen > GONE_AFTER
