"""How the twin runs; one file, `config/twin.yaml`, read by the twin and by its camera."""

from dataclasses import dataclass, field
from typing import Literal

from ddg_sim.twin.controller import ControllerSettings


@dataclass(frozen=True)
class RateSettings:
    """How often what is published, per second of simulated time.

    Each is met by a whole number of control periods. A message costs a listener up to 0.7 ms of a
    core, and every node listens to the clock: rates are no higher than they need be.
    """

    joint_states: float = 50.0
    clock: float = 20.0
    world: float = 25.0  # what the camera draws from
    ground_truth: float = 20.0
    record: float = 10.0  # what films are made from

    def __post_init__(self) -> None:
        """Refuse what never comes."""
        if min(self.joint_states, self.clock, self.world, self.ground_truth, self.record) <= 0.0:
            raise ValueError("rates must be positive")


@dataclass(frozen=True)
class SpawnSettings:
    """Where and how objects are put on the table.

    Attributes:
        x, y: Range that the position is drawn from, in the base frame, in [m].
        low: Objects lower than this stand on a pedestal, in [m].
        pedestal: Height of the pedestal, in [m].
        pedestal_half: Half of its side, in [m].
        settle: Longest time to come to rest, in [s].
        still: Speed below which it rests, in [m/s] and [rad/s].
        drift: How far it may move meanwhile, in [m].
        tries: How many poses to draw before giving up.
    """

    x: tuple[float, float] = (0.48, 0.62)
    y: tuple[float, float] = (-0.1, 0.1)
    low: float = 0.05
    pedestal: float = 0.09
    pedestal_half: float = 0.06
    settle: float = 3.0
    still: float = 0.01
    drift: float = 0.05
    tries: int = 3

    def __post_init__(self) -> None:
        """Refuse empty ranges."""
        if self.x[0] > self.x[1] or self.y[0] > self.y[1]:
            raise ValueError(f"x and y must be (least, most), got {self.x}, {self.y}")
        if self.tries < 1:
            raise ValueError(f"tries must be at least 1, got {self.tries}")


@dataclass(frozen=True)
class EyeSettings:
    """What the twin's camera delivers.

    Attributes:
        depth_rate, color_rate: Images per second of simulated time.
        encoding: 32FC1 in [m] with NaN for no reading, or 16UC1 in [mm] with 0 for no reading.
        noise: Whether depth has the errors of a structured-light sensor.
        seed: Of the noise.
        shadow: Size of the shadow map of the colour image, in pixels; 0: no shadows.
    """

    depth_rate: float = 15.0
    color_rate: float = 2.0
    encoding: Literal["32FC1", "16UC1"] = "32FC1"
    noise: bool = True
    seed: int = 0
    shadow: int = 1024

    def __post_init__(self) -> None:
        """Refuse what never comes."""
        if min(self.depth_rate, self.color_rate) <= 0.0:
            raise ValueError("depth_rate and color_rate must be positive")


@dataclass(frozen=True)
class TwinSettings:
    """The twin: pace, controllers, rates, objects, camera.

    Attributes:
        realtime_factor: Simulated seconds per second of the wall clock.
        control_period: Time between two commands of the controllers, in [s].
        object: Object on the table at the start; empty: none.
        seed: Of its pose and friction.
        arm, hand: How the two drivers judge goals.
        rates: How often what is published.
        spawn: Where objects are put.
        eye: What the camera delivers.
    """

    realtime_factor: float = 1.0
    control_period: float = 0.01
    object: str = ""
    seed: int = 0
    arm: ControllerSettings = field(default_factory=ControllerSettings)
    hand: ControllerSettings = field(
        default_factory=lambda: ControllerSettings(partial_goals=True, goal_tolerance=0.05)
    )
    rates: RateSettings = field(default_factory=RateSettings)
    spawn: SpawnSettings = field(default_factory=SpawnSettings)
    eye: EyeSettings = field(default_factory=EyeSettings)

    def __post_init__(self) -> None:
        """Refuse a clock that stands still."""
        if self.realtime_factor <= 0.0:
            raise ValueError(f"realtime_factor must be positive, got {self.realtime_factor}")
        if not 0.001 <= self.control_period <= 0.02:
            raise ValueError(f"control_period must be in [0.001, 0.02], got {self.control_period}")
