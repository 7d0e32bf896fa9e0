"""The manager over ROS: a node that is lost takes down who needs it, until it is back."""

import os
import signal
from collections.abc import Callable, Iterator

import pytest

rclpy = pytest.importorskip("rclpy")
pytest.importorskip("ddg_interfaces", reason="the interfaces are not built")

from ddg_cli.graph import load_graph
from ddg_cli.processes import Nodes, running
from ddg_cli.ros.witness import Witness
from ddg_core.description import load_cell
from ddg_core.ros.bond import Bond
from ddg_core.ros.executor import NodeExecutor
from ddg_core.ros.node import DdgNode
from ddg_core.ros.spinning import spinning
from ddg_core.waiting import wait_until

pytestmark = pytest.mark.ros

NEEDED, NEEDING = "state_publisher", "watchdog"


@pytest.fixture(scope="module")
def stack(domains: Callable[[], int]) -> Iterator[tuple[Nodes, Witness]]:
    domain = domains()
    nodes = load_graph().select([NEEDED, NEEDING, "manager"])
    assert nodes["manager"].parameters["stages"] == f"[{NEEDED}, {NEEDING}]"
    with running(nodes, own_domain=False) as processes:
        rclpy.init(domain_id=domain)
        with Witness(load_cell()) as witness:
            witness.wait_active(nodes, timeout=120.0)
            yield processes, witness
        rclpy.shutdown()


def test_a_frozen_node_takes_down_who_needs_it_and_both_come_back(
    stack: tuple[Nodes, Witness],
) -> None:
    processes, witness = stack
    frozen = processes.processes[NEEDED].pid
    os.killpg(frozen, signal.SIGSTOP)
    try:
        wait_until(lambda: not witness.active(NEEDING), what="end of what needs it", timeout=60.0)
    finally:
        os.killpg(frozen, signal.SIGCONT)
    witness.wait_active([NEEDED, NEEDING], timeout=60.0)


def test_who_listens_anew_in_an_old_process_meets_the_other_and_misses_it_too(
    stack: tuple[Nodes, Witness],
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
            os.killpg(processes.processes[NEEDING].pid, signal.SIGSTOP)
            try:
                wait_until(lambda bond=bond: bond.lost, what="loss", timeout=60.0)
            finally:
                os.killpg(processes.processes[NEEDING].pid, signal.SIGCONT)
            wait_until(lambda bond=bond: bond.lives, what="return", timeout=60.0)
            node.trigger_deactivate()
    node.destroy_node()


def test_a_killed_node_comes_up_again_when_it_is_restarted(stack: tuple[Nodes, Witness]) -> None:
    processes, witness = stack
    os.killpg(processes.processes[NEEDED].pid, signal.SIGKILL)
    wait_until(lambda: not witness.active(NEEDING), what="end of what needs it", timeout=60.0)
    processes.restart(NEEDED)
    witness.wait_active([NEEDED, NEEDING], timeout=60.0)
