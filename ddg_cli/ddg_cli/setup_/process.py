"""Run one step of the setup: its output goes to a log, its progress to the bar."""

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from ddg_core.errors import DdgError


class SetupFailed(DdgError):
    """The setup cannot go on; the message says why in one line."""


def run_logged(
    command: list[str],
    log: Path,
    *,
    what: str,
    watch: Callable[[str], None],
    env: Mapping[str, str] | None = None,
) -> None:
    """Run `command`, append its output to `log` and hand every line to `watch`.

    Raises:
        SetupFailed: It ended with an error; names the log and quotes the first telling line.
    """
    path = (env or {}).get("PATH")
    if shutil.which(command[0], path=path) is None:
        raise SetupFailed(f"{what} failed: there is no command {command[0]!r}")
    telling = ""
    with log.open("a", encoding="utf-8") as file:
        file.write(f"$ {' '.join(command)}\n")
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            env=env,
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                file.write(line)
                watch(line)
                if "error" in line.lower() and not telling:
                    telling = line.strip()
    if process.returncode != 0:
        raise SetupFailed(f"{what} failed ({telling or f'exit {process.returncode}'}); log: {log}")
