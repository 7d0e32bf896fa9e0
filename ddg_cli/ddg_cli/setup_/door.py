"""What `./ddg` does before anything else: see that all is there, then run the command in it."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ddg_cli.setup_ import install, system, workspace
from ddg_cli.setup_.environment import environment
from ddg_cli.setup_.files import House, house
from ddg_cli.setup_.process import SetupFailed
from ddg_cli.setup_.progress import Progress
from ddg_core.errors import DdgError

STEPS = (("environment", 0.03), ("packages", 0.47), ("messages", 0.5))
ROOM_GB = 4.0  # what a fresh environment takes, with downloads


def ready(at: House) -> bool:
    """Whether everything is installed and built as the sources say; takes milliseconds."""
    wanted = install.wanted(at)
    installed, built = _stamp(at, "packages"), _stamp(at, "messages")
    return at.python.exists() and installed == wanted and built == workspace.wanted(wanted)


def ensure(at: House) -> None:
    """Install and build what is not there yet.

    Raises:
        SetupFailed: The system lacks something, or a step failed; the message is one line.
    """
    if ready(at):
        return
    at.venv.mkdir(exist_ok=True)
    with _alone(at):
        if ready(at):  # somebody else did it while we waited
            return
        lacking = system.missing()
        if lacking:
            raise SetupFailed(system.complaint(lacking))
        _do(at)


def _do(at: House) -> None:
    log, progress = at.venv / "setup.log", Progress("setting up", STEPS)
    progress.step("environment")
    try:
        install.make_venv(at, log)
    except subprocess.CalledProcessError as error:
        raise SetupFailed(f"making {at.venv} failed: {error}") from error
    wanted = install.wanted(at)
    progress.step("packages")
    if _stamp(at, "packages") != wanted:
        free = install.room_left(at.venv)
        if free < ROOM_GB:
            raise SetupFailed(f"{at.venv} needs {ROOM_GB:g} GB, the disk has {free:.1f} GB left")
        install.install(at, log, progress.show)
        _write_stamp(at, "packages", wanted)
    install.link_packages(at)
    progress.step("messages")
    built = workspace.wanted(wanted)
    if _stamp(at, "messages") != built:
        workspace.build(at, log, progress.show)
        _write_stamp(at, "messages", built)
    progress.finish()


@contextmanager
def _alone(at: House) -> Iterator[None]:
    """Let one setup at a time work on a house."""
    with Path(f"{at.venv}.lock").open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _stamp(at: House, name: str) -> str:
    path = at.venv / f"ddg-{name}"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _write_stamp(at: House, name: str, value: str) -> None:
    (at.venv / f"ddg-{name}").write_text(value, encoding="utf-8")


def main() -> None:
    """Make the house ready and become the command."""
    at, words = house(), sys.argv[1:]
    if words[:1] in ([], ["-h"], ["--help"]) or (words[0] == "doctor" and not ready(at)):
        from ddg_cli.main import main as run_here  # asks for nothing that is to be installed

        raise SystemExit(run_here(words))
    try:
        ensure(at)
    except DdgError as error:
        print(f"ddg: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print("\nddg: interrupted; the next call goes on from here", file=sys.stderr)
        raise SystemExit(130) from None
    os.execve(at.python, [str(at.python), "-m", "ddg_cli", *words], environment(at))


if __name__ == "__main__":
    main()
