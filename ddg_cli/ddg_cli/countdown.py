"""How many of many are done, how fast, and how long it will take yet; on stderr."""

import sys
import time
from typing import TextIO

_SELDOM = 10.0  # where nobody watches, one line per so many seconds


class Countdown:
    """Shows progress through many equal pieces of work."""

    def __init__(self, title: str, stream: TextIO | None = None) -> None:
        """Start the clock."""
        self._title, self._stream = title, sys.stderr if stream is None else stream
        self._began = time.monotonic()
        self._shown = -_SELDOM

    def show(self, done: int, total: int) -> None:
        """Tell that `done` of `total` are done."""
        seconds = max(time.monotonic() - self._began, 1e-9)
        watched = self._stream.isatty()
        if not watched and done < total and seconds - self._shown < _SELDOM:
            return
        self._shown = seconds
        left = seconds / done * (total - done)
        text = f"{self._title}: {done} of {total}, {done / seconds:.2f} per s, {left:.0f} s left"
        end = "\n" if done == total or not watched else ""
        self._stream.write(f"\r\x1b[K{text}{end}" if watched else f"{text}\n")
        self._stream.flush()
