"""Trajectories, their timing, and the guard."""

import numpy as np
import pytest
from motion_fixtures import OPEN, cell_robot

from ddg_core.errors import BadInput
from ddg_core.outcome import Outcome
from ddg_execution.guard import Guard, GuardRefused, GuardSettings
from ddg_execution.motion.timing import SpeedSettings, rounded, timed
from ddg_execution.trajectory import Trajectory, straight_motion

ROBOT = cell_robot()
ARM = ROBOT.arm


def corners(seed: int, n: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.8 * ARM.lower, 0.8 * ARM.upper, (n, 7))


def finely(trajectory: Trajectory) -> tuple[np.ndarray, np.ndarray]:
    """Speeds and accelerations by differences, ten looks per sample."""
    times = np.linspace(0.0, trajectory.duration, 10 * len(trajectory.times))
    q = trajectory.sample(times)
    speed = np.diff(q, axis=0) / np.diff(times)[:, None]
    return np.abs(speed).max(axis=0), np.abs(np.diff(speed, axis=0) / times[1]).max(axis=0)


@pytest.mark.parametrize("seed", range(5))
def test_a_timed_path_keeps_all_limits_between_its_samples_too(seed):
    settings = SpeedSettings()
    trajectory = timed(rounded(corners(seed), 0.3), ARM, settings)
    speed, rate = trajectory.peaks()
    assert (speed <= ARM.velocity * settings.velocity_scale + 1e-9).all()
    assert (rate <= ARM.acceleration * settings.acceleration_scale + 1e-9).all()
    seen_speed, seen_rate = finely(trajectory)
    assert (seen_speed <= speed + 1e-9).all()
    assert (seen_rate <= rate * 1.05).all()


def test_a_timed_path_starts_and_ends_at_rest_where_it_should():
    path = corners(3)
    trajectory = timed(rounded(path, 0.3), ARM, SpeedSettings())
    np.testing.assert_allclose(trajectory.positions[[0, -1]], path[[0, -1]], atol=1e-9)
    np.testing.assert_allclose(trajectory.velocities[[0, -1]], 0.0)


def test_the_wrist_keeps_its_speed_limit():
    trajectory = timed(rounded(corners(1, 2), 0.0), ARM, SpeedSettings(), wrist_speed=0.1)
    times = np.linspace(0.0, trajectory.duration, 500)
    wrist = ARM.forward(trajectory.sample(times))[:, :3, 3]
    speed = np.linalg.norm(np.diff(wrist, axis=0), axis=1) / times[1]
    assert 0.08 < speed.max() < 0.103


def test_a_path_of_no_length_is_timed():
    trajectory = timed(np.zeros((3, 7)), ARM, SpeedSettings())
    np.testing.assert_allclose(trajectory.positions, 0.0, atol=1e-12)


def test_rounding_keeps_the_ends_and_stays_near_the_corners():
    path = corners(2)
    knots = rounded(path, 0.2)
    np.testing.assert_allclose(knots[[0, -1]], path[[0, -1]])
    for corner in path[1:-1]:
        assert np.linalg.norm(knots - corner, axis=1).min() < 0.11
    assert np.linalg.norm(np.diff(knots, axis=0), axis=1).max() < 0.2


def test_a_reversed_trajectory_runs_back():
    there = timed(rounded(corners(6), 0.3), ARM, SpeedSettings())
    back = there.reversed()
    times = np.linspace(0.0, there.duration, 77)
    np.testing.assert_allclose(back.sample(times), there.sample(there.duration - times), atol=1e-9)


def test_straight_motion_keeps_its_limits():
    lower, upper, velocity = ROBOT.hand_limits
    fingers = straight_motion(
        ROBOT.hand_joint_names, lower, upper, velocity=velocity, acceleration=np.full(9, 20.0)
    )
    speed, rate = fingers.peaks()
    assert (speed <= velocity).all()
    assert (rate <= 20.0).all()
    np.testing.assert_allclose(fingers.positions[-1], upper)


