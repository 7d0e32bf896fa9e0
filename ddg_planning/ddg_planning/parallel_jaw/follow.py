"""A target that moves: the grasp is planned again on each new view while the hand is on its way."""

from dataclasses import dataclass

import numpy as np

from ddg_core.errors import Failed
from ddg_core.grasp import Grasp
from ddg_core.view import ObjectView
from ddg_planning.parallel_jaw.policy import JawPlanner


@dataclass(frozen=True)
class FollowSettings:
    """How far the target may go from one view to the next.

    Attributes:
        reach: Grasps are looked for so far around the last one, in [m].
        count: Grasps that it chooses from.
        shift: A grasp so far from the last one counts e^-1/2 of what it would there, in [m].
        turn: The same for a turn of the jaws' line, in [rad].
    """

    reach: float = 0.08
    count: int = 100
    shift: float = 0.02
    turn: float = 0.5

    def __post_init__(self) -> None:
        """Refuse to look at nothing."""
        if min(self.reach, self.shift, self.turn) <= 0.0 or self.count < 1:
            raise ValueError("reach, shift, turn and count must be positive")


class Follower:
    """Moves a grasp with the object that it is meant for."""

    def __init__(self, planner: JawPlanner, settings: FollowSettings) -> None:
        """Take who plans; policy "fc" judges all places of the window at once."""
        self._planner, self._settings = planner, settings

    def __call__(self, view: ObjectView, grasp: Grasp, *, rng: np.random.Generator) -> Grasp:
        """The grasp that is best now, near ones counting more; `grasp` where there is none.

        Args:
            view: The object as it lies now.
            grasp: Where the hand is going.
            rng: Source of all randomness.
        """
        s, jaws = self._settings, self._planner.jaws
        place, line = jaws.line(grasp)
        try:
            found = self._planner.near(view, place, s.reach, n=s.count, rng=rng)
        except Failed:  # hidden for a moment, or moved out of reach: keep going
            return grasp
        worth = []
        for one in found:
            middle, axis = jaws.line(one)
            turn = np.arccos(min(abs(float(axis @ line)), 1.0))  # a line has no direction
            off = (np.linalg.norm(middle - place) / s.shift) ** 2 + (turn / s.turn) ** 2
            worth.append(np.log(one.p_success or 1.0) - off / 2.0)
        return found[int(np.argmax(worth))]
