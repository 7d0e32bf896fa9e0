"""How fast the twin runs and looks, at rest and in a trial, and the memory of all nodes.

Rates are of wall time, as a subscriber of another process gets the messages.
"""

import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor

from ddg_cli import demo, objects, stack
from ddg_cli.stopwatch import Stopwatch
from ddg_core.ros.convert import stamp_from_msg
from ddg_core.ros.interfaces import interface
from ddg_core.ros.spinning import spinning
from ddg_core.waiting import wait_until

DEPTH, COLOUR, STATE = "/camera/depth/image_rect_raw", "/camera/color/image_raw", "/twin/state"
AT_REST = 300  # depth images


class Listener:
    """Counts messages in the background; made while a `Session` holds the ROS context."""

    def __init__(self) -> None:
        """Subscribe."""
        self._got: Counter[str] = Counter()
        self._simulated = 0.0
        self._node = rclpy.create_node("listener")
        for name in (DEPTH, COLOUR, STATE):
            topic = interface(name, "msg")
            self._node.create_subscription(
                topic.load_type(),
                name,
                lambda message, name=name: self._hear(name, message),
                topic.qos,
            )
        executor = SingleThreadedExecutor()
        executor.add_node(self._node)
        self._background = ExitStack()
        self._background.enter_context(spinning(executor))
        wait_until(lambda: self._simulated > 0.0, what=f"message on {STATE}", timeout=10.0)

    def rates(self, work: Any, when: str) -> dict[str, float]:
        """Messages per second, and simulated seconds per second, while `work` runs."""
        before, simulated, began = self._got.copy(), self._simulated, time.monotonic()
        work()
        took = time.monotonic() - began
        return {
            f"depth_hz_{when}": (self._got[DEPTH] - before[DEPTH]) / took,
            f"colour_hz_{when}": (self._got[COLOUR] - before[COLOUR]) / took,
            f"real_time_factor_{when}": (self._simulated - simulated) / took,
        }

    def wait(self, images: int) -> None:
        """Wait for so many more depth images."""
        until = self._got[DEPTH] + images
        wait_until(lambda: self._got[DEPTH] >= until, what=f"{images} images", timeout=120.0)

    def end(self) -> None:
        """Stop listening."""
        self._background.close()
        self._node.destroy_node()

    def _hear(self, name: str, message: Any) -> None:
        self._got[name] += 1
        if name == STATE:
            self._simulated = stamp_from_msg(message.header.stamp)


def peak_mib(pid: int | str) -> float:
    """Most memory that a process has had so far, in [MiB]; shared libraries count in each."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def run() -> dict[str, float]:
    """Bring the twin up, wait, run one trial."""
    name = objects.resolve(demo.DEFAULT_OBJECT)
    with (
        tempfile.TemporaryDirectory() as folder,
        stack.up(Path(folder), Stopwatch()) as (processes, session),
    ):
        known_as = session.spawn(name, demo.DEFAULT_SEED)
        listener = Listener()
        figures = listener.rates(lambda: listener.wait(AT_REST), "at_rest")
        figures |= listener.rates(
            lambda: session.run_trial(known_as, demo.DEFAULT_SEED, lambda _: None), "in_a_trial"
        )
        listener.end()
        pids = [process.pid for process in processes.processes.values()]
        figures["peak_memory_of_all_mib"] = sum(map(peak_mib, [*pids, "self"]))
    return figures
