"""A timed joint motion, as a joint trajectory controller plays it."""

from dataclasses import dataclass

import numpy as np

from ddg_core.arrays import Array, frozen_array
from ddg_core.errors import BadInput


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Positions and velocities at T >= 2 times; a cubic in between, as controllers interpolate.

    Attributes:
        joint_names: The D joints that move.
        times: Times from the start, strictly increasing, shape (T,), in [s].
        positions: Joint positions, shape (T, D), in [rad].
        velocities: Joint velocities, shape (T, D), in [rad/s].
    """

    joint_names: tuple[str, ...]
    times: Array
    positions: Array
    velocities: Array

    def __post_init__(self) -> None:
        """Check and freeze the arrays."""
        times = frozen_array("Trajectory.times", self.times, None)
        if len(times) < 2 or times[0] < 0.0 or (np.diff(times) <= 0.0).any():
            raise BadInput("Trajectory.times: needs two or more, from 0 on, strictly increasing")
        object.__setattr__(self, "times", times)
        for name in ("positions", "velocities"):
            values = frozen_array(
                f"Trajectory.{name}", getattr(self, name), len(times), len(self.joint_names)
            )
            object.__setattr__(self, name, values)

    @property
    def duration(self) -> float:
        """Time of the last sample, in [s]."""
        return float(self.times[-1])

    def sample(self, times: Array) -> Array:
        """Positions (N, D) at the given times (N,) in [s]; held before the start and at the end."""
        t = np.clip(times, self.times[0], self.times[-1])
        i = np.clip(np.searchsorted(self.times, t, side="right") - 1, 0, len(self.times) - 2)
        h = (self.times[i + 1] - self.times[i])[:, None]
        u = ((t - self.times[i])[:, None]) / h
        a, b = self.positions[i], self.positions[i + 1]
        va, vb = self.velocities[i] * h, self.velocities[i + 1] * h
        cubic: Array = a + u * (va + u * (3 * (b - a) - 2 * va - vb + u * (2 * (a - b) + va + vb)))
        return cubic

    def peaks(self) -> tuple[Array, Array]:
        """Largest speed and acceleration of the cubics per joint, each shape (D,); exact."""
        h = np.diff(self.times)[:, None]
        step = np.diff(self.positions, axis=0) / h
        va, vb = self.velocities[:-1], self.velocities[1:]
        # The acceleration of a cubic is linear: it peaks at an end. The speed may peak inside.
        first, last = (6 * step - 4 * va - 2 * vb) / h, (2 * va + 4 * vb - 6 * step) / h
        slope = (last - first) / h
        flat = np.abs(slope) < 1e-9
        inner = np.clip(np.where(flat, 0.0, -first / np.where(flat, 1.0, slope)), 0.0, h)
        turning = va + first * inner + 0.5 * slope * inner**2
        speed = np.abs(np.concatenate([va, vb, turning])).max(axis=0)
        return speed, np.abs(np.concatenate([first, last])).max(axis=0)

    def stretched(self, factor: float) -> "Trajectory":
        """Return the same path in `factor` times the time."""
        return Trajectory(
            self.joint_names, self.times * factor, self.positions, self.velocities / factor
        )

    def reversed(self) -> "Trajectory":
        """Return the same path from its end to its start."""
        times = self.times[-1] - self.times[::-1]
        return Trajectory(self.joint_names, times, self.positions[::-1], -self.velocities[::-1])


def straight_motion(
    joint_names: tuple[str, ...],
    start: Array,
    end: Array,
    *,
    velocity: Array,
    acceleration: Array,
    least: float = 0.1,
) -> Trajectory:
    """Move all joints together from rest to rest along a straight line in joint space.

    The profile is the quintic with zero speed and acceleration at both ends.

    Args:
        joint_names: The D joints.
        start: Where they are, shape (D,), in [rad].
        end: Where they go, shape (D,), in [rad].
        velocity: Largest speed per joint, shape (D,), in [rad/s].
        acceleration: Largest acceleration per joint, shape (D,), in [rad/s^2].
        least: Shortest duration, in [s].
    """
    way = np.abs(end - start)
    # The quintic's speed peaks at 15/8 of the mean, its acceleration at 10/sqrt(3) way / time^2.
    by_speed = 1.875 * way / velocity
    by_acceleration = np.sqrt(5.7735 * way / acceleration)
    # 2 percent in hand: the cubics between the samples overshoot the quintic a little.
    duration = 1.02 * max(least, float(by_speed.max()), float(by_acceleration.max()))
    times = np.linspace(0.0, duration, max(8, round(duration / 0.02)) + 1)
    u = (times / duration)[:, None]
    share = u**3 * (10.0 - 15.0 * u + 6.0 * u**2)
    rate = 30.0 * u**2 * (1.0 - u) ** 2 / duration
    return Trajectory(joint_names, times, start + share * (end - start), rate * (end - start))
