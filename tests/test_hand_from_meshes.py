"""Fitted primitives, and a hand that is not ours: a URDF with meshes plus one YAML."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from ddg_core.description import config_folder, load_hand, package_folder
from ddg_core.errors import BadInput
from ddg_core.fit import fit_primitive
from ddg_core.hand import HandSettings
from ddg_core.kinematics import read_urdf
from ddg_core.settings import load
from ddg_core.shapes import Box, Capsule
from ddg_core.transforms import apply, compose
from ddg_sim.model.hand_check import check_hand, demonstrate

URDF = """
<robot name="r">
  <link name="base">
    <visual>
      <origin xyz="0 0 0.1" rpy="0 0 1.5707963"/>
      <geometry><mesh filename="brick.stl" scale="0.001 0.001 0.001"/></geometry>
    </visual>
  </link>
  <link name="plate"><visual><geometry><mesh filename="brick.stl"/></geometry></visual></link>
  <joint name="j" type="fixed"><parent link="base"/><child link="plate"/></joint>
</robot>
"""
BRICK = np.array([[x, y, z] for x in (-10, 10) for y in (-20, 20) for z in (-30, 30)], float)


def ghand():
    try:
        package_folder("ghand")
    except BadInput as error:
        pytest.skip(f"the second hand's files are not installed: {error}")
    return load_hand("leap_kaizen")


angles = st.floats(-3.0, 3.0)
sizes = st.floats(0.005, 0.05)


@settings(max_examples=25)
@given(st.tuples(angles, angles, angles), st.tuples(sizes, sizes, sizes))
def test_a_box_is_fitted_by_itself(turn, half):
    box = Box(compose(Rotation.from_euler("xyz", turn).as_matrix(), [0.1, -0.2, 0.3]), half)
    fitted = fit_primitive(apply(box.T_link_box, BRICK / [10, 20, 30] * half))
    assert isinstance(fitted, Box)
    np.testing.assert_allclose(np.sort(fitted.half), np.sort(half), rtol=1e-6)
    np.testing.assert_allclose(fitted.T_link_box[:3, 3], box.T_link_box[:3, 3], atol=1e-9)


@pytest.mark.parametrize("length", [0.0, 0.03, 0.1])
def test_a_capsule_is_fitted_by_itself(length):
    capsule = Capsule(np.array([0.01, 0.02, 0.03]), np.array([0.01, 0.02 + length, 0.03]), 0.012)
    fitted = fit_primitive(capsule.sample(0.001)[0])
    assert isinstance(fitted, Capsule)
    assert fitted.radius == pytest.approx(0.012, rel=0.03)
    ends = sorted([fitted.a[1], fitted.b[1]])
    np.testing.assert_allclose(ends, [0.02, 0.02 + length], atol=1e-3)


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_nothing_sticks_out(seed):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(rng.integers(4, 60), 3)) * rng.uniform(0.001, 0.1, 3)
    assert fit_primitive(points).signed_distance(points).max() < 1e-9


def test_what_encloses_nothing_is_refused():
    with pytest.raises(BadInput, match="no volume"):
        fit_primitive(np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]]))
    with pytest.raises(BadInput, match="no volume"):
        fit_primitive(np.zeros((2, 3)))


def test_meshes_are_scaled_placed_and_fitted():
    tree = read_urdf(URDF, lambda name: {"brick.stl": BRICK}[name], ("base",))
    (box,) = tree.shapes["base"]
    np.testing.assert_allclose(box.bounds(), [[-0.02, -0.01, 0.07], [0.02, 0.01, 0.13]], atol=1e-6)
    assert tree.shapes["plate"] == ()


def test_meshes_are_refused_unless_asked_for():
    mesh = URDF.replace("visual>", "collision>")
    with pytest.raises(BadInput, match="mesh is no primitive"):
        read_urdf(mesh)


@pytest.mark.parametrize("path", sorted((config_folder() / "hands").glob("*.yaml")))
def test_every_hand_file_can_be_read(path):
    assert load(path, HandSettings).name == path.stem


def test_another_hand_is_a_urdf_and_a_yaml():
    hand = ghand()
    assert len(hand.joint_names) == 16
    demonstration = demonstrate(hand)
    wrong = [f for f in check_hand(hand, demonstration) if not f.ok]
    assert wrong == []
    assert set(demonstration.carriers) & set(hand.settings.thumb_links)
