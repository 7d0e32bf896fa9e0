"""A joint trajectory controller, as the runner sees it."""

from enum import StrEnum
from typing import Protocol

from ddg_core.arrays import Array
from ddg_execution.trajectory import Trajectory


class Ending(StrEnum):
    """How a controller ended a trajectory."""

    DONE = "done"
    SHORT = "short of its goal"  # a tolerance was violated: where a finger stalls on an object
    CANCELLED = "cancelled"
    FAILED = "failed"


class Controller(Protocol):
    """A joint trajectory controller, of the arm or of the hand; one trajectory at a time."""

    def measured(self) -> Array:
        """Where the joints are now, shape (D,), in [rad].

        Raises:
            Failed: The newest joint state is too old, or lacks a joint (CONTROLLER_ABORTED).
        """

    def efforts(self) -> Array:
        """What the driver says that the joints work with, shape (D,), in the driver's unit.

        NaN where it says nothing.
        """

    def start(self, trajectory: Trajectory, *, may_stall: bool) -> None:
        """Begin a trajectory; with `may_stall` a joint need not reach its goal.

        Raises:
            Failed: There is no such controller (CONTROLLER_ABORTED).
        """

    def ending(self) -> tuple[Ending, str] | None:
        """How the last trajectory ended, with a sentence; None while it is played.

        Before the first one: (DONE, "").
        """

    def cancel(self) -> None:
        """Stop the trajectory that is played, if there is one."""
