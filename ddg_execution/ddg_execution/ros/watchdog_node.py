"""The watchdog node: a controller goes on playing when its client dies, so this one brakes it."""

import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.clock import Clock, ClockType
from std_msgs.msg import Header

from ddg_core.ros.node import DdgNode, run_node
from ddg_execution.link import LinkSettings
from ddg_execution.ros.brakes import Brakes


class WatchdogNode(DdgNode):
    """Cancels all goals of arm and hand when the executor's heartbeat stops; its own process.

    It watches from the first heartbeat on, and after it has braked, from the next one on: goals
    that somebody sends without an executor are left alone.
    """

    def __init__(self, **kwargs: Any) -> None:
        """Nothing is watched yet."""
        super().__init__("watchdog", **kwargs)
        self._heard: float | None = None

    def start(self) -> None:
        """Listen for heartbeats and look after them in wall time, whatever the clock does."""
        link = self.settings("link.yaml", LinkSettings)
        cell = self.cell()
        self._missed = link.missed
        self._brakes = Brakes(self, (cell.arm.action, cell.hand_action))
        self.subscribe("/ddg/heartbeat", self._on_beat)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        timer = self.create_timer(
            link.heartbeat, self._look, callback_group=self.group, clock=steady
        )
        self.keep(timer, lambda: self.destroy_timer(timer))

    def _on_beat(self, _: Header) -> None:
        if self._heard is None:
            self.health = (DiagnosticStatus.OK, "the executor's heart beats")
        self._heard = time.monotonic()

    def _look(self) -> None:
        if self._heard is None or time.monotonic() - self._heard < self._missed:
            return
        self._heard = None
        self._brakes.pull()
        self.health = (DiagnosticStatus.ERROR, "the executor's heartbeat stopped: braked")
        self.get_logger().error(
            f"no heartbeat of the executor for {self._missed:g} s: cancelled all goals"
        )


def main() -> None:
    """Run the node until it is told to stop."""
    run_node(WatchdogNode, threads=2)


if __name__ == "__main__":
    main()
