"""What the rooms are to each other: plain callables, over ROS or in one process."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ddg_core.arrays import Array, BoolArray
from ddg_core.grasp import Grasp
from ddg_core.outcome import Outcome
from ddg_core.view import ObjectView


class Generate(Protocol):
    """A generative model: proposes grasps for an object that it has never seen."""

    def __call__(self, view: ObjectView, *, n: int, rng: np.random.Generator) -> list[Grasp]:
        """Return up to `n` grasps, the likeliest first; none if there is nothing to grasp."""


class Rank(Protocol):
    """An evaluative model: judges grasps."""

    def __call__(self, view: ObjectView, grasps: Sequence[Grasp]) -> list[Grasp]:
        """Return the grasps with `p_success`, `p_std` and `score` set, the best first.

        One that refines adds grasps that it moved.
        """


@dataclass(frozen=True, eq=False)
class Reach:
    """What the arm can do at N wrist poses, or on N ways.

    Attributes:
        reachable: A collision-free arm configuration exists, shape (N,).
        joints: That configuration, shape (N, 7), in [rad]; NaN where not reachable.
        manipulability: Yoshikawa's measure sqrt(det(J J^T)) there, shape (N,).
        margin: Least distance to a joint limit as a share of the half range, shape (N,), in [0, 1].
    """

    reachable: BoolArray
    joints: Array
    manipulability: Array
    margin: Array

    def of_ways(self, poses: int) -> "Reach":
        """What is said of N poses, each by itself, as of N / `poses` ways through so many each.

        The arm goes a way if it reaches all of its poses; the joints are those at its first.
        """
        return Reach(
            reachable=np.asarray(self.reachable.reshape(-1, poses).all(axis=1)),
            joints=self.joints[::poses],
            manipulability=self.manipulability.reshape(-1, poses).min(axis=1),
            margin=self.margin.reshape(-1, poses).min(axis=1),
        )


CheckReach = Callable[[Array, Array], Reach]
"""Ways of the hand, as wrist poses (N, W, 4, 4) in [m], and its driven joints on each, (N, D) in
[rad] -> what the arm can do on each way as a whole, with the joints at its first pose."""


@dataclass(frozen=True)
class Execution:
    """How the execution of a grasp ended.

    Attributes:
        outcome: OK if the motion was played to its end, whatever became of the object.
        message: One sentence for people.
        phase: The phase reached: approach, close, squeeze, lift, hold, place, release or home.
        timings_s: Seconds per phase.
    """

    outcome: Outcome
    message: str
    phase: str
    timings_s: tuple[tuple[str, float], ...] = ()
