"""What dead processes left of Fast DDS in shared memory, and how it goes.

Each participant has a segment (8 MB with our settings) and one per port. A process that is killed
leaves its own and keeps others from removing those that it had open; they would pile up until the
machine is restarted.
"""

import contextlib
import fcntl
import re
import time
from collections import defaultdict
from pathlib import Path

FOLDER = Path("/dev/shm")
YOUNG = 10.0  # [s]; its owner may not have locked it yet

_FILE = re.compile(r"(?:sem\.)?(fastrtps_(?:port\d+|[0-9a-z]{16}))(_el|_sl|_mutex)?")


def sweep(folder: Path = FOLDER) -> list[str]:
    """Remove segments and ports that nobody holds any more, and return their names.

    As `fastdds shm clean` tells: a live owner has a lock on the file `_el` or `_sl` beside it. What
    has no lock file goes too, unless some process still has it in its memory.
    """
    parts = defaultdict(list)
    for path in folder.glob("*fastrtps_*"):
        if found := _FILE.fullmatch(path.name):
            parts[found[1]].append(path)
    gone = []
    for name in sorted(parts.keys() - mapped(folder)):
        with contextlib.ExitStack() as locks, contextlib.suppress(OSError):
            for path in parts[name]:
                if time.time() - path.stat().st_mtime < YOUNG:
                    raise BlockingIOError
                if path.name.endswith(("_el", "_sl")):  # held until it is removed
                    file = locks.enter_context(path.open("ab"))
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for path in parts[name]:
                path.unlink(missing_ok=True)
            gone.append(name)
    return gone


def mapped(folder: Path = FOLDER, process: str = "[0-9]*") -> set[str]:
    """Names of the files of a folder that a process, by default any, has in its memory."""
    line = re.compile(rf"{re.escape(str(folder))}/(\S+)")
    names: set[str] = set()
    for maps in Path("/proc").glob(f"{process}/maps"):
        with contextlib.suppress(OSError):  # it ended, or is somebody else's
            names.update(line.findall(maps.read_text(encoding="utf-8", errors="replace")))
    return names
