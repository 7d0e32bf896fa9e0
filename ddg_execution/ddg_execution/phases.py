"""What arm and hand do, as data: phases of steps."""

from collections.abc import Callable
from dataclasses import dataclass

from ddg_core.arrays import Array
from ddg_execution.trajectory import Trajectory

PHASES = ("approach", "close", "squeeze", "lift", "hold", "place", "release", "home")


@dataclass(frozen=True, eq=False)
class Step:
    """Arm and fingers start together; the step ends when both are done.

    Attributes:
        arm: What the arm does; None: it holds still.
        fingers: Driven finger joints to go to, shape (D,), in [rad]; None: they hold still.
        may_stall: A finger that an object stops has done its work.
        landing: The arm has done its work where what it carries meets something, if that is
            this near to where the wrist should come, in [m].
        slack: Else each finger joint may end this far from where it should be, in [rad].
        duration: Least duration of the finger motion, in [s].
        hold: Least duration of the step, in [s].
    """

    arm: Trajectory | None = None
    fingers: Array | None = None
    may_stall: bool = False
    landing: float = 0.0
    slack: float = 0.0
    duration: float = 0.0
    hold: float = 0.0


@dataclass(frozen=True, eq=False)
class Phase:
    """One of `PHASES` with its steps in order, or a part of it.

    Attributes:
        name: Which one.
        steps: What is done.
        then: Asked when it is over: what is done afterwards in place of what was planned; None
            leaves that as it is.
    """

    name: str
    steps: tuple[Step, ...]
    then: "Callable[[], tuple[Phase, ...] | None]" = lambda: None

    @property
    def duration(self) -> float:
        """About how long it takes, in [s]."""
        return sum(max(s.arm.duration if s.arm else 0.0, s.duration, s.hold) for s in self.steps)
