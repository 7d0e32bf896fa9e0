"""A runner on controllers that behave, or misbehave as told, and a clock that runs by itself."""

import numpy as np
from motion_fixtures import OPEN, cell_robot

from ddg_core.cell import HandEffortSettings
from ddg_core.errors import Failed
from ddg_core.outcome import Outcome
from ddg_execution.control import Ending
from ddg_execution.guard import Guard, GuardSettings
from ddg_execution.run import Played, Runner
from ddg_execution.run_settings import RunSettings
from ddg_execution.trajectory import Trajectory

ROBOT = cell_robot()


class FakeController:
    """A controller that is at its goal as soon as the clock says so, or ends as told."""

    def __init__(self, clock: "FakeClock", at: np.ndarray, ends: Ending = Ending.DONE) -> None:
        self.clock, self.at, self.ends = clock, np.array(at), ends
        self.played: list[Trajectory] = []
        self.cancelled = False
        self.silent_after = np.inf
        self.works_with = np.full(len(self.at), np.nan)
        self.until = 0.0
        self.short_by = 0.0
        self.share = 1.0  # of the time of a motion, up to which it goes

    def measured(self) -> np.ndarray:
        if self.clock() > self.silent_after:
            raise Failed(Outcome.CONTROLLER_ABORTED, "no joint states any more")
        return self.at

    def efforts(self) -> np.ndarray:
        return self.works_with

    def start(self, trajectory: Trajectory, *, may_stall: bool) -> None:
        assert self.ending() is not None, "one at a time"
        self.played.append(trajectory)
        self.ended = self.ends
        self.last = trajectory.positions[-1]
        if self.share < 1.0:
            self.last = trajectory.sample(self.share * trajectory.times[-1:])[0]
        self.until = self.clock() + trajectory.duration
        self.cancelled = False

    def ending(self) -> tuple[Ending, str] | None:
        if self.cancelled:
            return Ending.CANCELLED, ""
        if not self.played:
            return Ending.DONE, ""
        if self.clock() < self.until:
            return None
        self.at = self.last + self.short_by
        return self.ended, "as told"

    def cancel(self) -> None:
        self.cancelled = True


class FakeClock:
    """Runs 0.05 s on whenever it is looked at."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.05
        return self.now


class Stage:
    """A runner with fake controllers, and what it reported."""

    def __init__(
        self,
        effort: HandEffortSettings | None = None,
        arm_speed: float = 1.0,
        hand_speed: float = 1.0,
        **settings: float,
    ) -> None:
        self.clock = FakeClock()
        self.arm = FakeController(self.clock, ROBOT.home)
        self.hand = FakeController(self.clock, OPEN)
        self.reported: list[str] = []
        self.shares: list[float] = []
        guard = Guard(ROBOT, GuardSettings(), arm_speed=arm_speed, hand_speed=hand_speed)
        self.runner = Runner(
            ROBOT,
            self.arm,
            self.hand,
            guard,
            RunSettings(period=1e-5, settle=0.01, reason=0.01, **settings),
            self.clock,
            effort,
        )

    def play(self, phases, interrupted=lambda: None, permit=lambda _: True) -> Played:
        return self.runner.play(phases, interrupted=interrupted, report=self.report, permit=permit)

    def report(self, phase: str, share: float) -> None:
        self.reported.append(phase)
        self.shares.append(share)
