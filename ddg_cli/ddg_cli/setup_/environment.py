"""The environment variables that commands and nodes run with."""

import os
from collections.abc import Mapping
from pathlib import Path

from ddg_cli.setup_.files import ROOT, House

# What a sourced ROS leaves behind; it must not reach the wheels' ROS.
_FOREIGN = ("PYTHONPATH", "PYTHONHOME", "CMAKE_PREFIX_PATH", "COLCON_PREFIX_PATH")

DDS_PROFILE = "FASTRTPS_DEFAULT_PROFILES_FILE"  # how Fast DDS carries images


def changes(house: House, current: Mapping[str, str] = os.environ) -> dict[str, str | None]:
    """What differs from `current`: name -> value, None where the variable is to go."""
    install = house.workspace / "install"
    new: dict[str, str | None] = {
        "VIRTUAL_ENV": str(house.venv),
        "PATH": _front(current.get("PATH", ""), house.venv / "bin"),
        # Programs started at the root must not take launch/ for ROS's module `launch`.
        "PYTHONSAFEPATH": "1",
        "ROS_AUTOMATIC_DISCOVERY_RANGE": current.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST"),
        DDS_PROFILE: current.get(DDS_PROFILE, str(ROOT / "config" / "fastdds.xml")),
    }
    if house.name:
        libraries = current.get("LD_LIBRARY_PATH", "")
        python_path = current.get("PYTHONPATH", "").split(os.pathsep)
        ours = {str(house.venv.parent / name) for name in ("ddg_cli", "ddg_core")}
        new["PYTHONPATH"] = os.pathsep.join(p for p in python_path if p not in ours)
        new["AMENT_PREFIX_PATH"] = _front(current.get("AMENT_PREFIX_PATH", ""), install)
    else:
        new |= dict.fromkeys(_FOREIGN)
        kept = current.get("LD_LIBRARY_PATH", "").split(os.pathsep)
        libraries = os.pathsep.join(p for p in kept if not p.startswith("/opt/ros/"))
        new["AMENT_PREFIX_PATH"] = _front(str(house.venv), install)
        new |= {"ROS_DISTRO": "jazzy", "ROS_VERSION": "2", "ROS_PYTHON_VERSION": "3"}
        new["RMW_IMPLEMENTATION"] = "rmw_fastrtps_cpp"
    new["LD_LIBRARY_PATH"] = _front(libraries, install / "lib")
    return new


def environment(house: House) -> dict[str, str]:
    """Return the whole environment to run in."""
    merged = {**os.environ, **changes(house)}
    return {name: value for name, value in merged.items() if value is not None}


def _front(paths: str, first: Path) -> str:
    rest = [p for p in paths.split(os.pathsep) if p and p != str(first)]
    return os.pathsep.join([str(first), *rest])
