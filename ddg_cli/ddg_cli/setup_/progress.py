"""A progress bar on stderr; where nobody watches, one line per step."""

import shutil
import sys
import time
from typing import TextIO


class Progress:
    """Shows how far a long piece of work is.

    Args:
        title: What is being done.
        steps: (name, share of the whole) of every step, in order; shares add up to 1.
        stream: Where to write; stderr unless told.
    """

    def __init__(
        self, title: str, steps: tuple[tuple[str, float], ...], stream: TextIO | None = None
    ) -> None:
        """Start at zero."""
        self._title, self._steps = title, dict(steps)
        self._stream = sys.stderr if stream is None else stream
        self._done, self._current, self._share = 0.0, "", 0.0
        self._started = self._drawn = time.monotonic()

    def step(self, name: str) -> None:
        """Begin the next step; the one before is done."""
        self._done += self._steps.get(self._current, 0.0)
        self._current, self._share = name, 0.0
        if not self._stream.isatty():
            seconds = time.monotonic() - self._started
            self._stream.write(f"{self._title}: {self.percent:3d} % {seconds:4.0f} s  {name}\n")
            self._stream.flush()
        self.show(0.0, "")

    def show(self, share: float, detail: str) -> None:
        """Tell that `share` (0 to 1) of the current step is done."""
        self._share = min(max(share, 0.0), 1.0)
        now = time.monotonic()
        if not self._stream.isatty() or (detail and now - self._drawn < 0.1):
            return
        self._drawn = now
        bar = "#" * round(self.percent / 5)
        text = f"{self._title} [{bar:<20}] {self.percent:3d} %  {self._current} {detail}"
        self._stream.write(f"\r\x1b[K{text[: shutil.get_terminal_size().columns - 1]}")
        self._stream.flush()

    def finish(self) -> None:
        """Leave one line that says how long it took."""
        seconds = time.monotonic() - self._started
        clear = "\r\x1b[K" if self._stream.isatty() else ""
        self._stream.write(f"{clear}{self._title}: done in {seconds:.0f} s\n")
        self._stream.flush()

    @property
    def percent(self) -> int:
        """How much of the whole is done."""
        return int(100 * min(self._done + self._share * self._steps.get(self._current, 0.0), 1.0))
