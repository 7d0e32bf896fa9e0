"""Flat pads on shapes whose contacts are known."""

import numpy as np
import pytest
import trimesh

from ddg_core.description import load_hand
from ddg_planning.parallel_jaw.jaws import Jaws, JawSettings
from ddg_planning.parallel_jaw.pads import Pads, press
from ddg_planning.parallel_jaw.robust import RobustSettings, robust_epsilon
from ddg_planning.parallel_jaw.surface import Surface

X, UP = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])
PADS = Pads(-0.005, 0.035)


def surface(mesh: trimesh.Trimesh) -> Surface:
    return Surface(np.asarray(mesh.vertices), np.asarray(mesh.faces), np.asarray(mesh.center_mass))


BOX = surface(trimesh.creation.box([0.04, 0.06, 0.08]))
SHEET = surface(trimesh.creation.box([0.02, 0.15, 0.002]))
BALL = surface(trimesh.creation.icosphere(4, 0.03))


def pressed(thing, heights, aside=0.0, pads=PADS):
    centres = np.array([[0.0, aside, z] for z in heights])
    axes, ups = (np.tile(v, (len(centres), 1)) for v in (X, UP))
    return press(thing, centres, axes, ups, 0.05, pads)


def test_the_reach_of_the_pads_is_measured_from_the_gripper():
    pads = Jaws(load_hand("parallel_gripper"), JawSettings()).pads
    assert (pads.low, pads.high) == pytest.approx((-0.005, 0.035))


def test_on_a_side_they_touch_the_middle_of_what_they_meet():
    touch = pressed(BOX, [-0.01, 0.02, 0.044, 0.046], aside=0.013)
    assert touch.hit.tolist() == [True, True, True, False]  # the last one closes above it
    np.testing.assert_allclose(touch.points[:3, 0, 0], -0.02)
    np.testing.assert_allclose(touch.points[:3, 1, 0], 0.02)
    np.testing.assert_allclose(touch.points[:3, :, 1], 0.013, atol=1e-12)
    middle = [(-0.015 + 0.025) / 2, (0.015 + 0.04) / 2, (0.039 + 0.04) / 2]
    np.testing.assert_allclose(touch.points[:3, 0, 2], middle, atol=1e-9)
    np.testing.assert_allclose(touch.normals[:3], np.tile([X, -X], (3, 1, 1)), atol=1e-12)


def test_a_sheet_is_held_wherever_the_pads_meet_it():
    touch = pressed(SHEET, [-0.03, -0.01, 0.0, 0.004, 0.02])
    assert touch.hit.tolist() == [True, True, True, True, False]
    np.testing.assert_allclose(touch.points[:4, 1], np.tile([0.01, 0.0, 0.0], (4, 1)), atol=1e-9)
    certain = RobustSettings(draws=1, friction_std=0.0, object_shift=0.0)
    low = np.array([[0.0, 0.0, -0.01]])

    def held(pads):
        rng = np.random.default_rng(0)
        return robust_epsilon(SHEET, low, X[None], 0.05, certain, rng=rng, pads=pads)[0]

    assert held(None) == 0.0  # the line itself passes below the sheet
    assert held(PADS) > 0.002


def test_a_ball_is_touched_at_its_equator_if_the_pads_reach_it():
    touch = pressed(BALL, [-0.02, 0.004])
    np.testing.assert_allclose(touch.points[:, 1], np.tile([0.03, 0.0, 0.0], (2, 1)), atol=1e-3)
    np.testing.assert_allclose(touch.normals[:, 1], np.tile(-X, (2, 1)), atol=0.1)
    above = pressed(BALL, [0.02])  # here the ball is met by the tips, 15 mm above its middle
    radius = np.sqrt(0.03**2 - 0.015**2)
    np.testing.assert_allclose(above.points[0, 1], [radius, 0.0, 0.015], atol=1e-3)
    np.testing.assert_allclose(above.normals[0, 1], [-radius / 0.03, 0.0, -0.5], atol=0.1)


def test_a_wall_that_leans_is_met_by_an_end_and_keeps_its_normal():
    cone = surface(trimesh.creation.cone(0.04, 0.08, sections=4))  # its sides lean by 19.5 degrees
    centres, lean = np.array([[0.0, 0.0, 0.03]]), np.hypot(0.08, 0.04 / np.sqrt(2.0))
    turned = np.array([[1.0, 1.0, 0.0]]) / np.sqrt(2.0)
    touch = press(cone, centres, turned, UP[None], 0.05, PADS)
    expected = np.append(-turned[0, :2] * 0.08, -0.04 / np.sqrt(2.0)) / lean
    np.testing.assert_allclose(touch.normals[0, 1], expected, atol=1e-6)
    assert touch.points[0, 1, 2] == pytest.approx(0.025)


def test_a_wall_that_leans_is_held_as_on_the_line():
    wall = trimesh.creation.box([0.004, 0.05, 0.06])
    wall.apply_transform(trimesh.transformations.rotation_matrix(np.radians(12.0), [0.0, 1.0, 0.0]))
    certain = RobustSettings(draws=1, friction_std=0.0, object_shift=0.0)
    pinched = [
        robust_epsilon(
            surface(wall),
            np.zeros((1, 3)),
            X[None],
            0.05,
            certain,
            rng=np.random.default_rng(0),
            pads=pads,
        )[0]
        for pads in (None, PADS)
    ]
    assert pinched[0] > 0.002
    assert pinched[1] == pytest.approx(pinched[0])
