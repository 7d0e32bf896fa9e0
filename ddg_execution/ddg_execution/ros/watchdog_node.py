"""The watchdog node: it brakes the arm when it is told to, and when the executor dies."""

import time
from threading import Lock
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from std_msgs.msg import Bool

from ddg_core.ros.interfaces import interface
from ddg_core.ros.node import DdgNode, run_node
from ddg_execution.link import LinkSettings
from ddg_execution.ros.brakes import Brakes


class WatchdogNode(DdgNode):
    """Cancels all goals of arm and hand, for two reasons; its own process.

    The software stop: `/ddg/stop` or the button. It is latched here and told on `/ddg/stopped`,
    as long as this process lives, whether the node is active or not. Each heartbeat of the executor
    says what that one was told; so a watchdog that was restarted knows what was before.

    No heartbeat: a controller goes on playing when its client dies. It is watched from the first
    heartbeat on, and after it has braked, from the next one on: goals that somebody sends without
    an executor are left alone.
    """

    def __init__(self, **kwargs: Any) -> None:
        """Nothing is watched yet, and whether it was stopped is not known; it may be told so."""
        super().__init__("watchdog", **kwargs)
        self._heard: float | None = None
        self._braked = False
        self._stopped: bool | None = None
        self._lock = Lock()
        self._brakes: Brakes | None = None
        entry = interface("/ddg/stopped", "msg")
        self._word = self.create_publisher(entry.load_type(), entry.name, entry.qos)
        for name, answer in (("/ddg/stop", self._on_stop), ("/ddg/reset_stop", self._on_reset)):
            kind = interface(name, "srv").load_type()
            self.create_service(kind, name, answer, callback_group=self.group)
        entry = interface("/ddg/stop_button", "msg")
        self.create_subscription(
            entry.load_type(), entry.name, self._on_button, entry.qos, callback_group=self.group
        )

    def start(self) -> None:
        """Listen for heartbeats and look after them in wall time, whatever the clock does."""
        link = self.settings("link.yaml", LinkSettings)
        cell = self.cell()
        self._missed = link.missed
        self._brakes = Brakes(self, (cell.arm.action, cell.hand_action))
        self.subscribe("/ddg/heartbeat", self._on_beat)
        self.every(link.heartbeat, self._look, wall=True)
        self._tell()

    def stop(self) -> None:
        """Nobody brakes while this node is down; the latch stays."""
        self._brakes = None
        self._heard = None

    def _on_stop(self, _: Any, response: Any) -> Any:
        self._stop()
        response.success, response.message = True, "stopped; /ddg/reset_stop lets it move again"
        return response

    def _on_button(self, message: Bool) -> None:
        """A button that is pressed stops; letting it go does not release."""
        if message.data:
            self._stop()

    def _on_reset(self, _: Any, response: Any) -> Any:
        self._latch(False)
        response.success, response.message = True, "released; nothing moves until the next goal"
        return response

    def _stop(self) -> None:
        self._brake()
        self._latch(True)

    def _brake(self) -> None:
        brakes = self._brakes
        if brakes is not None:
            brakes.pull()

    def _latch(self, stopped: bool, *, unless_known: bool = False) -> None:
        with self._lock:
            if unless_known and self._stopped is not None:
                return
            self._stopped = stopped
            self._word.publish(Bool(data=stopped))
        self._tell()

    def _on_beat(self, beat: Bool) -> None:
        self._latch(beat.data, unless_known=True)
        first, self._heard, self._braked = self._heard is None, time.monotonic(), False
        if first:
            self._tell()

    def _look(self) -> None:
        if self._heard is None or time.monotonic() - self._heard < self._missed:
            return
        self._heard, self._braked = None, True
        self._brake()
        self._tell()
        self.get_logger().error(
            f"no heartbeat of the executor for {self._missed:g} s: cancelled all goals"
        )

    def _tell(self) -> None:
        if self._stopped:
            told = DiagnosticStatus.ERROR, "stopped: /ddg/reset_stop lets it move again"
        elif self._braked:
            told = DiagnosticStatus.ERROR, "the executor's heartbeat stopped: braked"
        elif self._heard is not None:
            told = DiagnosticStatus.OK, "the executor's heart beats"
        else:
            told = DiagnosticStatus.OK, "active"
        self.health = told


def main() -> None:
    """Run the node until it is told to stop."""
    run_node(WatchdogNode, threads=2)


if __name__ == "__main__":
    main()
