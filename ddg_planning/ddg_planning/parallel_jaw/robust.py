"""How well a grasp of two jaws holds when neither friction nor poses are known exactly."""

from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation
from scipy.special import ndtr, ndtri

from ddg_core.arrays import Array
from ddg_planning.parallel_jaw.pads import Pads, press
from ddg_planning.parallel_jaw.surface import Surface
from ddg_planning.parallel_jaw.wrench import WrenchSettings, closed, epsilon, primitive_wrenches

UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class RobustSettings:
    """What is uncertain, and how much; the figures of Dex-Net 2.0 and of 2.1's supplement.

    The supplement calls the pose figures variances and gives them in millimetres: they are taken
    as standard deviations.

    Attributes:
        draws: Draws of friction and poses per grasp.
        friction: Mean of the friction, cut to [0, 1].
        friction_std: Its standard deviation.
        gripper_shift, gripper_turn: Standard deviation of the gripper's pose per axis, in [m] and
            [rad].
        object_shift, object_turn: Of the object's, about its centre of mass.
        wrench: How contacts are modelled.
    """

    draws: int = 25
    friction: float = 0.5
    friction_std: float = 0.1
    gripper_shift: float = 0.001
    gripper_turn: float = 0.001
    object_shift: float = 0.005
    object_turn: float = 0.01
    wrench: WrenchSettings = field(default_factory=WrenchSettings)

    def __post_init__(self) -> None:
        """Refuse not to draw."""
        if self.draws < 1:
            raise ValueError(f"draws must be at least 1, got {self.draws}")
        if min(self.friction_std, self.gripper_shift, self.gripper_turn) < 0.0:
            raise ValueError("standard deviations must not be negative")
        if min(self.object_shift, self.object_turn) < 0.0:
            raise ValueError("standard deviations must not be negative")


def robust_epsilon(
    surface: Surface,
    centres: Array,
    axes: Array,
    half: float,
    settings: RobustSettings,
    *,
    rng: np.random.Generator,
    pads: Pads | None = None,
    up: Array = UP,
) -> Array:
    """Mean of `epsilon` over friction and poses, shape (N,); a draw in which a jaw misses counts 0.

    Args:
        surface: The object.
        centres: Middle between the jaws, shape (N, 3), in [m].
        axes: Unit direction in which they close, shape (N, 3).
        half: Distance of each jaw from the middle before they close, in [m].
        settings: What is uncertain.
        rng: Source of the draws.
        pads: Reach of the jaws along `up`; None takes them as points on the line, as Dex-Net does.
            With pads, points on the line count where the pads' own contacts do not close: a wall
            that leans turns between them until it lies flat.
        up: Unit direction along the jaws, across `axes`, shape (3,).
    """
    n, draws = len(centres), settings.draws
    lines, directions, ups = _moved(surface.com, centres, axes, up, settings, rng)
    friction = draw_friction(n * draws, settings, rng=rng)
    touch = surface.pinch(lines, directions, half)
    good = touch.hit & closed(touch.points, touch.normals, friction)
    if pads is not None:
        pressed = press(surface, lines, directions, ups, half, pads)
        flat = pressed.hit & closed(pressed.points, pressed.normals, friction)
        touch, good = pressed.where(flat, touch), good | flat
    held = np.zeros(n * draws)
    held[good] = epsilon(
        primitive_wrenches(
            touch.points[good] - surface.com, touch.normals[good], friction[good], settings.wrench
        )
    )
    mean: Array = held.reshape(n, draws).mean(axis=1)
    return mean


def draw_friction(n: int, settings: RobustSettings, *, rng: np.random.Generator) -> Array:
    """Friction of `n` draws: a Gaussian cut to [0, 1], shape (n,)."""
    if settings.friction_std == 0.0:
        return np.full(n, settings.friction)
    low, high = ndtr((np.array([0.0, 1.0]) - settings.friction) / settings.friction_std)
    drawn: Array = settings.friction + settings.friction_std * ndtri(rng.uniform(low, high, n))
    return drawn


def _moved(
    com: Array, centres: Array, axes: Array, up: Array, s: RobustSettings, rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Middles, lines and `up` as the object sees them when both are not where they should be.

    All are of shape (N * draws, 3), the draws of a line in a row.
    """
    middles, lines = (np.repeat(x, s.draws, axis=0) for x in (centres, axes))
    grip, turn, shift, tilt = rng.normal(size=(4, len(middles), 3))
    off = Rotation.from_rotvec(s.gripper_turn * turn)
    back = Rotation.from_rotvec(-s.object_turn * tilt)
    middles = middles + s.gripper_shift * grip - com - s.object_shift * shift
    turned = back * off
    return com + back.apply(middles), turned.apply(lines), turned.apply(up)
