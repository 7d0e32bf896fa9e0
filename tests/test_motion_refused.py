"""What comes back from the planner was looked at as it comes back, or is refused."""

from itertools import pairwise

import numpy as np
import pytest
from motion_fixtures import OPEN, cell_robot

from ddg_core.arrays import Array
from ddg_execution.motion.checks import Checks
from ddg_execution.motion.embedded import EmbeddedPlanner, EmbeddedSettings
from ddg_execution.motion.port import NoPath, Scene, Situation

ROBOT = cell_robot()
CORNERS = ROBOT.home + np.array(
    [np.zeros(7), 0.4 * np.eye(7)[0], 0.4 * (np.eye(7)[0] + np.eye(7)[3])]
)


class Corridor(Checks):
    """Free is what is this near to the straight lines between the corners, in [rad]."""

    def __init__(self, width: float) -> None:
        self.width = width

    def free(self, q: Array) -> bool:
        away = []
        for a, b in pairwise(CORNERS):
            share = np.clip((q - a) @ (b - a) / ((b - a) @ (b - a)), 0.0, 1.0)
            away.append(float(np.linalg.norm(a + share * (b - a) - q)))
        return min(away) <= self.width

    def touching(self, q: Array) -> tuple[tuple[str, str], ...]:
        return ()


class Corridors:
    """An engine that finds the corners."""

    def __init__(self, width: float) -> None:
        self.width = width

    def checks(self, situation: Situation, *, clearance: float) -> Checks:
        return Corridor(self.width)

    def search(self, checks: Checks, start: Array, goals: Array, *, seed: int) -> Array:
        return CORNERS


def go(width: float) -> Array:
    planner = EmbeddedPlanner(ROBOT, EmbeddedSettings(), Corridors(width))
    return planner.free(
        CORNERS[0], CORNERS[-1:], Situation(Scene(), OPEN), rng=np.random.default_rng(1)
    )


@pytest.mark.parametrize("width", [0.1, 0.003])
def test_a_corner_is_rounded_as_far_as_there_is_room(width):
    corridor = Corridor(width)
    assert all(corridor.free(q) for q in go(width))


def test_a_path_whose_corner_nothing_may_round_is_refused():
    with pytest.raises(NoPath, match="rounded corner"):
        go(1e-6)
