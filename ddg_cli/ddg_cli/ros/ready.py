"""Ask nodes over ROS whether they are active."""

import time
from collections.abc import Callable, Iterable

import rclpy
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future

from ddg_core.errors import TimedOut
from ddg_core.waiting import wait_until

ASK_AGAIN = 2.0  # [s]; a node that has not discovered the asker yet answers into the void


def wait_active(names: Iterable[str], *, timeout: float, watch: Callable[[], None]) -> None:
    """Wait until all lifecycle nodes `names` are active.

    Args:
        names: ROS names of the nodes.
        timeout: Longest wait, in [s].
        watch: Called now and then; raises if waiting has become pointless.

    Raises:
        TimedOut: Some are not active in time; the message names them.
    """
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("ddg_up")
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    clients = {name: node.create_client(GetState, f"/{name}/get_state") for name in names}
    asked: dict[str, tuple[Future, float]] = {}

    def all_active() -> bool:
        watch()
        for name, client in clients.items():
            if name not in asked and client.service_is_ready():
                asked[name] = client.call_async(GetState.Request()), time.monotonic() + ASK_AGAIN
        executor.spin_once(timeout_sec=0.05)
        for name, (future, until) in list(asked.items()):
            if future.done():
                del asked[name]
                state = future.result()
                if state is not None and state.current_state.id == State.PRIMARY_STATE_ACTIVE:
                    del clients[name]
            elif time.monotonic() > until:
                del asked[name]
                clients[name].remove_pending_request(future)
        return not clients

    try:
        wait_until(all_active, what="nodes", timeout=timeout, period=0.05)
    except TimedOut as error:
        raise TimedOut(f"not active within {timeout:g} s: {', '.join(clients)}") from error
    finally:
        executor.shutdown(timeout_sec=1.0)
        node.destroy_node()
        rclpy.try_shutdown()
