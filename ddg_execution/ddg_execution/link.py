"""When the line to the controllers counts as broken: `config/link.yaml`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LinkSettings:
    """When the line to the controllers counts as broken; all in [s] of wall time.

    Attributes:
        connect: Longest wait for a controller's action server or for its answer to a goal.
        silence: Longest time without joint states.
        heartbeat: Time between two heartbeats of the executor.
        missed: Without a heartbeat for so long, the watchdog cancels all goals.
    """

    connect: float = 5.0
    silence: float = 2.0
    heartbeat: float = 0.05
    missed: float = 0.3

    def __post_init__(self) -> None:
        """Refuse a watchdog that barks between two beats."""
        if self.missed < 2.0 * self.heartbeat:
            raise ValueError(f"missed must be at least twice heartbeat, got {self.missed}")
