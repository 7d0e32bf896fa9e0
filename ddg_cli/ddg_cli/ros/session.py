"""A client of the running nodes: put an object on the twin's table, run trials."""

import gc
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import rclpy
from ddg_interfaces.action import RunTrial
from ddg_interfaces.srv import ResetWorld, SpawnObject
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.signals import SignalHandlerOptions

from ddg_core.errors import TimedOut
from ddg_core.grasp import Grasp
from ddg_core.hand import Hand
from ddg_core.ros.calls import SureActionClient, call, check, run_action
from ddg_core.ros.convert import grasp_from_msg, stamp_from_msg, view_from_msg
from ddg_core.ros.interfaces import interface
from ddg_core.ros.spinning import attended
from ddg_core.view import ObjectView
from ddg_core.waiting import wait_until

SPAWN = "/twin/spawn_object"
RESET = "/twin/reset_world"
STATE = "/twin/state"
IMAGE = "/camera/depth/camera_info"  # comes with each image
TRIAL = "/ddg/run_trial"
NEEDED = (  # a trial needs all of these; each is offered once its node is active
    (SPAWN, "srv"),
    (RESET, "srv"),
    ("/ddg/capture_view", "srv"),
    ("/ddg/check_reach", "srv"),
    ("/ddg/plan_grasps", "action"),
    ("/ddg/execute_grasp", "action"),
    (TRIAL, "action"),
)
SETTLED = 0.3  # [s] of simulated time; clocks of other processes lag less than this
IMAGE_PATIENCE = 20.0  # [s]
RESET_AGAIN = 5.0  # [s]
RESET_PATIENCE = 30.0  # [s]
SPAWN_PATIENCE = 180.0  # [s]; a mesh is cut into convex parts first
TRIAL_PATIENCE = 300.0  # [s]


def seen(result: Any, hand: Hand) -> tuple[ObjectView | None, Grasp | None]:
    """View and executed grasp of a trial's result; None where it did not come to that."""
    view = view_from_msg(result.view) if result.view.cloud.width else None
    grasp = grasp_from_msg(result.grasp, hand.joint_names) if result.grasp.wrist_poses else None
    return view, grasp


class Session:
    """A node of our own, spun in the background; a context manager.

    Ctrl-C stays with the caller: it raises KeyboardInterrupt wherever he waits.
    """

    def __init__(self) -> None:
        """Join the ROS graph."""
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        self._node = rclpy.create_node("ddg_cli")
        group = ReentrantCallbackGroup()
        self._clients = {
            name: SureActionClient(
                self._node, interface(name, "action").load_type(), name, callback_group=group
            )
            if kind == "action"
            else self._node.create_client(
                interface(name, "srv").load_type(), name, callback_group=group
            )
            for name, kind in NEEDED
        }
        self._state: Any = None
        self._image = 0.0
        for name, heard in ((STATE, self._on_state), (IMAGE, self._on_image)):
            topic = interface(name, "msg")
            self._node.create_subscription(
                topic.load_type(), name, heard, topic.qos, callback_group=group
            )
        self._background = ExitStack()
        self._background.enter_context(attended(self._node))

    def __enter__(self) -> Self:
        """Return the session."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the ROS graph, and shared memory before the nodes end and what is left is swept."""
        self._background.close()
        rclpy.try_shutdown()
        self._clients.clear()
        del self._node
        gc.collect()  # rclpy lets go of the middleware when nobody refers to it

    def missing(self) -> list[str]:
        """Names of what a trial needs and nobody offers."""
        return [
            name
            for name, kind in NEEDED
            if not (
                self._clients[name].server_is_ready()
                if kind == "action"
                else self._clients[name].service_is_ready()
            )
        ]

    def wait_ready(self, *, timeout: float, watch: Callable[[], None]) -> None:
        """Wait until all that a trial needs is offered.

        Args:
            timeout: Longest wait, in [s].
            watch: Called now and then; raises if waiting has become pointless.

        Raises:
            TimedOut: Something is not there in time; the message names it.
        """

        def ready() -> bool:
            watch()
            return not self.missing()

        try:
            wait_until(ready, what="nodes", timeout=timeout, period=0.1)
        except TimedOut as error:
            missing = ", ".join(self.missing())
            raise TimedOut(f"no node offered {missing} within {timeout:g} s") from error

    def spawn(self, name: str, seed: int) -> str:
        """Send the robot home and put an object on the table in place of what is there.

        Returns:
            The name that the object goes by.

        Raises:
            Failed: The twin refuses, e.g. BAD_INPUT for an unknown name.
            TimedOut: No twin, no answer, or no image of the new object.
        """
        check(self._reset().outcome)
        request = SpawnObject.Request(object=name, seed=seed)
        answer = call(self._clients[SPAWN], request, timeout=SPAWN_PATIENCE)
        check(answer.outcome)
        # An image of the old world may still be on its way to whoever looks next.
        until = self.moment()[1] + SETTLED
        wait_until(
            lambda: self._image > until, what="image of the new object", timeout=IMAGE_PATIENCE
        )
        return str(answer.object)

    def _reset(self) -> Any:
        """Reset the world, once more if nothing came back: it is what is asked for first.

        A node that has not discovered the asker yet answers into the void.
        """
        try:
            return call(self._clients[RESET], ResetWorld.Request(), timeout=RESET_AGAIN)
        except TimedOut:
            return call(self._clients[RESET], ResetWorld.Request(), timeout=RESET_PATIENCE)

    def run_trial(
        self,
        name: str,
        seed: int,
        on_stage: Callable[[str], None],
        *,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Any:
        """Run one trial and return the result of the action; `cancelled` is asked all the time.

        Raises:
            TimedOut: The trial node is not there, vanished, or took too long.
        """
        return run_action(
            self._clients[TRIAL],
            RunTrial.Goal(object=name, seed=seed),
            name=TRIAL,
            timeout=TRIAL_PATIENCE,
            on_feedback=lambda feedback: on_stage(feedback.stage),
            cancelled=cancelled,
        )

    def moment(self) -> tuple[Path, float]:
        """World that the twin is in (path of its model) and simulated time there, in [s].

        Raises:
            TimedOut: The twin says nothing.
        """
        wait_until(lambda: self._state is not None, what=f"message on {STATE}", timeout=5.0)
        return Path(self._state.model), stamp_from_msg(self._state.header.stamp)

    def _on_state(self, message: Any) -> None:
        self._state = message

    def _on_image(self, message: Any) -> None:
        self._image = stamp_from_msg(message.header.stamp)
