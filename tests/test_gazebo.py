"""The Gazebo twin as far as it can be checked without Gazebo: libsdformat reads what we give it."""

import ctypes
import ctypes.util
import subprocess
import sys
import textwrap
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from ddg_core.description import cell_tree, cell_urdf, load_cell, package_folder
from ddg_core.transforms import from_xyz_quaternion, from_xyz_rpy
from ddg_sim.objects.load import load_object
from ddg_sim.twin.sdf import placement_sdf
from ddg_sim.twin.settings import TwinSettings
from ddg_sim.twin.spawn import Placement, SpawnRequest, draw_placement

LIBRARY = "sdformat12"  # of Debian 12: apt-get install libsdformat12-12 sdformat-sdf
WORLD = package_folder("ddg_description") / "sdf" / "world.sdf"
# A library of C++ in a process of its own: its globals and messages stay there.
PROGRAM = """
    import ctypes, sys
    library = ctypes.CDLL(sys.argv[1])
    check, show = library.cmdCheck, library.cmdPrint
    check.argtypes = show.argtypes = [ctypes.c_char_p]
    sys.exit(check(sys.argv[2].encode()) or show(sys.argv[2].encode()))
"""


def sdformat(path: Path) -> ET.Element:
    """What libsdformat makes of an SDF or URDF; it must have no complaint."""
    library = ctypes.util.find_library(LIBRARY)
    if library is None:
        pytest.skip("libsdformat is not installed: apt-get install libsdformat12-12 sdformat-sdf")
    words = [sys.executable, "-c", textwrap.dedent(PROGRAM), library, str(path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Error" not in done.stderr, done.stderr
    return ET.fromstring(done.stdout.replace("Valid.", "", 1).strip())


def drawn(name: str) -> Placement:
    rng = np.random.default_rng(0)
    return draw_placement(
        SpawnRequest(load_object(name), 0), TwinSettings().spawn, table=0.0, rng=rng
    )


def test_the_world_is_valid() -> None:
    world = sdformat(WORLD).find("world")
    assert world is not None
    assert len(world.findall("plugin")) == 4


def test_gazebo_keeps_every_moving_joint_of_the_robot(tmp_path: Path) -> None:
    """It leaves out links without mass, and all that hangs on them, without a word."""
    cell = load_cell("gazebo")
    urdf = tmp_path / "robot.urdf"
    urdf.write_text(cell_urdf(cell))
    model = sdformat(urdf).find("model")
    assert model is not None
    kept = {j.get("name") for j in model.findall("joint") if j.get("type") != "fixed"}
    assert kept == {j.name for j in cell_tree(cell).joints if j.kind != "fixed"}
    assert model.find("link[@name='table']") is not None
    assert model.find("plugin[@name='gz_ros2_control::GazeboSimROS2ControlPlugin']") is not None


def test_every_link_has_a_mass_in_gazebo_and_the_twin_keeps_its_own() -> None:
    links = ET.fromstring(cell_urdf(load_cell("gazebo"))).findall("link")
    assert [e.get("name") for e in links if e.find("inertial") is None] == ["world"]
    twin = ET.fromstring(cell_urdf(load_cell()))
    assert twin.find("link[@name='table']/inertial") is None
    assert not list(twin.iter("ros2_control"))
    assert not list(twin.iter("gazebo"))


def test_the_camera_looks_along_the_optical_axis() -> None:
    sensor = ET.fromstring(cell_urdf(load_cell("gazebo"))).find(".//sensor")
    assert sensor is not None
    numbers = [float(x) for x in sensor.findtext("pose", "").split()]
    T_optical_gazebo = from_xyz_rpy(numbers[:3], numbers[3:])
    forward, up = T_optical_gazebo[:3, 0], T_optical_gazebo[:3, 2]
    np.testing.assert_allclose(forward, [0, 0, 1], atol=1e-9)  # Gazebo looks along x
    np.testing.assert_allclose(up, [0, -1, 0], atol=1e-9)
    camera = load_cell("gazebo").camera.intrinsics
    fov = float(sensor.findtext("camera/horizontal_fov", "0"))
    np.testing.assert_allclose(camera.width / 2 / np.tan(fov / 2), camera.fx)


@pytest.mark.parametrize("name", ["mug_000", "box_000"])
def test_an_object_is_in_gazebo_what_it_is_in_the_twin(name: str, tmp_path: Path) -> None:
    placement = drawn(name)
    item = placement.placed.item
    (tmp_path / "object.sdf").write_text(placement_sdf(placement, tmp_path))
    root = ET.parse(tmp_path / "object.sdf").getroot()
    link = root.find("model/link")
    assert link is not None
    np.testing.assert_allclose(float(link.findtext("inertial/mass", "0")), item.mass)
    numbers = [float(x) for x in link.findtext("pose", "").split()]
    T = from_xyz_quaternion(numbers[:3], numbers[3:])
    np.testing.assert_allclose(T, placement.placed.T_base_object, atol=1e-6)
    assert len(link.findall("collision")) == len(item.parts)
    for uri in root.iter("uri"):
        assert Path((uri.text or "").removeprefix("file://")).is_file()


def test_a_low_object_stands_on_its_pedestal(tmp_path: Path) -> None:
    low = next(p for p in map(drawn, ("stapler_000", "box_000", "ball_000")) if p.pedestal)
    (tmp_path / "object.sdf").write_text(placement_sdf(low, tmp_path))
    model = sdformat(tmp_path / "object.sdf").find("model")
    assert model is not None
    assert model.findtext("joint/parent") == "world"
