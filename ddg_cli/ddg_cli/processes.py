"""Nodes as processes: started together, watched, and ended without leaving one behind."""

import contextlib
import fcntl
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import IO

from ddg_cli import keeper
from ddg_cli.graph import NodeSettings
from ddg_core.errors import DdgError, TimedOut
from ddg_core.waiting import wait_until

KEPT_LOGS = 20  # folders of runs
DOMAINS = range(1, 102)  # ROS domains whose ports are free on Linux


class NodeDied(DdgError):
    """A node ended that should run."""

    def __init__(self, name: str, code: int, log: Path) -> None:
        """Name the node and quote the last line that it wrote."""
        written = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        last = written[-1].strip() if written else "it wrote nothing"
        how = f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
        super().__init__(f"node {name!r} ended ({how}): {last}; log: {log}")
        self.name = name


class Nodes:
    """Running nodes; made by `running`.

    Attributes:
        logs: Folder with one log file per node.
        processes: The processes by node name.
    """

    def __init__(self, logs: Path) -> None:
        """Start nobody but the keeper."""
        self.logs = logs
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._started: dict[str, tuple[list[str], Mapping[str, str]]] = {}
        self._keeper = subprocess.Popen(
            [sys.executable, "-m", "ddg_cli.keeper"], stdin=subprocess.PIPE, start_new_session=True
        )

    def start(self, name: str, command: list[str], env: Mapping[str, str]) -> None:
        """Start one node in a process group of its own; its output goes to its log."""
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=env,
                start_new_session=True,
            )
        self.processes[name] = process
        self._started[name] = command, env
        self._tell(f"+{process.pid}")

    def restart(self, name: str) -> None:
        """Start a node anew that has ended, as it was started."""
        ended = self.processes[name]
        ended.wait()
        self._tell(f"-{ended.pid}")
        self.start(name, *self._started[name])

    def log(self, name: str) -> Path:
        """The log file of a node."""
        return self.logs / f"{name}.log"

    def dead(self) -> dict[str, int]:
        """Exit codes of the nodes that have ended."""
        codes = {name: process.poll() for name, process in self.processes.items()}
        return {name: code for name, code in codes.items() if code is not None}

    def check(self) -> None:
        """Raise NodeDied if a node has ended."""
        for name, code in self.dead().items():
            raise NodeDied(name, code, self.log(name))

    def watch(self, telling: tuple[str, ...]) -> None:
        """Print the lines of all logs that hold one of `telling`, until a node ends.

        Raises:
            NodeDied: A node has ended.
        """
        with contextlib.ExitStack() as stack:
            logs = {
                name: stack.enter_context(self.log(name).open(encoding="utf-8", errors="replace"))
                for name in self.processes
            }
            while True:
                for name, log in logs.items():
                    for line in log:
                        if any(word in line for word in telling):
                            print(f"[{name}] {line.rstrip()}", file=sys.stderr, flush=True)
                self.check()
                with contextlib.suppress(TimedOut):
                    wait_until(lambda: bool(self.dead()), what="end", timeout=0.5, period=0.1)

    def end(self) -> None:
        """End all nodes: SIGINT, then SIGTERM, then SIGKILL; a second Ctrl-C hurries."""
        for number, patience in keeper.GRACE:
            for process in self.processes.values():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, number)
            with contextlib.suppress(TimedOut, KeyboardInterrupt):
                wait_until(self._all_gone, what="end of the nodes", timeout=patience)
                break
        for process in self.processes.values():
            self._tell(f"-{process.pid}")
        assert self._keeper.stdin is not None
        self._keeper.stdin.close()
        self._keeper.wait()

    def _all_gone(self) -> bool:
        ended = self.dead()
        return all(
            name in ended and not keeper.alive(process.pid)
            for name, process in self.processes.items()
        )

    def _tell(self, line: str) -> None:
        assert self._keeper.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._keeper.stdin.write(f"{line}\n".encode())
            self._keeper.stdin.flush()


@contextlib.contextmanager
def running(nodes: Mapping[str, NodeSettings], *, own_domain: bool) -> Iterator[Nodes]:
    """Run nodes for as long as the block lasts; nothing of them is left after it.

    In the block, SIGTERM and SIGHUP raise KeyboardInterrupt as Ctrl-C does (and Ctrl-C does it
    also where a shell started this in the background), and this process's own ROS environment is
    that of the nodes. Their temporary files go with them, however they end.

    Args:
        nodes: What to run, by ROS name.
        own_domain: Take a ROS domain that no other such run on this machine has; False keeps
            the domain of the environment.
    """
    with contextlib.ExitStack() as stack:
        logs = _new_folder()
        changed = {"ROS_LOG_DIR": str(logs / "ros")}
        if own_domain:
            changed["ROS_DOMAIN_ID"] = str(stack.enter_context(ros_domain()))
        stack.enter_context(_environment(changed))
        stack.enter_context(_signals())
        scratch = logs / "tmp"
        scratch.mkdir()
        stack.callback(shutil.rmtree, scratch, ignore_errors=True)
        group = Nodes(logs)
        stack.callback(group.end)
        # Numerical libraries spin at their barriers: with many processes on few cores, threads
        # of one would steal the time of all.
        env = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        env |= os.environ | {"TMPDIR": str(scratch)}
        for name, node in nodes.items():
            group.start(name, node.command(), env)
        yield group


@contextlib.contextmanager
def _environment(changed: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _signals() -> Iterator[None]:
    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def ros_domain() -> Iterator[int]:
    """Hold a ROS domain that nobody else on this machine holds, by a lock file."""
    for domain in random.sample(DOMAINS, len(DOMAINS)):
        with domain_lock(domain).open("w", encoding="utf-8") as file:
            if lock(file):
                yield domain
                return
    raise DdgError(f"all {len(DOMAINS)} ROS domains are in use; locks: {domain_lock(0).parent}")


def domain_lock(domain: int) -> Path:
    """The file that who holds a ROS domain has locked; its folder is there."""
    folder = Path(tempfile.gettempdir()) / f"ddg-domains-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    return folder / str(domain)


def lock(file: IO[str]) -> bool:
    """Lock a file until it is closed; False if somebody else has."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _new_folder() -> Path:
    """Make a folder for the logs of this run; the oldest beyond `KEPT_LOGS` go."""
    base = Path(os.environ.get("DDG_HOME", "~/.ddg")).expanduser() / "log"
    base.mkdir(parents=True, exist_ok=True)
    for old in sorted(path for path in base.iterdir() if path.is_dir())[: -KEPT_LOGS + 1]:
        shutil.rmtree(old, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=time.strftime("%Y%m%d-%H%M%S-"), dir=base))
