"""Two jaws as a hand, and antipodal grasps on meshes."""

import numpy as np
import pytest
import trimesh

from ddg_core.description import load_hand
from ddg_core.errors import BadInput
from ddg_core.transforms import apply
from ddg_planning.parallel_jaw.jaws import Jaws, JawSettings
from ddg_planning.parallel_jaw.sample_mesh import MeshSampling, antipodal_on_mesh
from ddg_planning.parallel_jaw.surface import Surface

HAND = load_hand("parallel_gripper")
JAWS = Jaws(HAND, JawSettings())
UP = np.array([0.0, 0.0, 1.0])


def surface(mesh: trimesh.Trimesh) -> Surface:
    return Surface(np.asarray(mesh.vertices), np.asarray(mesh.faces), np.asarray(mesh.center_mass))


CAN = surface(trimesh.creation.cylinder(0.03, 0.12, sections=128))


def on(thing, n=60, seed=0, **settings):
    chosen = MeshSampling(**settings)
    rng = np.random.default_rng(seed)
    return antipodal_on_mesh(thing, UP, JAWS.stroke, chosen, n=n, rng=rng)


def test_the_jaws_are_measured_from_the_shapes():
    lower, upper = HAND.limits[0]
    assert JAWS.stroke == pytest.approx(2 * upper)
    np.testing.assert_allclose(np.abs(JAWS.axis), [1.0, 0.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(JAWS.approach, UP)
    np.testing.assert_allclose(JAWS.centre[:2], 0.0)
    tips = [apply(T, s.bounds()) for T, s in pads()]
    lowest = max(tip[:, 2].max() for tip in tips)
    assert JAWS.centre[2] == pytest.approx(lowest - JAWS.settings.behind_tip)
    assert lower == 0.0


def pads(joints=None):
    poses = HAND.link_poses(HAND.pose("open") if joints is None else joints)
    fingers = (*HAND.settings.thumb_links, *HAND.settings.finger_links)
    return [(poses[i], s) for i, s in HAND.surfaces if HAND.link_names[i] in fingers]


def test_a_grasp_closes_on_its_line_and_its_width():
    c, s = np.cos(0.6), np.sin(0.6)
    centre, axis, width = np.array([0.5, 0.1, 0.04]), np.array([c, s, 0.0]), 0.03
    grasp = JAWS.grasp(centre, axis, -UP, width, "dexnet", -0.1)
    middle, line = JAWS.line(grasp)
    np.testing.assert_allclose(middle, centre, atol=1e-12)
    np.testing.assert_allclose(line, axis, atol=1e-12)
    T = grasp.T_base_wrist
    np.testing.assert_allclose(T[1:], np.repeat(T[1:2], 3, axis=0))
    np.testing.assert_allclose(T[0, :3, 3] - T[1, :3, 3], 0.10 * UP)
    np.testing.assert_allclose(np.linalg.det(T[:, :3, :3]), 1.0)
    np.testing.assert_allclose(grasp.joints[0], HAND.pose("open"))
    # The pads touch the ends of the width at waypoint 2, and are told to go further at 3.
    ends = np.concatenate([apply(T[2] @ P, s.bounds()) for P, s in pads(grasp.joints[2])])
    along = np.sort(np.abs((ends - centre) @ axis))
    assert along[0] == pytest.approx(width / 2, abs=0.012 * s)  # corners of a turned box
    assert grasp.joints[2, 0] == pytest.approx(width / 2)
    assert grasp.joints[3, 0] == pytest.approx(width / 2 - HAND.settings.squeeze)
    np.testing.assert_allclose(np.linalg.norm(np.diff(grasp.contacts, axis=0)), width)


def test_a_grasp_of_unknown_width_closes_all_the_way():
    grasp = JAWS.grasp(np.array([0.5, 0.0, 0.04]), np.array([1.0, 0.0, 0.0]), -UP, 0.0, "", 0.0)
    assert grasp.joints[-1, 0] == HAND.limits[0, 0]
    assert grasp.joints[2, 0] == pytest.approx(HAND.pose("closed")[0])


def test_a_hand_that_is_no_gripper_is_refused():
    with pytest.raises(BadInput, match="'svh' has 9 driven joints"):
        Jaws(load_hand("svh"), JawSettings())


def test_antipodal_grasps_on_a_standing_can_go_through_its_axis():
    centres, axes, widths = on(CAN)
    assert len(centres) == len(axes) == len(widths) == 60
    assert np.degrees(np.abs(np.arcsin(axes @ UP))).max() <= 5.0 + 1e-9
    assert np.abs(centres[:, 2]).max() <= 0.06
    # Inside a circle both contacts see the line at the same angle: its distance from the axis
    # is the radius times the sine of that angle, at most that of the friction cone.
    across = np.abs(centres[:, 0] * axes[:, 1] - centres[:, 1] * axes[:, 0])
    assert across.max() <= 0.03 * np.sin(np.arctan(0.6)) + 1e-3
    assert across.max() > 0.008
    np.testing.assert_allclose(widths, 2 * np.sqrt(0.03**2 - across**2), rtol=0.02)


def test_less_friction_takes_fewer_pairs():
    across = [
        np.abs(c[:, 0] * a[:, 1] - c[:, 1] * a[:, 0]).max()
        for c, a, _ in (on(CAN, friction=0.1), on(CAN, friction=0.6))
    ]
    assert across[0] < 0.03 * np.sin(np.arctan(0.1)) + 1e-3 < across[1]


def test_wide_things_and_level_sides_give_no_grasp():
    assert len(on(surface(trimesh.creation.box([0.2, 0.2, 0.05])), n=5)[0]) == 0
    flat = surface(trimesh.creation.box([0.2, 0.03, 0.001]))  # nearly all of it faces up or down
    centres, axes, _ = on(flat, n=5, tries=60)
    assert all(abs(axis[1]) > 0.8 for axis in axes)
    assert centres.shape[1] == 3


def test_the_same_seed_gives_the_same_grasps():
    np.testing.assert_array_equal(on(CAN, seed=1)[0], on(CAN, seed=1)[0])
    assert (on(CAN, seed=1)[0] != on(CAN, seed=2)[0]).any()
