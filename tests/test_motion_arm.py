"""Kinematics of the arm: forward, Jacobian, closed form, descent."""

import numpy as np
import pytest
from motion_fixtures import cell_robot

from ddg_core.transforms import compose
from ddg_execution.motion.arm import Arm
from ddg_execution.motion.inverse import (
    by_descent,
    descend,
    in_closed_form,
    pose_error,
    straight_poses,
)
from ddg_execution.motion.srs import srs_geometry


@pytest.fixture(scope="module")
def arm() -> Arm:
    return cell_robot().arm


def configurations(arm: Arm, n: int) -> np.ndarray:
    return np.random.default_rng(4).uniform(arm.lower, arm.upper, (n, len(arm)))


def test_forward_kinematics_agrees_with_the_tree(arm):
    robot = cell_robot()
    q = configurations(arm, 20)
    row = robot.tree.link_names.index(robot.wrist_link)
    wanted = robot.tree.forward(arm.joint_names, q)[:, row]
    np.testing.assert_allclose(arm.forward(q), wanted, atol=1e-12)


def test_the_jacobian_is_the_derivative(arm):
    q, step = configurations(arm, 5), 1e-6
    J = arm.jacobian(q)
    for i in range(len(arm)):
        e = np.eye(len(arm))[i] * step
        change = pose_error(arm.forward(q - e), arm.forward(q + e)) / (2 * step)
        np.testing.assert_allclose(J[..., i], change, atol=1e-6)


def test_the_iiwa_is_an_srs_arm_and_an_arm_with_an_offset_wrist_is_none(arm):
    geometry = srs_geometry(arm)
    assert geometry is not None
    assert geometry.upper_arm == pytest.approx(0.42)
    assert geometry.forearm == pytest.approx(0.40)
    shifted = np.array(arm.T_before)
    shifted[6, 0, 3] += 0.01
    other = Arm(
        arm.joint_names, shifted, arm.axes, arm.T_last_wrist,
        arm.lower, arm.upper, arm.velocity, arm.acceleration,
    )  # fmt: skip
    assert srs_geometry(other) is None


def test_every_solution_in_closed_form_reaches_its_pose(arm):
    T = arm.forward(configurations(arm, 200))
    geometry = srs_geometry(arm)
    assert geometry is not None
    q = in_closed_form(arm, geometry, T, 32)
    found = ~np.isnan(q[..., 0])
    assert found.any(axis=1).all()  # the poses come from configurations within the limits
    wanted = np.broadcast_to(T[:, None], (*q.shape[:2], 4, 4))[found]
    np.testing.assert_allclose(arm.forward(q[found]), wanted, atol=1e-9)
    assert arm.within(q[found]).all()


def test_a_pose_beyond_the_arms_length_has_no_solution(arm):
    far = compose(np.eye(3), [1.5, 0.0, 0.3])[None]
    geometry = srs_geometry(arm)
    assert geometry is not None
    assert np.isnan(in_closed_form(arm, geometry, far, 8)).all()
    assert np.isnan(by_descent(arm, far)).all()


def test_descent_finds_most_of_what_the_closed_form_finds(arm):
    T = arm.forward(configurations(arm, 10))
    q = by_descent(arm, T)
    found = ~np.isnan(q[..., 0])
    assert found.any(axis=1).mean() >= 0.9
    wanted = np.broadcast_to(T[:, None], (*q.shape[:2], 4, 4))[found]
    np.testing.assert_allclose(arm.forward(q[found]), wanted, atol=1e-5)


def test_a_step_of_descent_is_never_longer_than_allowed(arm):
    q = configurations(arm, 50)
    T = arm.forward(configurations(arm, 50)[::-1])
    assert np.abs(descend(arm, q, T, most=0.1) - q).max() <= 0.1 + 1e-12


def test_straight_poses_are_straight_and_close_together(arm):
    T = arm.forward(configurations(arm, 2))
    poses = straight_poses(T[0], T[1], step=0.01, turn=0.03)
    np.testing.assert_allclose(poses[[0, -1]], T, atol=1e-12)
    steps = pose_error(poses[:-1], poses[1:])
    assert np.linalg.norm(steps[:, :3], axis=1).max() <= 0.01 + 1e-9
    assert np.linalg.norm(steps[:, 3:], axis=1).max() <= 0.03 + 1e-9
    np.testing.assert_allclose(steps, np.broadcast_to(steps[0], steps.shape), atol=1e-9)


def test_margin_is_one_in_the_middle_and_zero_at_a_limit(arm):
    middle = (arm.lower + arm.upper) / 2
    at_limit = middle.copy()
    at_limit[3] = arm.upper[3]
    np.testing.assert_allclose(arm.margin(np.stack([middle, at_limit])), [1.0, 0.0], atol=1e-12)
    assert not arm.within(at_limit + 0.01)


def test_manipulability_vanishes_where_the_arm_is_stretched(arm):
    assert arm.manipulability(np.zeros(len(arm))) == pytest.approx(0.0, abs=1e-6)
    assert arm.manipulability(np.array([0.0, 0.5, 0.0, -1.5, 0.0, 1.0, 0.0])) > 0.05
