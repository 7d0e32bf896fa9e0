"""The only place that sleeps: every wait has a timeout and says what it waited for."""

import time
from collections.abc import Callable

from ddg_core.errors import TimedOut


def wait_until(
    condition: Callable[[], bool], *, what: str, timeout: float, period: float = 0.02
) -> None:
    """Return as soon as `condition()` is true.

    Args:
        condition: Asked every `period` seconds; may do the work that makes it come true.
        what: What is waited for, e.g. "depth image on /camera/depth"; goes into the error.
        timeout: Longest wait, in [s] of the monotonic clock.
        period: Pause between two questions, in [s].

    Raises:
        TimedOut: It did not come true in time.
    """
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() >= end:
            raise TimedOut(f"no {what} within {timeout:g} s")
        time.sleep(period)  # noqa: TID251  the one helper that may
