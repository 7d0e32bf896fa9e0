"""The manager over ROS: a node that is lost takes down who needs it, until it is back."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

rclpy = pytest.importorskip("rclpy")
pytest.importorskip("ddg_interfaces", reason="the interfaces are not built")

from std_srvs.srv import Trigger

from ddg_cli.graph import load_graph
from ddg_cli.processes import Nodes, running
from ddg_cli.ros.witness import Witness
from ddg_core.description import load_cell
from ddg_core.ros.bond import Bond
from ddg_core.ros.calls import call
from ddg_core.ros.executor import NodeExecutor
from ddg_core.ros.node import DdgNode
from ddg_core.ros.spinning import spinning
from ddg_core.waiting import wait_until

pytestmark = pytest.mark.ros

NEEDED, STOPS, NEEDING = "state_publisher", "watchdog", "executor"


class Stack:
    """Nodes in processes of their own, who sees them, and who asks them."""

    def __init__(self, processes: Nodes, witness: Witness, node: DdgNode) -> None:
        self.processes, self.witness, self.node = processes, witness, node

    def __iter__(self) -> Iterator[Any]:
        return iter((self.processes, self.witness))

    def ask(self, name: str) -> str:
        """Ask a service that takes nothing, and wait long for its answer."""
        answer = call(self.node.call(name), Trigger.Request(), timeout=60.0, ready=60.0)
        return str(answer.message)

    def begin_anew(self, name: str) -> None:
        """Kill a node and start it again; return when all are up."""
        os.killpg(self.processes.processes[name].pid, signal.SIGKILL)
        self.processes.restart(name)
        self.witness.wait_active([NEEDED, STOPS, NEEDING], timeout=120.0)


@pytest.fixture(scope="module")
def stack(domains: Callable[[], int]) -> Iterator[Stack]:
    domain = domains()
    nodes = load_graph().select([NEEDED, STOPS, NEEDING, "manager"])
    assert nodes["manager"].parameters["stages"] == f"[{NEEDED} {STOPS}, {NEEDING}]"
    with running(nodes, own_domain=False) as processes:
        rclpy.init(domain_id=domain)
        node, executor = DdgNode("asker"), NodeExecutor(num_threads=2)
        executor.add_node(node)
        with Witness(load_cell()) as witness, spinning(executor):
            witness.wait_active(nodes, timeout=120.0)
            yield Stack(processes, witness, node)
        node.destroy_node()
        rclpy.shutdown()


@contextmanager
def frozen(processes: Nodes, name: str) -> Iterator[None]:
    """A node whose process stands still meanwhile."""
    group = processes.processes[name].pid
    os.killpg(group, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(group, signal.SIGCONT)


def test_a_frozen_node_takes_down_who_needs_it_and_both_come_back(
    stack: Stack,
) -> None:
    processes, witness = stack
    with frozen(processes, NEEDED):
        wait_until(lambda: not witness.active(NEEDING), what="end of what needs it", timeout=60.0)
    witness.wait_active([NEEDED, NEEDING], timeout=60.0)


def test_who_listens_anew_in_an_old_process_meets_the_other_and_misses_it_too(
    stack: Stack,
) -> None:
    processes, _ = stack
    node, executor = DdgNode("listener"), NodeExecutor(num_threads=2)
    executor.add_node(node)
    node.trigger_configure()
    with spinning(executor):
        for _ in range(2):  # the middleware tells the second one of changes only
            node.trigger_activate()
            bond = Bond(node, NEEDING)
            wait_until(lambda bond=bond: bond.met, what="sign of life", timeout=60.0)
            with frozen(processes, NEEDING):
                wait_until(lambda bond=bond: bond.lost, what="loss", timeout=60.0)
            wait_until(lambda bond=bond: bond.lives, what="return", timeout=60.0)
            node.trigger_deactivate()
    node.destroy_node()


def test_a_killed_node_comes_up_again_when_it_is_restarted(stack: Stack) -> None:
    processes, witness = stack
    os.killpg(processes.processes[NEEDED].pid, signal.SIGKILL)
    wait_until(lambda: not witness.active(NEEDING), what="end of what needs it", timeout=60.0)
    processes.restart(NEEDED)
    witness.wait_active([NEEDED, NEEDING], timeout=60.0)


def test_a_stop_is_heard_while_who_moves_is_down_and_kept_whatever_node_begins_anew(
    stack: Stack,
) -> None:
    processes, witness = stack
    with frozen(processes, NEEDED):
        wait_until(lambda: not witness.active(NEEDING), what="end of what needs it", timeout=60.0)
        assert "stopped" in stack.ask("/ddg/stop")
    witness.wait_active([NEEDED, NEEDING], timeout=60.0)
    assert "reset_stop" in stack.ask("/ddg/go_home")
    for name in (NEEDING, STOPS):
        stack.begin_anew(name)
        assert "reset_stop" in stack.ask("/ddg/go_home"), name
    stack.ask("/ddg/reset_stop")
    wait_until(
        lambda: "joint_states" in stack.ask("/ddg/go_home"), what="its release", timeout=60.0
    )
