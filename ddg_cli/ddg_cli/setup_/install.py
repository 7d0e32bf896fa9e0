"""The virtual environment: made once, filled with the pinned packages, resumed if interrupted."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from ddg_cli.setup_.files import PACKAGES, ROOT, House, fingerprint, version
from ddg_cli.setup_.process import run_logged
from ddg_cli.setup_.wheels import repair

_COLLECTED = re.compile(r"^(Collecting|Requirement already satisfied)")


def make_venv(house: House, log: Path) -> None:
    """Make the virtual environment unless it is here, of this Python and in this place."""
    origin = f"{house.venv} {version()}\n"
    made = house.venv / "ddg-made"
    if house.python.exists() and made.exists() and made.read_text(encoding="utf-8") == origin:
        return
    base = getattr(sys, "_base_executable", sys.executable)
    command = [base, "-m", "venv", "--clear", str(house.venv)]
    if house.name:
        command.append("--system-site-packages")
    log.unlink(missing_ok=True)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    made.write_text(origin, encoding="utf-8")


def wanted(house: House) -> str:
    """Fingerprint of what should be installed."""
    wheels = Path(__file__).with_name("wheels.py")
    return fingerprint([house.constraints, wheels], version(), str(house.venv))


def install(house: House, log: Path, show: Callable[[float, str], None]) -> None:
    """Install exactly the pins; calls `show(share, name)` on the way."""
    lines = house.constraints.read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if "==" in line and not line.startswith("torch==")]
    torch = [line for line in lines if line.startswith("torch==")]
    seen = 0

    def watch(line: str) -> None:
        nonlocal seen
        if _COLLECTED.match(line):
            seen += 1
            show(0.6 * seen / len(pins), line.split()[1].split("==")[0])
        elif line.startswith("Installing collected"):
            show(0.6, "unpacking")

    # The pins are the whole closure, so there is nothing to resolve: --no-deps is faster, and keeps
    # out what a package asks for and we do not use.
    run_logged([*_pip(house), "--no-deps", *pins], log, what="installing packages", watch=watch)
    for pin in torch:
        show(0.7, "torch")
        _install_torch(house, pin, log, show)
    link_packages(house)
    show(0.9, "compiling")
    compile_all = [str(house.python), "-m", "compileall", "-q", "-j", "0", str(house.site_packages)]
    subprocess.run(compile_all, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if not house.name:
        repair_wheels(house)


def _pip(house: House) -> list[str]:
    words = [str(house.python), "-m", "pip", "install", "--no-input", "--no-compile"]
    return [*words, "--disable-pip-version-check", "--progress-bar", "off"]


def _install_torch(house: House, pin: str, log: Path, show: Callable[[float, str], None]) -> None:
    """Take the build of torch that pip finds.

    A build for CPUs needs nothing more. One with CUDA does not load without libraries of several
    gigabytes, which are brought along only then.
    """
    load = [str(house.python), "-c", "import torch"]
    run_logged([*_pip(house), "--no-deps", pin], log, what="installing torch", watch=_ignore)
    if subprocess.run(load, check=False, capture_output=True).returncode:
        show(0.75, "torch's CUDA libraries")
        command = [*_pip(house), "--constraint", str(house.constraints), pin]
        run_logged(command, log, what="installing torch's CUDA libraries", watch=_ignore)
        run_logged(load, log, what="loading torch", watch=_ignore)


def _ignore(_line: str) -> None:
    """Watch nothing."""


def link_packages(house: House) -> None:
    """Put our packages and the built interfaces on the path: edits take effect at once."""
    built = house.workspace / f"install/lib/python{version()}/site-packages"
    lines = [str(ROOT / name) for name in PACKAGES] + [str(built)]
    (house.site_packages / "ddg.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")


def repair_wheels(house: House) -> None:
    """Point the ROS wheels' CMake files at this machine's headers."""
    ask = "import json, numpy, sysconfig; "
    ask += "print(json.dumps([sysconfig.get_paths()['include'], numpy.get_include()]))"
    answer = subprocess.run(
        [str(house.python), "-c", ask], check=True, capture_output=True, text=True
    )
    python_include, numpy_include = json.loads(answer.stdout)
    repair(house.venv, python_include, numpy_include)


def room_left(folder: Path) -> float:
    """Free space where `folder` will be, in [GB]."""
    return shutil.disk_usage(folder).free / 1e9
