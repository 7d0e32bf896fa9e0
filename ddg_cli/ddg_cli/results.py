"""Measured figures in a document, written by the command that measured them.

A section lies between `<!-- ddg:NAME -->` and `<!-- /ddg:NAME -->`; `--results FILE` replaces what
is in it by the answer of the command and by when, where and with which commit it was measured.
"""

import argparse
import os
import platform
import re
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ddg_cli.setup_.files import ROOT
from ddg_core.errors import BadInput, UnknownName

_BEGIN = re.compile(r"^<!-- ddg:([\w-]+) -->$", re.MULTILINE)


def add_option(parser: argparse.ArgumentParser, name: str) -> None:
    """Let a command write its answer to a section.

    Args:
        parser: Of the command.
        name: The usual section; `{option}` stands for the value of another option.
    """
    parser.add_argument(
        "--results",
        metavar="FILE[#NAME]",
        help="also write the answer to this document, between <!-- ddg:NAME --> and "
        f"<!-- /ddg:NAME --> (NAME is {name} if not given)",
    )
    parser.set_defaults(section=name)


@dataclass(frozen=True)
class Section:
    """A marked part of a document.

    Attributes:
        path: Of the document.
        name: Of the section.
        began: When the measurement begins, in UTC.
        commit: Which sources measure.
    """

    path: Path
    name: str
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    commit: str = field(default_factory=lambda: _commit())

    def __post_init__(self) -> None:
        """Refuse what is not there, before anything is measured."""
        self._parts()

    def write(self, answer: str, words: Sequence[str]) -> None:
        """Replace the content by the answer of a command line.

        Args:
            answer: What the command tells people, as Markdown.
            words: The command line, without `./ddg`.
        """
        head, _, tail = self._parts()
        told = f"`./ddg {shlex.join(_without_results(words))}`\n\n{self._conditions()}\n"
        try:
            self.path.write_text(f"{head}\n{told}\n{answer}\n{tail}", encoding="utf-8")
        except OSError as error:
            raise BadInput(f"{self.path}: {error.strerror}") from error

    def _parts(self) -> tuple[str, str, str]:
        """Text up to and with the first mark, what is between the marks, and the rest."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not text"
            raise BadInput(f"--results: {self.path}: {reason}") from error
        if self.name not in (names := _BEGIN.findall(text)):
            raise UnknownName(f"section of {self.path}", self.name, names)
        if names.count(self.name) > 1:
            raise BadInput(f"--results: {self.path}: section {self.name!r} begins more than once")
        begin, end = f"<!-- ddg:{self.name} -->\n", f"<!-- /ddg:{self.name} -->\n"
        head, _, rest = text.partition(begin)
        content, closed, tail = rest.partition(end)
        if not closed or _BEGIN.search(content):
            raise BadInput(f"--results: {self.path}: section {self.name!r} has no {end.strip()}")
        return head + begin, content, end + tail

    def _conditions(self) -> str:
        """When, where and with what it was measured: one line."""
        minutes = (datetime.now(UTC) - self.began).total_seconds() / 60.0
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
        return (
            f"{self.began:%Y-%m-%d %H:%M} UTC, {minutes:.0f} min; {self.commit}; "
            f"{os.cpu_count()} cores of {_chip()}, {memory:.0f} GiB; "
            f"Python {platform.python_version()}; "
            f"mean load of the last 15 min {os.getloadavg()[2]:.1f}"
        )


def asked(arguments: argparse.Namespace) -> Section | None:
    """The section that the user named; None if none was asked for.

    Raises:
        BadInput: No such document, or no such section in it.
    """
    wanted: str | None = getattr(arguments, "results", None)
    if wanted is None:
        return None
    path, _, name = wanted.partition("#")
    return Section(Path(path), name or arguments.section.format_map(vars(arguments)))


def _without_results(words: Sequence[str]) -> list[str]:
    """The command line without where its answer goes."""
    kept = [word for word in words if not word.startswith("--results=")]
    while "--results" in kept:
        at = kept.index("--results")
        del kept[at : at + 2]
    return kept


def _commit() -> str:
    """Which sources ran."""
    try:
        commit = _git("rev-parse", "--short=10", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs")
    except (OSError, subprocess.CalledProcessError):
        return "commit unknown"
    return f"commit {commit}{' with changes' if changed else ''}"


def _git(*words: str) -> str:
    command = ["git", "-C", str(ROOT), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _chip() -> str:
    """Model of the processor, as far as the system tells."""
    info = Path("/proc/cpuinfo")
    text = info.read_text(encoding="utf-8") if info.is_file() else ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else platform.machine()
