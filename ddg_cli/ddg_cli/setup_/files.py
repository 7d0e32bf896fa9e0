"""Where the door finds and keeps its things."""

import hashlib
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("ddg_core", "ddg_perception", "ddg_planning", "ddg_execution", "ddg_sim", "ddg_cli")
INTERFACES = ("underlay", "ddg_interfaces")


@dataclass(frozen=True)
class House:
    """One of the two ways to live: on ROS wheels, or on a ROS 2 from apt.

    Attributes:
        name: "" for the wheels, "ros" for apt.
        venv: The virtual environment; what the door makes lies in it and nowhere else.
    """

    name: str
    venv: Path

    @property
    def requirements(self) -> Path:
        """What we ask for."""
        return ROOT / f"requirements{self.name and '-'}{self.name}.txt"

    @property
    def constraints(self) -> Path:
        """The pins of all that comes with it."""
        return ROOT / f"constraints{self.name and '-'}{self.name}.txt"

    @property
    def python(self) -> Path:
        """The interpreter of the virtual environment."""
        return self.venv / "bin" / "python"

    @property
    def workspace(self) -> Path:
        """Where the interfaces are built and installed."""
        return self.venv / "ws"

    @property
    def site_packages(self) -> Path:
        """Where pip puts packages."""
        return self.venv / f"lib/python{version()}/site-packages"


WHEELS = House("", ROOT / ".venv")
APT = House("ros", ROOT / ".venv.ros")


def house() -> House:
    """Return the house that the script `ddg` chose."""
    return APT if os.environ.get("DDG_ROS") == "apt" else WHEELS


def version() -> str:
    """Return the running Python's version, e.g. "3.12"."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def fingerprint(paths: Iterable[Path], *words: str) -> str:
    """Hash the contents and names of files (of all files below, for folders) and some words."""
    digest = hashlib.sha256("\0".join(words).encode())
    for path in paths:
        below = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for file in below:
            digest.update(f"\0{file.relative_to(path)}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
