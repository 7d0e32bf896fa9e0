"""When playing counts as hung: the part `run` of `config/execution.yaml`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RunSettings:
    """When playing counts as hung.

    Attributes:
        patience: A step may take this many times its duration ...
        grace: ... and this much more, in [s] of the controllers' clock.
        wall_limit: Longest step whatever the clock says, in [s].
        stop_timeout: Longest wait for the controllers to confirm a cancel, in [s].
        reason: Longest wait for who else cancelled a goal to say that it was a stop, in [s].
        confirm: Longest wait for the operator's permission of a phase, in [s].
        settle: Longest wait for the arm to be measured where its next motion begins, in [s].
        settled: It is there when all joints are this near, in [rad].
        finger_acceleration: Acceleration of the finger joints in motions of ours, in [rad/s^2].
        period: Time between two looks at the controllers, in [s].
    """

    patience: float = 1.5
    grace: float = 3.0
    wall_limit: float = 60.0
    stop_timeout: float = 1.0
    reason: float = 0.5
    confirm: float = 300.0
    settle: float = 2.5
    settled: float = 0.02
    finger_acceleration: float = 30.0
    period: float = 0.01