def test_times_must_increase():
    with pytest.raises(BadInput, match="strictly increasing"):
        Trajectory(("a",), [0.0, 1.0, 1.0], np.zeros((3, 1)), np.zeros((3, 1)))


# --- the guard ---


def motion_to(goal: np.ndarray, duration: float = 4.0) -> Trajectory:
    speed = np.full(7, 1e9)
    return straight_motion(
        ARM.joint_names, ROBOT.home, goal, velocity=speed, acceleration=speed, least=duration
    )


def guard() -> Guard:
    return Guard(ROBOT, GuardSettings())


def test_the_guard_lets_a_planned_motion_pass():
    path = np.stack([ROBOT.home, ROBOT.home + 0.2])
    guard().check_arm(timed(rounded(path, 0.0), ARM, SpeedSettings()), ROBOT.home)


def test_a_target_of_20830_rad_is_refused():
    """Seen from a real SVH driver."""
    names = ROBOT.hand_joint_names
    positions = np.stack([OPEN, OPEN])
    positions[1, 0] = 20830.0
    wild = Trajectory(names, [0.0, 1.0], positions, np.zeros((2, 9)))
    with pytest.raises(GuardRefused, match=r"Thumb_Flexion .* upper limit to 2\.083e\+04 rad"):
        guard().check_hand(wild, OPEN)


def beyond_the_limit() -> Trajectory:
    return motion_to(np.where(np.arange(7) == 3, ARM.lower - 0.05, ROBOT.home))


def out_of_the_workspace() -> Trajectory:
    return motion_to(np.array([np.pi / 2, 0.9, 0.0, -0.5, 0.0, 0.9, 0.0]), 12.0)


def too_fast() -> Trajectory:
    return motion_to(ROBOT.home + 0.3, 0.3)


def shaking() -> Trajectory:
    times = np.arange(0.0, 0.5, 0.01)
    shake = 0.005 * np.sin(2 * np.pi * 20.0 * times)[:, None]
    speed = 0.005 * 2 * np.pi * 20.0 * np.cos(2 * np.pi * 20.0 * times)[:, None]
    return Trajectory(ARM.joint_names, times, ROBOT.home + shake, speed * np.ones(7))


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (beyond_the_limit, "A4 would go beyond its lower limit"),
        (out_of_the_workspace, "outside the workspace"),
        (too_fast, "would move at .* rad/s, limit"),
        (shaking, "would accelerate at .* limit 10"),
    ],
)
def test_the_guard_refuses(command, why):
    with pytest.raises(GuardRefused, match=why) as refused:
        guard().check_arm(command(), ROBOT.home)
    assert refused.value.outcome == Outcome.STOPPED


def test_the_guard_refuses_a_jump_at_the_start():
    with pytest.raises(GuardRefused, match=r"A1 would jump by 0\.1 rad at the start"):
        guard().check_arm(motion_to(ROBOT.home + 0.1), ROBOT.home - 0.1 * np.eye(7)[0])


def test_the_guard_refuses_other_joints():
    fingers = straight_motion(
        ("Thumb",), np.zeros(1), np.ones(1), velocity=np.ones(1), acceleration=np.ones(1)
    )
    with pytest.raises(GuardRefused, match=r"joints .*Thumb.* must be"):
        guard().check_hand(fingers, OPEN)


def test_a_joint_measured_a_hair_outside_may_come_back_but_not_go_further():
    measured = ROBOT.home.copy()
    measured[3] = ARM.lower[3] - 0.01
    fast = np.full(7, 1e9)
    for goal, passes in ((ROBOT.home, True), (measured - 0.005, False)):
        motion = straight_motion(
            ARM.joint_names, measured, goal, velocity=fast, acceleration=fast, least=4.0
        )
        if passes:
            guard().check_arm(motion, measured)
        else:
            with pytest.raises(GuardRefused, match="lower limit"):
                guard().check_arm(motion, measured)
