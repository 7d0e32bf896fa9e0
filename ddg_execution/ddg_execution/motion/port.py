"""What execution asks of a motion planner, embedded or MoveIt: plain values in, joint paths out."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

import numpy as np

from ddg_core.arrays import Array, frozen_array
from ddg_core.errors import DdgError
from ddg_core.outcome import Outcome
from ddg_core.shapes import Box


class NoIk(DdgError):
    """The arm has no collision-free configuration for a wrist pose."""

    outcome = Outcome.NO_IK


class NoPath(DdgError):
    """There is no collision-free way, or none was found in time."""

    outcome = Outcome.NO_PATH


class Touch(StrEnum):
    """What the object to grasp may touch."""

    NOTHING = "nothing"  # it stands there like any obstacle
    HAND = "hand"  # the hand may touch it, the arm not
    CARRIED = "carried"  # it moves with the hand


@dataclass(frozen=True, eq=False)
class Scene:
    """What the arm must not run into besides the bodies that its URDF describes; in {base}.

    Attributes:
        obstacles: Points of unknown things, shape (M, 3), in [m].
        object_points: Points of the object to grasp, shape (K, 3), in [m].
        boxes: Known solids.
    """

    obstacles: Array = field(default_factory=lambda: np.zeros((0, 3)))
    object_points: Array = field(default_factory=lambda: np.zeros((0, 3)))
    boxes: tuple[Box, ...] = ()

    def __post_init__(self) -> None:
        """Check and freeze the arrays."""
        for name in ("obstacles", "object_points"):
            points = frozen_array(f"Scene.{name}", getattr(self, name), None, 3)
            object.__setattr__(self, name, points)


@dataclass(frozen=True, eq=False)
class Situation:
    """What holds while the arm moves.

    Attributes:
        scene: What stands around.
        fingers: Driven finger joints, shape (D,), in [rad].
        touch: What the object may touch.
        T_wrist_base: Where {base} was seen from {wrist} when the object was taken up, shape
            (4, 4); needed when it is carried.
    """

    scene: Scene
    fingers: Array
    touch: Touch = Touch.NOTHING
    T_wrist_base: Array | None = None

    def touching(self) -> "Situation":
        """Return the same with the hand allowed to touch the object."""
        return replace(self, touch=Touch.HAND)

    def carrying(self, T_wrist_base: Array) -> "Situation":
        """Return the same with the object fixed to the hand."""
        return replace(self, touch=Touch.CARRIED, T_wrist_base=T_wrist_base)


class MotionPlanner(Protocol):
    """Finds where the arm can be and how it gets there; A joints, limits from its robot.

    Every path that comes back is smooth, free of collision in its situation and within the
    position limits; its rows are close together, the first and the last are where asked.
    """

    def configurations(self, T_base_wrist: Array, situation: Situation, *, near: Array) -> Array:
        """Collision-free configurations for a wrist pose (4, 4), the best first, shape (B, A).

        Best is far from the limits and near `near` (A,). None at all: shape (0, A).
        """

    def straight(self, starts: Array, T_base_wrist: Array, situation: Situation) -> list[Array]:
        """Move the wrist along straight lines through poses (S, 4, 4), from each start (B, A).

        Returns:
            One path (M, A) per start; shape (0, A) where the arm cannot follow without a jump,
            beyond a limit or in collision. The first row is the start, which must be at the
            first pose.
        """

    def free(
        self, start: Array, goals: Array, situation: Situation, *, rng: np.random.Generator
    ) -> Array:
        """Find some short way from `start` (A,) to any one of the goals (B, A), shape (M, A).

        Raises:
            NoPath: There is none, it was not found in time, or the start is in collision.
        """
