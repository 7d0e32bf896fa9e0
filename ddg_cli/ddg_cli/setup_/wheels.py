"""Repair the CMake files of the ROS wheels, which name the machine that built them."""

import re
from pathlib import Path

_PYTHON = re.compile(r"/opt/python/cp3\d+-cp3\d+/include/python3\.\d+")
_NUMPY = re.compile(
    r"/opt/python/cp3\d+-cp3\d+/lib/python3\.\d+/site-packages/numpy/_?core/include"
)


def repair(prefix: Path, python_include: str, numpy_include: str) -> int:
    """Point the exported CMake files under `prefix`/share at this machine's headers.

    Args:
        prefix: The virtual environment.
        python_include: Folder of Python.h.
        numpy_include: Folder of numpy's headers.

    Returns:
        How many files changed; 0 the second time.
    """
    changed = 0
    for path in sorted(prefix.glob("share/*/cmake/*.cmake")):
        text = path.read_text(encoding="utf-8")
        new = _NUMPY.sub(numpy_include, _PYTHON.sub(python_include, text))
        if new != text:
            path.write_text(new, encoding="utf-8")
            changed += 1
    return changed
