"""Settings of the trial node; one file, `config/trial.yaml`."""

from dataclasses import dataclass, field

from ddg_core.trial import TrialSettings
from ddg_execution.judge import JudgeSettings


@dataclass(frozen=True)
class BagSettings:
    """What a trial's bag holds.

    Attributes:
        topics: Topics to record, with the most messages per second; 0 records all. The goals,
            results and feedback of the trial and of both controllers are always in it.
        room_mb: Free space on the disk below which no trial is begun, in [MB].
    """

    topics: dict[str, float] = field(default_factory=dict)
    room_mb: float = 60.0


@dataclass(frozen=True)
class Patience:
    """How long to wait for an answer, in [s].

    Attributes:
        server: For a service or an action server to be there.
        capture: For the view.
        plan: For the next word of the planner.
        execute: For the next word of the executor, which speaks as each phase begins: one phase,
            and the operator's yes to the next (`confirm` of execution.yaml).
        truth: For ground truth to come in before the arm moves.
    """

    server: float = 5.0
    capture: float = 10.0
    plan: float = 60.0
    execute: float = 480.0
    truth: float = 2.0


@dataclass(frozen=True)
class TrialNodeSettings:
    """What the trial node needs to know.

    Attributes:
        folder: Where records and bags go; relative to where the node was started.
        grasps: How many grasps to ask the planner for.
        trial: How persistent a trial is.
        judge: What counts as held.
        bag: What is recorded.
        patience: How long to wait for whom.
    """

    folder: str = "trials"
    grasps: int = 10
    trial: TrialSettings = field(default_factory=TrialSettings)
    judge: JudgeSettings = field(default_factory=JudgeSettings)
    bag: BagSettings = field(default_factory=BagSettings)
    patience: Patience = field(default_factory=Patience)
