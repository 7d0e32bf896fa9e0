"""What the planner does when another node is lost while it asks it."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy", reason="needs ROS")
pytest.importorskip("ddg_interfaces", reason="needs the built interfaces")

from ddg_interfaces.srv import CheckReach
from rclpy.node import Node
from std_msgs.msg import String

from ddg_core.errors import TimedOut
from ddg_core.ros.convert import header
from ddg_core.ros.executor import NodeExecutor
from ddg_core.ros.interfaces import BOND, bond_of
from ddg_core.ros.node import DdgNode
from ddg_core.ros.spinning import spinning
from ddg_core.waiting import wait_until
from ddg_planning.ros.ports import Ports
from ddg_planning.settings import ServiceSettings

pytestmark = pytest.mark.ros

TELL = "import ddg_core.processes as p, signal; print(p.whoami(), flush=True); signal.pause()"


class Dying(Node):  # type: ignore[misc]
    """Answers `/ddg/check_reach` as an executor whose process is killed by being asked."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        super().__init__("stand_in")
        assert process.stdout is not None
        self._process, self.over = process, Event()
        self.create_publisher(String, bond_of("executor"), BOND).publish(
            String(data=process.stdout.readline().strip())
        )
        self.create_service(CheckReach, "/ddg/check_reach", self._die)

    def _die(self, request: Any, response: Any) -> Any:
        self._process.kill()
        self.over.wait(60.0)
        return response


@pytest.fixture
def planner(domains: Callable[[], int]) -> Iterator[DdgNode]:
    rclpy.init(domain_id=domains())
    with subprocess.Popen([sys.executable, "-c", TELL], stdout=subprocess.PIPE, text=True) as other:
        node, dying = DdgNode("planner"), Dying(other)
        executor = NodeExecutor(num_threads=4)
        executor.add_node(node)
        executor.add_node(dying)
        with spinning(executor):
            found = lambda: node.count_services("/ddg/check_reach") > 0  # noqa: E731
            wait_until(found, what="service", timeout=60.0)
            yield node
            dying.over.set()
        other.kill()
    rclpy.try_shutdown()


def test_an_executor_that_dies_while_it_is_asked_is_not_waited_for(planner: DdgNode) -> None:
    patient = ServiceSettings(reach_timeout=60.0)
    check_reach = Ports(planner, patient, ()).check_reach(header("link_0", 0.0), lambda: False)
    with pytest.raises(TimedOut, match="no answer of /ddg/check_reach: the server vanished"):
        check_reach(np.eye(4)[None])
