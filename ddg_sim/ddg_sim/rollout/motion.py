"""How a grasp is played: from waypoints to commands, one per time step."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from ddg_core.arrays import Array
from ddg_core.grasp import Grasp
from ddg_core.transforms import compose


@dataclass(frozen=True)
class MotionSettings:
    """Speeds and times of a grasp without an arm.

    Attributes:
        wrist_speed: On the way in, in [m/s].
        wrist_turn_speed: In [rad/s].
        finger_speed: Of the fastest finger joint, in [rad/s].
        least_time: Of a waypoint, in [s].
        press_time: Wait after the last waypoint for the fingers to press, in [s].
        lift_height: In [m].
        lift_time: In [s].
        hold_time: In [s].
    """

    wrist_speed: float = 0.25
    wrist_turn_speed: float = 1.5
    finger_speed: float = 1.6
    least_time: float = 0.15
    press_time: float = 0.15
    lift_height: float = 0.20
    lift_time: float = 1.0
    hold_time: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what cannot be played."""
        speeds = (self.wrist_speed, self.wrist_turn_speed, self.finger_speed, self.least_time)
        if min(*speeds, self.lift_time) <= 0.0 or min(self.press_time, self.hold_time) < 0.0:
            raise ValueError(
                "speeds, least_time and lift_time must be positive, waits not negative"
            )


@dataclass(frozen=True, eq=False)
class Commands:
    """Commands per time step.

    Attributes:
        T_base_wrist: Wrist poses, shape (N, 4, 4), in [m].
        joints: Driven finger joints, shape (N, D), in [rad].
    """

    T_base_wrist: Array
    joints: Array

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.joints)


def close(grasp: Grasp, settings: MotionSettings, timestep: float) -> Commands:
    """Commands from the pre-grasp to the squeeze, and the wait for the fingers to press."""
    times = np.concatenate([[0.0], np.cumsum(segment_times(grasp, settings))])
    steps = np.arange(1, round((times[-1] + settings.press_time) / timestep) + 1) * timestep
    return sample(grasp, times, np.minimum(steps, times[-1]))


def segment_times(grasp: Grasp, settings: MotionSettings) -> Array:
    """Time per step from waypoint to waypoint, shape (K - 1,), in [s]."""
    T = grasp.T_base_wrist
    way = np.linalg.norm(np.diff(T[:, :3, 3], axis=0), axis=1)
    turn = Rotation.from_matrix(np.swapaxes(T[:-1, :3, :3], 1, 2) @ T[1:, :3, :3]).magnitude()
    bend = np.abs(np.diff(grasp.joints, axis=0)).max(axis=1)
    speeds = settings.wrist_speed, settings.wrist_turn_speed, settings.finger_speed
    needed = [x / speed for x, speed in zip((way, turn, bend), speeds, strict=True)]
    times: Array = np.maximum.reduce([*needed, np.full(len(way), settings.least_time)])
    return times


def sample(grasp: Grasp, waypoint_times: Array, times: Array) -> Commands:
    """Straight wrist and finger motion through the waypoints, at `times` (N,) in [s]."""
    T = grasp.T_base_wrist
    xyz = np.stack([np.interp(times, waypoint_times, T[:, i, 3]) for i in range(3)], axis=1)
    R = Slerp(waypoint_times, Rotation.from_matrix(T[:, :3, :3]))(times).as_matrix()
    columns = range(grasp.joints.shape[1])
    joints = [np.interp(times, waypoint_times, grasp.joints[:, i]) for i in columns]
    return Commands(compose(R, xyz), np.stack(joints, axis=1))


def way_in(grasp: Grasp, spacing: float) -> Commands:
    """Points about `spacing` [m] apart from the pre-grasp to the wrist's arrival at the grasp.

    The wrist arrives at the first waypoint after which it stays.
    """
    moves = np.linalg.norm(np.diff(grasp.T_base_wrist[:, :3, 3], axis=0), axis=1)
    moving = np.flatnonzero(moves > 1e-6)
    arrival = int(moving[-1]) + 1 if len(moving) else 0
    counts = [max(2, int(np.ceil(length / spacing)) + 1) for length in moves[:arrival]]
    times = np.concatenate([[0.0], *(np.linspace(i, i + 1, n)[1:] for i, n in enumerate(counts))])
    return sample(grasp, np.arange(len(grasp.joints), dtype=float), times)


def lift(T_base_wrist: Array, joints: Array, settings: MotionSettings, timestep: float) -> Commands:
    """Commands straight up with a smooth start and stop, and then the hold."""
    u = np.clip(
        np.arange(1, round((settings.lift_time + settings.hold_time) / timestep) + 1)
        * timestep
        / settings.lift_time,
        0.0,
        1.0,
    )
    T = np.repeat(T_base_wrist[None], len(u), axis=0)
    T[:, 2, 3] += settings.lift_height * u**3 * (10.0 - 15.0 * u + 6.0 * u**2)
    return Commands(T, np.repeat(joints[None], len(u), axis=0))
