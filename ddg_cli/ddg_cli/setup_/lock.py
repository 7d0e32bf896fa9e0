"""Write `constraints.txt` anew: every package that the requirements bring along, pinned.

For maintainers, after a change in requirements: `python -m ddg_cli.setup_.lock`, or
`python -m ddg_cli.setup_.lock ros` for machines that have ROS 2 from apt.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ddg_cli.setup_.files import APT, ROOT, WHEELS

PYTHONS = ("3.11", "3.12", "3.13")
SOURCES = ("empy==3.3.4",)  # published as source only: pip resolves for other Pythons from wheels
# Taken for its data alone, so without what it asks for; not published for Python 3.13.
ALONE = {"": ('ghand==0.1.0 ; python_version < "3.13"',), "ros": ()}
# Boost's wheel asks for numpy 2, and works with 1.26, which apt's cv_bridge needs.
FORCED = {"ros": {"numpy": "1.26.4"}, "": {}}
DROPPED = ("nvidia-", "cuda-", "triton")  # what torch's CUDA build asks for; ours is the CPU one
PLATFORMS = [f"manylinux_2_{n}_x86_64" for n in range(5, 37)]
PLATFORMS += ["manylinux1_x86_64", "manylinux2010_x86_64", "manylinux2014_x86_64"]
HEADER = "# All that requirements bring along. Written by ddg_cli.setup_.lock: do not edit.\n"


def asked(source: Path) -> list[str]:
    """Return the requirements in `source`, without comments."""
    lines = source.read_text(encoding="utf-8").splitlines()
    return [text for line in lines if (text := line.split("#")[0].strip())]


def resolve(wanted: list[str], python: str, folder: Path) -> dict[str, str]:
    """Ask pip what it would install on Python `python`: name -> version."""
    report = folder / "report.json"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run"]
    command += ["--ignore-installed", "--report", str(report), "--target", str(folder / "none")]
    command += ["--python-version", python, "--only-binary", ":all:", "--find-links", str(folder)]
    command += [word for platform in PLATFORMS for word in ("--platform", platform)]
    subprocess.run([*command, *wanted], check=True)
    found = [e["metadata"] for e in json.loads(report.read_text(encoding="utf-8"))["install"]]
    return {
        entry["name"].lower(): entry["version"].split("+")[0]  # +cpu is a matter of the index
        for entry in found
        if not entry["name"].lower().startswith(DROPPED)
    }


def merge(pins: Mapping[str, Mapping[str, str]]) -> str:
    """Join the pins per Python version to one file; what differs carries a marker."""
    lines = []
    for name in sorted({name for found in pins.values() for name in found}):
        versions = {python: found.get(name) for python, found in pins.items()}
        if len(set(versions.values())) == 1:
            lines.append(f"{name}=={next(iter(versions.values()))}\n")
            continue
        for python, version in versions.items():
            if version is not None:
                lines.append(f'{name}=={version} ; python_version == "{python}"\n')
    return HEADER + "".join(lines)


def main() -> None:
    """Resolve for every supported Python and write the file."""
    house = APT if sys.argv[1:] == ["ros"] else WHEELS
    pythons = ("3.12",) if house is APT else PYTHONS
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", temporary]
        subprocess.run([*build, *SOURCES], check=True)
        forced = FORCED[house.name]
        alone = ALONE[house.name]
        left_out = {*forced, *(name.split("==")[0] for name in alone)}
        wanted = [w for w in asked(house.requirements) if w.split("==")[0] not in left_out]
        pins = {python: resolve(wanted, python, folder) | forced for python in pythons}
    lines = [*merge(pins).splitlines(), *alone]
    house.constraints.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{house.constraints.relative_to(ROOT)}: {len(pins[pythons[0]])} packages")


if __name__ == "__main__":
    main()
