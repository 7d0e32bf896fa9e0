"""What the system must bring: a compiler, headers, and a few shared libraries."""

import ctypes
import importlib.util
import shutil
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Prerequisite:
    """One thing that pip cannot install.

    Attributes:
        name: What people call it.
        packages: Its packages on Debian and Ubuntu.
        cost: What does not work without it.
        found: Whether it is here.
    """

    name: str
    packages: tuple[str, ...]
    cost: str
    found: Callable[[], bool]


def _library(*names: str) -> Callable[[], bool]:
    def found() -> bool:
        for name in names:
            try:
                ctypes.CDLL(name)
            except OSError:
                continue
            return True
        return False

    return found


def _command(*names: str) -> Callable[[], bool]:
    return lambda: any(shutil.which(name) for name in names)


def _module(*names: str) -> Callable[[], bool]:
    return lambda: all(importlib.util.find_spec(name) for name in names)


def _headers() -> bool:
    return (Path(sysconfig.get_paths()["include"]) / "Python.h").exists()


_PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
_BUILD = "the messages cannot be built"

PREREQUISITES = (
    Prerequisite(
        "Python's venv module", (f"{_PYTHON}-venv",), "nothing works", _module("venv", "ensurepip")
    ),
    Prerequisite("Python's headers", (f"{_PYTHON}-dev",), _BUILD, _headers),
    Prerequisite("a C++ compiler", ("g++",), _BUILD, _command("c++", "g++", "clang++")),
    Prerequisite(
        "an off-screen OpenGL",
        ("libegl1", "libgl1-mesa-dri"),
        "the twin's camera sees nothing",
        _library("libEGL.so.1", "libOSMesa.so.8", "libOSMesa.so.6", "libOSMesa.so"),
    ),
    Prerequisite("OpenMP", ("libgomp1",), "libraries do not load", _library("libgomp.so.1")),
    Prerequisite("libX11", ("libx11-6",), "libraries do not load", _library("libX11.so.6")),
)


def missing() -> list[Prerequisite]:
    """Return what this system lacks."""
    return [thing for thing in PREREQUISITES if not thing.found()]


def complaint(things: list[Prerequisite]) -> str:
    """Say in one line what is missing and how to get it."""
    names = ", ".join(thing.name for thing in things)
    packages = " ".join(package for thing in things for package in thing.packages)
    return f"this system lacks {names}: sudo apt-get install -y {packages}"
