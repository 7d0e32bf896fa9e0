"""The base of every node: lifecycle with autostart, strict settings, diagnostics, typed answers."""

import contextlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.executors import ExternalShutdownException
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import String

from ddg_core.cell import CellSettings
from ddg_core.errors import DdgError
from ddg_core.hand import HandSettings
from ddg_core.outcome import Outcome
from ddg_core.processes import whoami
from ddg_core.ros.executor import NodeExecutor
from ddg_core.ros.interfaces import BOND, bond_of, interface
from ddg_core.settings import load

Settings = TypeVar("Settings")


class DdgNode(LifecycleNode):
    """A lifecycle node that brings itself up, or is brought up by a manager.

    A subclass overrides `start` (load models, subscribe, offer services) and, where something
    must be ended, `stop`. What is created through `subscribe`, `publish_on`, `serve`, `call`,
    `every` or handed to `keep` is destroyed when the node is deactivated.

    `leaving` is set while it is being deactivated: work that takes long looks for it, and ends.

    Parameters: `autostart` (default true; false where a manager does it), `config_dir` (default:
    the installed `config/`), `robot` (a file of `config/cells`), `hand` (in place of its own).
    """

    def __init__(self, name: str, **kwargs: Any) -> None:
        """Declare the parameters that all nodes share."""
        super().__init__(name, **kwargs)
        self.group = ReentrantCallbackGroup()
        self.health: tuple[bytes, str] = (DiagnosticStatus.OK, "starting")
        self.vitals: dict[str, str] = {}
        self.leaving, self.failed = threading.Event(), threading.Event()
        self._kept: list[Callable[[], object]] = []
        self.declare_parameter("autostart", True)
        self.declare_parameter("config_dir", "")
        self.declare_parameter("robot", "twin")
        self.declare_parameter("hand", "")
        self._bond = self.create_publisher(String, bond_of(name), BOND)
        self._bond.publish(String(data=whoami()))

    def start(self) -> None:
        """Bring the node's work up; called on activation."""

    def stop(self) -> None:
        """End what `start` began beyond what is destroyed by itself."""

    @property
    def config_dir(self) -> Path:
        """Folder of the settings files."""
        from ddg_core.description import config_folder  # needs xacro only when a node starts

        given = self.get_parameter("config_dir").value
        return Path(given) if given else config_folder()

    def settings(self, file: str, kind: type[Settings]) -> Settings:
        """Read `file` of the configuration folder strictly into the dataclass `kind`."""
        return load(self.config_dir / file, kind)

    def cell(self) -> CellSettings:
        """Read the cell that the parameter `robot` names, with the hand that `hand` names."""
        from ddg_core.description import load_cell

        robot, hand = (self.get_parameter(name).value for name in ("robot", "hand"))
        return load_cell(robot, hand, self.config_dir)

    def hand(self, cell: CellSettings) -> HandSettings:
        """Read what a URDF does not say of a cell's hand, with the driver's prefix in that cell."""
        hand = self.settings(f"hands/{cell.hand}.yaml", HandSettings)
        prefix = cell.hand_joint_prefix
        return hand if prefix is None else replace(hand, joint_prefix=prefix)

    def keep(self, thing: Any, destroy: Callable[[], object]) -> Any:
        """Remember to call `destroy` on deactivation; returns `thing`."""
        self._kept.append(destroy)
        return thing

    def publish_on(self, name: str, at: str | None = None) -> Any:
        """Create a publisher of a topic of the table; `at`: what the cell calls it instead."""
        entry = interface(name, "msg")
        publisher = self.create_publisher(entry.load_type(), at or name, entry.qos)
        return self.keep(publisher, lambda: self.destroy_publisher(publisher))

    def subscribe(self, name: str, callback: Callable[..., None], at: str | None = None) -> Any:
        """Subscribe to a topic of the table of interfaces; `at`: what the cell calls it instead.

        The callback must be short, see `NodeExecutor`: keep the message, and return. One with two
        arguments is given the message's times too, as rclpy has it.
        """
        entry = interface(name, "msg")
        subscription = self.create_subscription(
            entry.load_type(), at or name, callback, entry.qos, callback_group=self.group
        )
        return self.keep(subscription, lambda: self.destroy_subscription(subscription))

    def serve(self, name: str, callback: Callable[[Any, Any], Any]) -> Any:
        """Offer a service of the table; a `DdgError` becomes a typed outcome in the answer."""
        entry = interface(name, "srv")

        def answer(request: Any, response: Any) -> Any:
            try:
                return callback(request, response)
            except Exception as error:
                fresh = type(response)()
                if not hasattr(fresh, "outcome"):
                    fresh.success, fresh.message = False, str(error)
                    return fresh
                fresh.outcome.code, fresh.outcome.message = self.explain(error)
                return fresh

        service = self.create_service(entry.load_type(), name, answer, callback_group=self.group)
        return self.keep(service, lambda: self.destroy_service(service))

    def call(self, name: str) -> Any:
        """Create a client of a service of the table of interfaces."""
        client = self.create_client(
            interface(name, "srv").load_type(), name, callback_group=self.group
        )
        return self.keep(client, lambda: self.destroy_client(client))

    def every(self, period: float, callback: Callable[[], None], *, wall: bool = False) -> Any:
        """Call back each `period` seconds of the node's clock, or of wall time."""
        clock = Clock(clock_type=ClockType.STEADY_TIME) if wall else None
        timer = self.create_timer(period, callback, callback_group=self.group, clock=clock)
        return self.keep(timer, lambda: self.destroy_timer(timer))

    def explain(self, error: Exception) -> tuple[str, str]:
        """Turn an exception into (outcome code, sentence); log a traceback if it is not ours."""
        if isinstance(error, DdgError):
            self.get_logger().warning(f"{error.outcome}: {error}")
            return str(error.outcome), str(error)
        self.get_logger().error("".join(traceback.format_exception(error)))
        return str(Outcome.INTERNAL), f"{type(error).__name__}: {error}"

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start; a failure is logged in one line and leaves the node inactive."""
        self.leaving.clear()
        try:
            self._report = self.publish_on("/diagnostics")
            self.every(1.0, self._diagnose)
            self.health = (DiagnosticStatus.OK, "active")
            self.start()
        except Exception as error:  # rclpy would swallow it without a word
            self.get_logger().fatal(self.explain(error)[1])
            self._release()
            self.failed.set()
            return TransitionCallbackReturn.FAILURE
        result: TransitionCallbackReturn = super().on_activate(state)
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let what is being done end, then stop and destroy what `start` made."""
        self.leaving.set()
        self.stop()
        self._release()
        result: TransitionCallbackReturn = super().on_deactivate(state)
        return result

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop, from whatever state."""
        if self._kept:
            self.stop()
            self._release()
        result: TransitionCallbackReturn = super().on_shutdown(state)
        return result

    def _release(self) -> None:
        while self._kept:
            self._kept.pop()()

    def _diagnose(self) -> None:
        status = DiagnosticStatus(
            level=self.health[0], name=self.get_name(), message=self.health[1], hardware_id="ddg"
        )
        status.values = [KeyValue(key=key, value=value) for key, value in self.vitals.items()]
        report = DiagnosticArray(status=[status])
        report.header.stamp = self.get_clock().now().to_msg()
        self._report.publish(report)


def run_node(make: Callable[[], DdgNode], *, threads: int = 4) -> None:
    """Make a node, bring it up, spin until SIGINT or SIGTERM, and leave nothing behind."""
    # rclpy's own handlers would shut the context down under the feet of a node that is at work.
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    node = make()
    executor = NodeExecutor(num_threads=threads)
    executor.add_node(node)
    try:
        if node.get_parameter("autostart").value:
            node.trigger_configure()
            node.trigger_activate()
        while not node.failed.is_set() and rclpy.ok() and not stopped.is_set():
            executor.spin_once(timeout_sec=0.2)
    except ExternalShutdownException:
        pass
    finally:
        if rclpy.ok():
            with contextlib.suppress(
                rclpy_implementation.RCLError
            ):  # in the middle of a change of state
                node.trigger_shutdown()
        executor.shutdown(timeout_sec=2.0)
        node.destroy_node()
        rclpy.try_shutdown()
    sys.stdout.flush()
    if node.failed.is_set():
        os._exit(1)
