"""Settings of the executor: `config/execution.yaml`."""

from dataclasses import dataclass, field
from typing import Literal

from ddg_execution.follow import FollowSettings
from ddg_execution.guard import GuardSettings
from ddg_execution.motion.embedded import EmbeddedSettings
from ddg_execution.motion.timing import SpeedSettings
from ddg_execution.plan import ExecutionSettings
from ddg_execution.run_settings import RunSettings


@dataclass(frozen=True)
class ExecutorSettings:
    """How grasps are executed.

    Attributes:
        planner: Which motion planner; "auto" takes MoveIt where it is installed.
        seed: Of the search for free paths; the same question has the same answer.
        embedded: How hard the planner tries, whatever its engine.
        execution: Heights, speeds and times of a grasp.
        acceleration_scale: Share of the arm's acceleration limits to use, in (0, 1]; the shares
            of the speed limits are the cell's, and the guard keeps to them.
        follow: Which hands follow a target that moves, and how far.
        guard: What the guard lets pass.
        run: When playing counts as hung.
    """

    planner: Literal["auto", "embedded", "moveit"] = "auto"
    seed: int = 0
    acceleration_scale: float = 0.5
    embedded: EmbeddedSettings = field(default_factory=EmbeddedSettings)
    execution: ExecutionSettings = field(default_factory=ExecutionSettings)
    follow: FollowSettings = field(default_factory=FollowSettings)
    guard: GuardSettings = field(default_factory=GuardSettings)
    run: RunSettings = field(default_factory=RunSettings)

    def speed(self, velocity_scale: float) -> SpeedSettings:
        """Shares of the joint limits, with the cell's share of the speed limits."""
        return SpeedSettings(velocity_scale, self.acceleration_scale)
