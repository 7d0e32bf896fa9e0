"""Whether a process still runs can be seen by its name."""

import signal
import subprocess
import sys

import pytest

from ddg_core.processes import runs, whoami
from ddg_core.waiting import wait_until

TELL = "import ddg_core.processes as p, signal; print(p.whoami(), flush=True); signal.pause()"


def test_this_process_runs() -> None:
    assert runs(whoami())


@pytest.mark.parametrize("who", ["", "x", "another-machine pid:[1] 1"])
def test_what_is_elsewhere_cannot_be_seen(who: str) -> None:
    assert runs(who) is None


def test_a_stopped_and_a_killed_process_do_not_run() -> None:
    with subprocess.Popen([sys.executable, "-c", TELL], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        who = other.stdout.readline().strip()
        assert who != whoami()
        assert runs(who)
        other.send_signal(signal.SIGSTOP)
        wait_until(lambda: not runs(who), what="stop", timeout=60.0)
        other.send_signal(signal.SIGCONT)
        wait_until(lambda: bool(runs(who)), what="going on", timeout=60.0)
        other.kill()
        wait_until(lambda: not runs(who), what="end", timeout=60.0)
    assert runs(who) is False
