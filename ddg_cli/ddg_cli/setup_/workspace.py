"""The workspace: messages of ours, and of ROS where the ROS at hand lacks them."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from ddg_cli.setup_.environment import environment
from ddg_cli.setup_.files import INTERFACES, ROOT, House, fingerprint
from ddg_cli.setup_.process import run_logged

_PACKAGE = re.compile(r"^Starting >>> (\S+)")
_STEP = re.compile(r"^\[(\d+)/(\d+)\]")


def wanted(installed: str) -> str:
    """Fingerprint of what should be built, on top of the packages `installed`."""
    return fingerprint([ROOT / name for name in INTERFACES], installed)


def packages(house: House) -> list[str]:
    """Names of the packages to build: all of ours, and what is not found of the underlay."""
    prefixes = os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if house.name else []
    stand_ins = sorted(path.parent.name for path in (ROOT / "underlay").glob("*/package.xml"))
    return [
        name for name in stand_ins if not any((Path(p) / "share" / name).is_dir() for p in prefixes)
    ] + ["ddg_interfaces"]


def build(house: House, log: Path, show: Callable[[float, str], None]) -> None:
    """Build and install the interfaces from scratch; calls `show(share, package)` on the way."""
    names, done = packages(house), -1
    shutil.rmtree(house.workspace, ignore_errors=True)
    house.workspace.mkdir(parents=True)

    def watch(line: str) -> None:
        nonlocal done
        if found := _PACKAGE.match(line):
            done += 1
            show(done / len(names), found[1])
        elif found := _STEP.match(line):
            show((done + int(found[1]) / int(found[2])) / len(names), names[max(done, 0)])

    env = environment(house)
    env["CMAKE_PREFIX_PATH"] = env["AMENT_PREFIX_PATH"]
    python = house.python
    if house.name:  # colcon and rosidl of apt belong to the system's Python
        python = Path("/usr/bin/python3")
        env["PATH"] = os.environ["PATH"]
    # One job per core, whatever else the machine does: colcon would wait for a low load average.
    env["MAKEFLAGS"] = f"-j{len(os.sched_getaffinity(0))}"
    command = ["colcon", "--log-base", str(house.workspace / "log"), "build", "--merge-install"]
    command += ["--base-paths", *(str(ROOT / name) for name in INTERFACES)]
    command += ["--packages-select", *names, "--executor", "sequential"]
    command += ["--build-base", str(house.workspace / "build")]
    command += ["--install-base", str(house.workspace / "install")]
    command += ["--event-handlers", "console_direct+", "--cmake-args", "-DBUILD_TESTING=OFF"]
    # -O1: these are copies between structs; more optimisation doubles the build, for nothing.
    command += ["-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_C_FLAGS_RELEASE=-O1 -DNDEBUG"]
    command += ["-DCMAKE_CXX_FLAGS_RELEASE=-O1 -DNDEBUG", f"-DPython3_EXECUTABLE={python}"]
    if not house.name:
        command += ["-G", "Ninja", "-DDDG_PYTHON_ONLY=ON"]
    run_logged(command, log, what="building the messages", watch=watch, env=env)
    shutil.rmtree(house.workspace / "build", ignore_errors=True)
