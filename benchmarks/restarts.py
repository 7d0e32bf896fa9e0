"""What is left of the whole stack when it has been brought up and down 50 times.

Up: all nodes of the twin are active, and a client in this process sees all that a trial needs.
"""

import gc
import os
import statistics
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ddg_cli import shared_memory, stack
from ddg_cli.processes import domain_lock, lock
from ddg_cli.stopwatch import Stopwatch

TIMES = 50
PORTS_OF_A_DOMAIN = 250  # from 7400 on, as the specification of DDS says


def run() -> dict[str, float]:
    """Bring it up and down, and count after each time."""
    watch, runs, left = Stopwatch(), list[_Run](), Counter[str]()
    own: list[dict[str, float]] = []
    for _ in range(TIMES):
        runs.append(run := _up_and_down())
        left.update(_left(run))
        own.append(_own())
        watch.say(f"{len(runs)}: {run.start_s:.1f} s up, {run.end_s:.1f} s down, left {dict(left)}")
    return {
        "times": TIMES,
        "start_s": statistics.median(run.start_s for run in runs),
        "start_s_max": max(run.start_s for run in runs),
        "end_s": statistics.median(run.end_s for run in runs),
        "end_s_max": max(run.end_s for run in runs),
        **left,
        **{f"{name}_since_the_first": own[-1][name] - before for name, before in own[0].items()},
    }


@dataclass(frozen=True)
class _Run:
    """One time up and down: how long, and what there was while it was up."""

    start_s: float
    end_s: float
    domain: int
    logs: Path
    out: Path
    memory: frozenset[str]


def _up_and_down() -> _Run:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as out:
        with stack.up(Path(out), Stopwatch()) as (nodes, _):
            start_s = time.monotonic() - began
            domain = int(os.environ["ROS_DOMAIN_ID"])
            pids = ["self", *(str(process.pid) for process in nodes.processes.values())]
            files = set().union(*(shared_memory.mapped(process=pid) for pid in pids))
            memory = frozenset(name for name in files if "fastrtps" in name)
            assert memory
            assert _ports(domain)
            assert _processes(nodes.logs)
            ending = time.monotonic()
        end_s = time.monotonic() - ending
    return _Run(start_s, end_s, domain, nodes.logs, Path(out), memory)


def _left(run: _Run) -> dict[str, int]:
    """How much of what there was is still there."""
    gc.collect()  # rclpy lets go of the middleware when nobody refers to it
    memory = run.memory - shared_memory.mapped()  # some ports are shared with who else runs here
    return {
        "processes_left": len(_processes(run.logs)),
        "shared_memory_left": sum((shared_memory.FOLDER / name).exists() for name in memory),
        "ports_left": len(_ports(run.domain)),
        "temporary_folders_left": sum(map(Path.exists, (run.logs / "tmp", run.out))),
        "domains_left_locked": int(not _free(run.domain)),
    }


def _processes(logs: Path) -> list[str]:
    """Processes, but this one, that were told to write their logs there."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if str(logs).encode() in environment.read_bytes():
                found.append(environment.parent.name)
    return found


def _ports(domain: int) -> list[int]:
    """UDP ports of a ROS domain on which somebody listens."""
    lines = Path("/proc/net/udp").read_text(encoding="utf-8").splitlines()[1:]
    ports = [int(line.split()[1].split(":")[1], 16) for line in lines]
    first = 7400 + PORTS_OF_A_DOMAIN * domain
    return [port for port in ports if first <= port < first + PORTS_OF_A_DOMAIN]


def _free(domain: int) -> bool:
    with domain_lock(domain).open("w", encoding="utf-8") as file:
        return lock(file)


def _own() -> dict[str, float]:
    """What this process itself holds."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return {
        "own_open_files": len(list(Path("/proc/self/fd").iterdir())),
        "own_threads": len(list(Path("/proc/self/task").iterdir())),
        "own_shared_memory": len(shared_memory.mapped(process="self")),
        "own_memory_mib": int(status.split("VmRSS:")[1].split()[0]) / 1024,
    }
