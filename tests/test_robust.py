"""Jaws on a box and a cylinder, and how doubt about friction and pose lowers what they hold."""

import numpy as np
import pytest
import trimesh

from ddg_core.errors import BadInput
from ddg_planning.parallel_jaw.robust import RobustSettings, draw_friction, robust_epsilon
from ddg_planning.parallel_jaw.surface import Surface
from ddg_planning.parallel_jaw.wrench import WrenchSettings, epsilon, primitive_wrenches

CERTAIN = RobustSettings(
    draws=2,
    friction_std=0.0,
    gripper_shift=0.0,
    gripper_turn=0.0,
    object_shift=0.0,
    object_turn=0.0,
)
CENTRE, X = np.zeros((1, 3)), np.array([[1.0, 0.0, 0.0]])


def surface(mesh: trimesh.Trimesh) -> Surface:
    return Surface(np.asarray(mesh.vertices), np.asarray(mesh.faces), np.asarray(mesh.center_mass))


BOX_VERTICES = np.asarray(trimesh.creation.box([0.04, 0.06, 0.08]).vertices)
BOX = surface(trimesh.creation.box([0.04, 0.06, 0.08]))
CAN = surface(trimesh.creation.cylinder(0.03, 0.1, sections=256))


def quality(thing, settings, centres=CENTRE, axes=X, half=0.05, seed=0):
    return robust_epsilon(thing, centres, axes, half, settings, rng=np.random.default_rng(seed))


def test_jaws_touch_both_sides_of_a_box():
    lines = np.array([[0.0, 0.0, 0.0], [0.005, 0.01, -0.02], [0.0, 0.031, 0.0]])
    touch = BOX.pinch(lines, np.repeat(X, 3, axis=0), 0.05)
    assert touch.hit.tolist() == [True, True, False]
    np.testing.assert_allclose(touch.points[:2, 0], [[-0.02, 0.0, 0.0], [-0.02, 0.01, -0.02]])
    np.testing.assert_allclose(touch.points[:2, 1], [[0.02, 0.0, 0.0], [0.02, 0.01, -0.02]])
    np.testing.assert_allclose(touch.normals[:2, 0], np.repeat(X, 2, axis=0))
    np.testing.assert_allclose(touch.normals[:2, 1], -np.repeat(X, 2, axis=0))


def test_jaws_that_open_less_than_the_object_is_wide_touch_nothing_outside():
    assert not BOX.pinch(CENTRE, X, 0.019).hit.any()
    assert BOX.pinch(CENTRE, X, 0.0201).hit.all()
    assert not BOX.pinch(CENTRE + 0.5, X, 0.05).hit.any()


def test_a_mesh_that_is_inside_out_is_touched_from_outside_all_the_same():
    faces = np.asarray(trimesh.creation.box([0.04, 0.06, 0.08]).faces)[:, ::-1]
    turned = Surface(BOX_VERTICES, faces, np.zeros(3))
    np.testing.assert_allclose(turned.pinch(CENTRE, X, 0.05).normals[0], [X[0], -X[0]])


def test_the_outermost_wall_is_touched_not_the_inner_one():
    ring = surface(trimesh.creation.annulus(0.02, 0.03, 0.05, sections=256))
    points = ring.pinch(CENTRE, X, 0.05).points[0]
    np.testing.assert_allclose(points[:, 0], [-0.03, 0.03], atol=1e-5)


def test_many_lines_touch_what_each_touches_alone():
    rng = np.random.default_rng(0)
    centres = rng.uniform(-0.03, 0.03, (400, 3))
    axes = rng.normal(size=(400, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    together = CAN.pinch(centres, axes, 0.05)
    assert 100 < together.hit.sum() < 400
    for i in range(0, 400, 7):
        alone = CAN.pinch(centres[i : i + 1], axes[i : i + 1], 0.05)
        assert alone.hit[0] == together.hit[i]
        np.testing.assert_allclose(alone.points[0], together.points[i], atol=1e-12)
        np.testing.assert_allclose(alone.normals[0], together.normals[i])


def test_without_doubt_it_is_the_plain_measure():
    points = np.array([[-0.02, 0.0, 0.0], [0.02, 0.0, 0.0]])
    plain = epsilon(primitive_wrenches(points, -points / 0.02, np.array(0.5), WrenchSettings()))
    assert float(quality(BOX, CERTAIN)[0]) == pytest.approx(plain)


def test_doubt_lowers_what_a_can_holds_and_more_doubt_lowers_it_more():
    settings = [
        CERTAIN,
        RobustSettings(),
        RobustSettings(object_shift=0.01),
        RobustSettings(object_shift=0.02),
    ]
    falling = [float(quality(CAN, s)[0]) for s in settings]
    assert (np.diff(falling) < 0.0).all()
    assert falling[1] > 0.002 > 0.0


def test_more_friction_never_hurts():
    rising = [float(quality(CAN, RobustSettings(friction=mu))[0]) for mu in (0.2, 0.35, 0.5, 0.7)]
    assert (np.diff(rising) > 0.0).all()


def test_a_grasp_off_the_object_or_across_its_edge_is_worth_nothing():
    corner = np.array([[1.0, 1.0, 0.0]]) / np.sqrt(2.0)
    high = np.array([[0.0, 0.0, 0.2]])
    assert quality(BOX, RobustSettings(), centres=high).item() == 0.0
    assert quality(BOX, CERTAIN, axes=corner).item() == 0.0


def test_the_same_draws_give_the_same_answer_and_others_another():
    both = quality(CAN, RobustSettings(), seed=1), quality(CAN, RobustSettings(), seed=1)
    np.testing.assert_array_equal(*both)
    assert quality(CAN, RobustSettings(), seed=2) != both[0]


def test_friction_is_a_gaussian_cut_to_what_exists():
    rng = np.random.default_rng(0)
    drawn = draw_friction(20_000, RobustSettings(), rng=rng)
    assert drawn.mean() == pytest.approx(0.5, abs=0.005)
    assert drawn.std() == pytest.approx(0.1, abs=0.005)
    wide = draw_friction(1000, RobustSettings(friction_std=1.0), rng=rng)
    assert 0.0 <= wide.min() < 0.1
    assert 0.9 < wide.max() <= 1.0


def test_points_are_drawn_evenly_from_the_surface():
    points, normals = BOX.sample(6000, rng=np.random.default_rng(0))
    half = np.array([0.02, 0.03, 0.04])
    np.testing.assert_allclose(np.abs(points / half).max(axis=1), 1.0)
    np.testing.assert_allclose(np.einsum("ni,ni->n", normals, points / half), 1.0)
    top = np.abs(normals[:, 2]).mean()  # 2 * 4 * 6 of 2 * (4 * 6 + 4 * 8 + 6 * 8)
    assert top == pytest.approx(24 / 104, abs=0.02)


def test_a_mesh_without_area_is_refused():
    with pytest.raises(BadInput, match="no triangle"):
        Surface(np.zeros((3, 3)), np.array([[0, 1, 2]]), np.zeros(3))
