"""Laws of the surface features: truths of balls, cylinders and planes that need no data."""

import dataclasses

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from ddg_perception.features import FeatureSettings, describe, surface_features

SETTINGS = FeatureSettings()


def ball(radius, spacing, centre=(0.0, 0.0, 0.0)):
    n = int(4 * np.pi * radius**2 / spacing**2)
    k = np.arange(n) + 0.5
    z, phi = 1 - 2 * k / n, np.pi * (1 + 5**0.5) * k
    ring = np.sqrt(1 - z**2)
    return radius * np.stack([ring * np.cos(phi), ring * np.sin(phi), z], axis=1) + centre


def tube(radius, spacing, half=0.06):
    """A piece of the side of a cylinder along y, seen from +z."""
    phi = np.arange(-1.2, 1.2, spacing / radius)
    y = np.arange(-half, half, spacing)
    phi, y = (a.ravel() for a in np.meshgrid(phi, y))
    return np.stack([radius * np.sin(phi), y, radius * np.cos(phi)], axis=1)


@pytest.mark.parametrize("radius", [0.03, 0.05, 0.20])
def test_a_ball_of_radius_r_curves_by_one_over_r(radius):
    surface = ball(radius, 0.004)
    middle = surface[surface[:, 2] > 0.7 * radius][:200]
    cloud = surface_features(middle, surface, np.array([0.0, 0.0, 1.0]), SETTINGS)
    np.testing.assert_allclose(cloud.curvatures, 1 / radius, rtol=0.03)
    np.testing.assert_allclose(cloud.normals, middle / radius, atol=0.01)


def test_a_hollow_is_negative():
    bowl = ball(0.05, 0.004)
    bottom = bowl[bowl[:, 2] < -0.04]
    cloud = surface_features(bottom, bowl, np.array([0.0, 0.0, 0.01]), SETTINGS)
    np.testing.assert_allclose(cloud.curvatures, -1 / 0.05, rtol=0.05)


def test_a_cylinder_curves_around_and_not_along():
    surface = tube(0.03, 0.004)
    inner = surface[(np.abs(surface[:, 1]) < 0.03) & (surface[:, 2] > 0.02)]
    cloud = surface_features(inner, surface, np.array([0.0, 0.0, 1.0]), SETTINGS)
    np.testing.assert_allclose(cloud.curvatures[:, 0], 1 / 0.03, rtol=0.03)
    np.testing.assert_allclose(cloud.curvatures[:, 1], 0.0, atol=0.5)
    np.testing.assert_allclose(np.abs(cloud.frames[:, 1, 1]), 1.0, atol=1e-3)  # k2 along y


def test_a_plane_does_not_curve_whatever_the_first_normal():
    rng = np.random.default_rng(1)
    plane = np.column_stack([rng.uniform(-0.05, 0.05, (900, 2)), np.zeros(900)])
    cloud = surface_features(plane, plane, np.array([0.3, 0.0, 0.5]), SETTINGS)
    np.testing.assert_allclose(cloud.curvatures, 0.0, atol=1e-6)
    np.testing.assert_allclose(cloud.normals, np.tile([0.0, 0.0, 1.0], (900, 1)), atol=1e-9)


def test_frames_are_rotations_and_normals_face_the_camera():
    viewpoint = np.array([0.5, 0.1, 0.4])
    surface = ball(0.04, 0.001)
    seen = ((viewpoint - surface) * surface).sum(axis=1) > 0.1 * 0.04 * 0.6
    cloud = describe(surface[seen], viewpoint, SETTINGS)
    assert len(cloud) > 500
    identity = np.swapaxes(cloud.frames, 1, 2) @ cloud.frames
    np.testing.assert_allclose(identity, np.tile(np.eye(3), (len(cloud), 1, 1)), atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(cloud.frames), 1.0, atol=1e-9)
    facing = ((viewpoint - cloud.points) * cloud.normals).sum(axis=1)
    assert (facing > 0).all()
    assert (cloud.curvatures[:, 0] >= cloud.curvatures[:, 1]).all()


def test_moving_the_whole_scene_moves_the_frames_and_keeps_the_curvatures():
    surface, viewpoint = tube(0.03, 0.004), np.array([0.3, 0.2, 0.5])
    some = surface[::7]
    R, t = Rotation.from_rotvec([0.3, -1.0, 0.5]).as_matrix(), np.array([0.4, 0.0, 0.9])
    still = surface_features(some, surface, viewpoint, SETTINGS)
    moved = surface_features(some @ R.T + t, surface @ R.T + t, R @ viewpoint + t, SETTINGS)
    np.testing.assert_allclose(moved.curvatures, still.curvatures, atol=1e-6)
    np.testing.assert_allclose(moved.frames, R @ still.frames, atol=1e-6)


def test_noise_of_a_millimetre_leaves_a_can_a_can():
    rng = np.random.default_rng(3)
    surface = tube(0.033, 0.0012)
    noisy = surface + rng.normal(0.0, 0.001, surface.shape)
    cloud = describe(noisy, np.array([0.0, 0.0, 0.8]), SETTINGS)
    inner = (np.abs(cloud.points[:, 1]) < 0.04) & (np.abs(cloud.points[:, 0]) < 0.02)
    assert np.median(cloud.curvatures[inner, 0]) == pytest.approx(1 / 0.033, rel=0.15)
    assert abs(np.median(cloud.curvatures[inner, 1])) < 4.0


def test_points_are_thinned_to_the_limit():
    few = dataclasses.replace(SETTINGS, max_points=300)
    assert 150 < len(describe(ball(0.05, 0.001), np.ones(3), few)) <= 300


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_handful_of_points_is_flat_not_a_fault(n):
    points = np.eye(3)[:n] * 0.002
    cloud = describe(points, np.array([0.0, 0.0, 1.0]), SETTINGS)
    assert len(cloud) == n
    assert np.isfinite(cloud.frames).all()
    np.testing.assert_allclose(np.linalg.det(cloud.frames), 1.0, atol=1e-9)


def test_the_input_is_left_alone():
    points = ball(0.05, 0.004)
    before = points.copy()
    describe(points, np.ones(3), SETTINGS)
    np.testing.assert_array_equal(points, before)
