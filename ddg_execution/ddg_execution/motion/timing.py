"""Joint paths made smooth and timed within the limits of speed and acceleration, by TOPP-RA."""

from dataclasses import dataclass

import numpy as np
import toppra
import toppra.algorithm
import toppra.constraint

from ddg_core.arrays import Array
from ddg_core.errors import Failed
from ddg_core.outcome import Outcome
from ddg_execution.motion.arm import Arm
from ddg_execution.trajectory import Trajectory

toppra.setup_logging("WARNING")

_SPACING = 0.1  # distance of the knots along a straight line, in [rad]
_CORNER_SPACING = 0.03  # and along a corner


@dataclass(frozen=True)
class SpeedSettings:
    """How fast the arm may move, below its limits.

    Attributes:
        velocity_scale: Share of the joint speed limits to use.
        acceleration_scale: Share of the joint acceleration limits to use.
        period: Time between two samples of a trajectory, in [s].
    """

    velocity_scale: float = 0.8
    acceleration_scale: float = 0.5
    period: float = 0.02

    def __post_init__(self) -> None:
        """Refuse scales outside (0, 1]."""
        for name in ("velocity_scale", "acceleration_scale"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must be in (0, 1], got {getattr(self, name)}")


def rounded(path: Array, radius: float) -> Array:
    """Round the corners of a path (M, A) by parabolas, as knots (K, A) close together.

    Args:
        path: Straight lines in joint space, in [rad].
        radius: Longest cut along either side of a corner, in [rad]; 0 leaves the corners.
    """
    path = path[np.r_[True, np.linalg.norm(np.diff(path, axis=0), axis=1) > 1e-9]]
    if len(path) < 2:
        return path
    knots = [path[:1]]
    here = path[0]
    for i in range(1, len(path) - 1):
        before, after = path[i - 1] - path[i], path[i + 1] - path[i]
        lengths = np.linalg.norm(np.stack([before, after]), axis=1)
        cut = min(radius, float(lengths.min()) / 2.0)
        a = path[i] + before * (cut / lengths[0])
        b = path[i] + after * (cut / lengths[1])
        knots.append(_spread(here, a))
        u = np.linspace(0.0, 1.0, max(2, int(np.ceil(2.0 * cut / _CORNER_SPACING))) + 1)[1:, None]
        knots.append((1 - u) ** 2 * a + 2 * u * (1 - u) * path[i] + u**2 * b)
        here = b
    knots.append(_spread(here, path[-1]))
    return np.concatenate(knots)


def timed(
    knots: Array, arm: Arm, settings: SpeedSettings, *, wrist_speed: float = np.inf
) -> Trajectory:
    """Time a smooth path from rest to rest within the arm's limits.

    Args:
        knots: The path, close together and without corners, shape (K, A), in [rad].
        arm: Whose limits hold.
        settings: Share of the limits to use.
        wrist_speed: Largest speed of the wrist, in [m/s].

    Returns:
        A trajectory whose speeds and accelerations, between the samples too, are within the
        scaled limits.

    Raises:
        Failed: TOPP-RA finds no timing (INTERNAL).
    """
    velocity = arm.velocity * settings.velocity_scale
    acceleration = arm.acceleration * settings.acceleration_scale
    length = np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(knots, axis=0), axis=1))]
    keep = np.r_[True, np.diff(length) > 1e-9]
    length, knots = length[keep], knots[keep]
    if len(knots) < 2:
        knots, length = np.concatenate([knots, knots]), np.array([0.0, 1e-3])
    path = toppra.SplineInterpolator(length, knots)
    limits = [
        toppra.constraint.JointVelocityConstraint(np.stack([-velocity, velocity], axis=1)),
        toppra.constraint.JointAccelerationConstraint(
            np.stack([-acceleration, acceleration], axis=1)
        ),
    ]
    fastest = toppra.algorithm.TOPPRA(limits, path, parametrizer="ParametrizeConstAccel")
    motion = fastest.compute_trajectory(0.0, 0.0)
    if motion is None:
        raise Failed(Outcome.INTERNAL, "TOPP-RA found no timing for a path")
    times = np.linspace(0.0, motion.duration, max(2, round(motion.duration / settings.period)) + 1)
    speeds = motion.evald(times)
    speeds[[0, -1]] = 0.0
    trajectory = Trajectory(arm.joint_names, times, motion.eval(times), speeds)
    return trajectory.stretched(_slow_down(trajectory, arm, velocity, acceleration, wrist_speed))


def _slow_down(
    trajectory: Trajectory, arm: Arm, velocity: Array, acceleration: Array, wrist_speed: float
) -> float:
    """Factor on the time that brings the cubics between the samples within all limits."""
    speed, rate = trajectory.peaks()
    by_speed = float((speed / velocity).max())
    by_rate = float(np.sqrt((rate / acceleration).max()))
    J = arm.jacobian(trajectory.positions)[:, :3]
    wrist = np.linalg.norm((J @ trajectory.velocities[:, :, None])[..., 0], axis=1).max()
    return max(1.0, 1.0001 * by_speed, 1.0001 * by_rate, float(wrist) / wrist_speed)


def _spread(a: Array, b: Array) -> Array:
    """Knots from a (excluded) to b (included), evenly."""
    n = max(1, int(np.ceil(np.linalg.norm(b - a) / _SPACING)))
    return a + np.linspace(0.0, 1.0, n + 1)[1:, None] * (b - a)
