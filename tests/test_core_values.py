"""Laws of the shared vocabulary."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddg_core import settings, transforms
from ddg_core.arrays import frozen_array
from ddg_core.camera import Camera
from ddg_core.errors import BadInput, SettingsError, TimedOut
from ddg_core.grasp import Grasp
from ddg_core.kinematics import read_urdf
from ddg_core.shapes import Box, Capsule
from ddg_core.waiting import wait_until

twists = st.lists(st.floats(-3, 3), min_size=6, max_size=6)


@given(twists)
def test_a_transform_and_its_inverse_cancel(twist):
    T = transforms.exp(twist)
    np.testing.assert_allclose(T @ transforms.inverse(T), np.eye(4), atol=1e-12)


@given(twists)
def test_position_and_quaternion_give_the_transform_back(twist):
    T = transforms.exp(twist)
    again = transforms.from_xyz_quaternion(T[:3, 3], transforms.quaternion(T))
    np.testing.assert_allclose(again, T, atol=1e-9)


def test_a_zero_quaternion_is_refused():
    with pytest.raises(BadInput, match="not a rotation"):
        transforms.from_xyz_quaternion([0, 0, 0], [0, 0, 0, 0])


def test_a_camera_looks_along_z_with_y_down():
    T = transforms.look_at([1.0, 0.0, 1.0], [0.0, 0.0, 0.0])
    np.testing.assert_allclose(T[:3, 2], [-np.sqrt(0.5), 0, -np.sqrt(0.5)], atol=1e-12)
    assert T[2, 1] < 0  # the image's down is the world's down
    assert np.linalg.det(T[:3, :3]) == pytest.approx(1.0)


def test_projection_undoes_deprojection():
    camera = Camera(width=8, height=6, fx=5.0, fy=6.0, cx=3.5, cy=2.5)
    depth = np.linspace(0.5, 2.0, 48).reshape(6, 8)
    v, u = np.mgrid[:6, :8]
    pixels = camera.project(camera.deproject(depth))
    np.testing.assert_allclose(pixels, np.stack([u.ravel(), v.ravel()], 1), atol=1e-9)


def test_pixels_without_reading_give_no_points():
    camera = Camera(width=2, height=2, fx=1.0, fy=1.0, cx=0.5, cy=0.5)
    assert len(camera.deproject(np.array([[np.nan, 0.0], [-1.0, np.inf]]))) == 0


def test_arrays_are_copied_checked_and_frozen():
    source = np.ones((2, 3))
    frozen = frozen_array("x", source, None, 3)
    source[:] = 5.0
    np.testing.assert_array_equal(frozen, 1.0)
    with pytest.raises(ValueError, match="read-only"):
        frozen[0, 0] = 2.0
    with pytest.raises(BadInput, match=r"x: expected shape \(4, \*\), got \(2, 3\)"):
        frozen_array("x", source, 4, None)
    with pytest.raises(BadInput, match="x: 1 of 2 values are NaN"):
        frozen_array("x", [1.0, np.nan], None)


def test_a_grasp_needs_joints_for_every_waypoint():
    with pytest.raises(BadInput, match=r"Grasp.joints: expected shape \(3, \*\), got \(2, 9\)"):
        Grasp(np.tile(np.eye(4), (3, 1, 1)), np.zeros((2, 9)), "svh", "pinch", 0.0)


SHAPES = {
    "ball": Capsule(np.array([0.1, 0, 0]), np.array([0.1, 0, 0]), 0.02),
    "capsule": Capsule(np.array([0, 0, 0.1]), np.array([0, 0.05, 0.1]), 0.01),
    "box": Box(transforms.exp([0.1, 0, 0, 0.3, 0.2, 0.1]), np.array([0.01, 0.02, 0.03])),
}


@pytest.mark.parametrize("name", SHAPES)
def test_samples_lie_on_the_surface_and_normals_lead_out(name):
    shape = SHAPES[name]
    points, normals = shape.sample(0.004)
    assert len(points) >= 12
    np.testing.assert_allclose(shape.signed_distance(points), 0.0, atol=1e-9)
    np.testing.assert_allclose(shape.signed_distance(points + 1e-3 * normals), 1e-3, atol=1e-9)
    low, high = shape.bounds()
    assert (points >= low - 1e-9).all()
    assert (points <= high + 1e-9).all()


URDF = """<robot name="two"><link name="base"/><link name="upper"><collision name="u_tube">
<origin xyz="0 0 0.1"/><geometry><cylinder radius="0.01" length="0.2"/></geometry></collision>
<collision name="u_cap0"><geometry><sphere radius="0.01"/></geometry></collision></link>
<link name="tip"/>
<joint name="a" type="revolute"><parent link="base"/><child link="upper"/><axis xyz="0 1 0"/>
<limit lower="-1" upper="1" velocity="2" effort="3"/></joint>
<joint name="b" type="revolute"><parent link="upper"/><child link="tip"/><axis xyz="0 1 0"/>
<origin xyz="0 0 0.2"/><mimic joint="a" multiplier="0.5" offset="0.1"/></joint></robot>"""


def test_forward_kinematics_follows_the_coupling():
    tree = read_urdf(URDF)
    assert tree.driven == ("a",)
    T = tree.forward(["a"], np.array([[0.0], [np.pi / 2]]))
    np.testing.assert_allclose(T[1, 2, :3, 3], [0.2, 0, 0], atol=1e-12)
    turned = transforms.exp([0, 0, 0, 0, np.pi / 2 + np.pi / 4 + 0.1, 0])
    np.testing.assert_allclose(T[1, 2, :3, :3], turned[:3, :3], atol=1e-12)


def test_tube_and_caps_are_one_capsule():
    (capsule,) = read_urdf(URDF).shapes["upper"]
    assert isinstance(capsule, Capsule)
    np.testing.assert_allclose(capsule.b, [0, 0, 0.2], atol=1e-12)


def test_a_mesh_is_refused_by_name():
    with pytest.raises(BadInput, match="link 'base', shape '': mesh is no primitive"):
        read_urdf(
            '<robot name="m"><link name="base"><collision><geometry><mesh filename="x"/>'
            "</geometry></collision></link></robot>"
        )


@dataclass(frozen=True)
class Inner:
    steps: int = 5

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be positive, got {self.steps}")


@dataclass(frozen=True)
class Outer:
    model: str
    annealing: Inner = Inner()
    size: tuple[float, float] = (1.0, 2.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: a\nanealing: {}", "unknown key 'anealing'; did you mean 'annealing'"),
        ("annealing: {steps: 3}", "missing key 'model'"),
        ("model: a\nannealing: {steps: many}", "annealing: steps: expected int, got 'many'"),
        ("model: a\nannealing: {steps: -1}", "annealing: steps must be positive, got -1"),
        ("model: a\nsize: [1]", "size: expected 2 values, got 1"),
        ("model: [", "not YAML"),
    ],
)
def test_a_settings_file_is_read_strictly(tmp_path: Path, text: str, message: str):
    path = tmp_path / "gm1.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=message):
        settings.load(path, Outer)


def test_settings_survive_the_round_trip():
    value = Outer("m", Inner(7), (3.0, 4.0))
    assert settings.parse(settings.to_tree(value), Outer, "x") == value


def test_a_wait_ends_and_says_what_for():
    with pytest.raises(TimedOut, match=r"no depth image within 0.05 s"):
        wait_until(lambda: False, what="depth image", timeout=0.05)
