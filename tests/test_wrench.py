"""Contacts whose wrench space is known in closed form."""

import numpy as np
import pytest
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from ddg_planning.parallel_jaw import wrench
from ddg_planning.parallel_jaw.wrench import (
    WrenchSettings,
    closed,
    epsilon,
    primitive_wrenches,
    tangents,
)

SETTINGS = WrenchSettings()


def opposite(half: float, tilt: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Two contacts at x = +-half; the normal of the second is turned by `tilt` about y."""
    points = np.array([[half, 0.0, 0.0], [-half, 0.0, 0.0]])
    normals = np.array([[-1.0, 0.0, 0.0], [np.cos(tilt), 0.0, np.sin(tilt)]])
    return points, normals


def on_a_disc(friction: float, scale: float) -> np.ndarray:
    """Planar wrenches (force x, force y, torque) of three even contacts on a disc of radius 1."""
    angles = np.radians([0.0, 120.0, 240.0])
    inward = -np.stack([np.cos(angles), np.sin(angles)], axis=1)
    across = np.stack([-inward[:, 1], inward[:, 0]], axis=1)
    sides = [
        np.column_stack([inward + s * friction * across, np.full(3, -s * friction * scale)])
        for s in (1.0, -1.0)
    ]
    return np.concatenate(sides)


@pytest.mark.parametrize(
    ("friction", "half", "torsion"),
    [(0.5, 0.03, 0.005), (0.3, 0.01, 0.02), (0.8, 0.05, 0.002), (0.9, 0.02, 0.1)],
)
def test_two_opposite_contacts_on_a_box(friction, half, torsion):
    """The polar body's farthest corner, worked out by hand; see below.

    With a = force across and b = torque across, p = a + s d b and q = a - s d b, the hull's
    support is max(-f + mu |p|, f + mu |q|) or, where larger, -+f + s g |t|: f force and t torque
    along the line, g torsion. It is least where |p| = |q| and f = 0, or where f = +-mu |p|.
    """
    settings = WrenchSettings(faces=8, torsion=torsion)
    s, d = settings.torque_scale, half
    mu = friction * np.cos(np.pi / settings.faces)  # of the pyramid's faces
    kappa = 1.0 / (s * d) ** 2
    even = 1.0 / (s * torsion * friction) ** 2 + max(1.0, kappa) / mu**2
    uneven = 1.0 + (1.0 + kappa) / mu**2
    found = epsilon(primitive_wrenches(*opposite(half), np.array(friction), settings))
    assert found == pytest.approx(min(even**-0.5, uneven**-0.5), rel=1e-9)


def test_three_contacts_on_a_disc():
    for friction in (0.1, 0.3, 0.5):
        angle = np.arctan(friction)
        forces = on_a_disc(friction, 1.0)[:, :2]
        assert epsilon(forces) == pytest.approx(0.5 + np.sqrt(3.0) / 2.0 * friction)
        # With torque counted so high that it never is the weakest:
        length = np.sqrt(1.0 + friction**2)
        hardest = length * (0.5 + np.cos(np.radians(60.0) - 2.0 * angle)) / 2.0
        assert epsilon(on_a_disc(friction, 1e6)) == pytest.approx(hardest, rel=1e-5)
        # And so low that nothing else is:
        assert epsilon(on_a_disc(friction, 1e-3)) == pytest.approx(1e-3 * friction, rel=1e-5)


def test_without_friction_forces_close_but_nothing_resists_torque():
    forces = on_a_disc(0.0, 1.0)
    assert epsilon(forces[:, :2]) == pytest.approx(0.5)
    assert epsilon(forces) == 0.0
    assert epsilon(primitive_wrenches(*opposite(0.03), np.array(0.0), SETTINGS)) == 0.0


def test_hard_fingers_let_the_object_spin_about_their_line():
    hard = WrenchSettings(torsion=0.0)
    assert epsilon(primitive_wrenches(*opposite(0.03), np.array(0.5), hard)) == 0.0
    assert epsilon(primitive_wrenches(*opposite(0.03), np.array(0.5), SETTINGS)) > 0.0


def test_the_friction_cone_at_its_edge():
    friction = np.array(0.5)
    edge = np.arctan(0.5)
    for tilt, holds in ((edge - 1e-3, True), (edge + 1e-3, False)):
        points, normals = opposite(0.03, tilt)
        assert closed(points, normals, friction) == holds
        assert (epsilon(primitive_wrenches(points, normals, friction, SETTINGS)) > 0.0) == holds


def test_more_friction_holds_better_and_turning_everything_changes_nothing():
    points, normals = opposite(0.03, 0.2)
    rising = [
        epsilon(primitive_wrenches(points, normals, np.array(m), SETTINGS))
        for m in (0.1, 0.25, 0.4, 0.6, 0.8)
    ]
    assert rising[0] == 0.0
    assert (np.diff(rising) > 0.0).all()
    fine = WrenchSettings(faces=32)  # a round cone knows no direction
    R = Rotation.from_rotvec([0.3, -0.7, 0.4]).as_matrix()
    here = epsilon(primitive_wrenches(points, normals, np.array(0.5), fine))
    there = epsilon(primitive_wrenches(points @ R.T, normals @ R.T, np.array(0.5), fine))
    assert there == pytest.approx(here, rel=0.02)


def test_many_at_once_are_the_same_as_one_by_one():
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(4, 3, 2, 3))
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    points, friction = 0.03 * rng.normal(size=(4, 3, 2, 3)), rng.uniform(0.2, 1.0, (4, 3))
    together = primitive_wrenches(points, normals, friction, SETTINGS)
    assert together.shape == (4, 3, 20, 6)
    one = primitive_wrenches(points[2, 1], normals[2, 1], friction[2, 1], SETTINGS)
    np.testing.assert_allclose(together[2, 1], one)
    assert epsilon(together).shape == closed(points, normals, friction).shape == (4, 3)
    first, second = tangents(normals)
    np.testing.assert_allclose(np.cross(normals, first), second)
    np.testing.assert_allclose(np.linalg.norm(second, axis=-1), 1.0)


def test_a_force_on_the_edge_of_the_cone_has_unit_normal_force():
    points, normals = opposite(0.03)
    wrenches = primitive_wrenches(points, normals, np.array(0.5), SETTINGS)
    forces = wrenches[:, :3].reshape(2, 10, 3)
    np.testing.assert_allclose(np.einsum("cwi,ci->cw", forces, normals), 1.0)
    np.testing.assert_allclose(np.linalg.norm(forces[:, :8], axis=-1), np.sqrt(1.25))


def test_the_quick_hull_is_as_near_as_the_careful_one(monkeypatch):
    rng = np.random.default_rng(0)
    sides = np.array([[-0.02, 0.0, 0.0], [0.02, 0.0, 0.0]])
    sets = []
    for spread in (0.0, 0.0, 0.05, 0.2):  # straight across, where many facets share a plane, or not
        points = sides + 0.05 * spread * rng.normal(size=(20, 2, 3)) + rng.normal(size=3) * 0.01
        normals = -sides / 0.02 + spread * rng.normal(size=(20, 2, 3))
        normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
        sets.append(primitive_wrenches(points, normals, rng.uniform(0.2, 0.9, 20), SETTINGS))
    quick = epsilon(np.concatenate(sets))
    monkeypatch.setattr(wrench, "ConvexHull", lambda points, **_: ConvexHull(points))
    np.testing.assert_allclose(quick, epsilon(np.concatenate(sets)), rtol=1e-9, atol=1e-12)
    assert (quick > 0.0).mean() > 0.5
