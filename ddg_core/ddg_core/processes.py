"""Who a process is, so that another one on the same machine can look whether it still runs."""

import os
from functools import cache
from pathlib import Path

_PROC = Path("/proc")
_GONE = frozenset("TtZX")  # stopped, traced, dead


def whoami() -> str:
    """Name this process: machine since its start, namespace of process numbers, number."""
    return f"{_here()} {os.getpid()}"


def runs(who: str) -> bool | None:
    """Whether a process by the name of `whoami` runs; None if that cannot be seen from here.

    One that is stopped (SIGSTOP) does not run.
    """
    here, _, number = who.rpartition(" ")
    if not number or here != _here():
        return None
    try:
        status = (_PROC / number / "stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] not in _GONE


@cache
def _here() -> str:
    boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    return f"{boot} {(_PROC / 'self/ns/pid').readlink()}"
