"""How far and how long the best grasps are moved; loads no model."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RefineSettings:
    """How far and how long grasps are moved.

    Attributes:
        best: So many of the best grasps are refined.
        steps: Steps of either method.
        position, angle, joint: Trust region: largest shift and turn of the wrist and change of a
            joint, in [m], [rad], [rad].
        stride: First step, as a share of the trust region.
        temperature: Of the annealing at its start, in units of the logit; it falls to a tenth.
        gain: A grasp that gains less than this, in units of the logit, is not worth a new one.
        seed: Of the annealing, so that one view has one answer.
    """

    best: int = 12
    steps: int = 20
    position: float = 0.02
    angle: float = 0.26
    joint: float = 0.15
    stride: float = 0.15
    temperature: float = 0.3
    gain: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a region without room."""
        if self.best < 1 or self.steps < 1:
            raise ValueError("best and steps must be positive")
        if min(self.position, self.angle, self.joint, self.stride, self.temperature) <= 0.0:
            raise ValueError("position, angle, joint, stride and temperature must be positive")
