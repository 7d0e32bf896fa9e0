"""Outlives a parent that was killed, to end the processes that it left.

`python -m ddg_cli.keeper` reads "+PID" and "-PID" lines: process groups that began and ended.
When its input closes, whoever wrote is gone, and it ends the groups that are left and removes what
the dead left in shared memory.
"""

import os
import signal
import sys
from collections.abc import Iterable

from ddg_cli.shared_memory import sweep
from ddg_core.errors import TimedOut
from ddg_core.waiting import wait_until

GRACE = ((signal.SIGINT, 5.0), (signal.SIGTERM, 3.0), (signal.SIGKILL, 1.0))


def alive(group: int) -> bool:
    """Whether a process group still has a member."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def end(groups: Iterable[int]) -> None:
    """End process groups: asked kindly, then firmly, then killed."""
    left = set(groups)
    for number, patience in GRACE:
        for group in list(left):
            try:
                os.killpg(group, number)
            except ProcessLookupError:
                left.discard(group)
        try:
            wait_until(lambda: not any(map(alive, left)), what="end", timeout=patience)
        except TimedOut:
            continue
        return


def main() -> None:
    """Read until the input closes, then end what is left."""
    groups: set[int] = set()
    for line in sys.stdin:
        number = int(line[1:])
        if line[0] == "+":
            groups.add(number)
        else:
            groups.discard(number)
    end(groups)
    sweep()


if __name__ == "__main__":
    main()
