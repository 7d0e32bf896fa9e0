"""What the planner does when the executor is lost while grasps for it are planned."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from threading import Event
from typing import Any

import motion_fixtures
import planning_world as world
import pytest

rclpy = pytest.importorskip("rclpy", reason="needs ROS")
pytest.importorskip("ddg_interfaces", reason="needs the built interfaces")

from ddg_interfaces.srv import CheckReach, GenerateGrasps, PlanGrasps, RankGrasps
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from std_msgs.msg import String

from ddg_core.ros.calls import call
from ddg_core.ros.convert import grasp_to_msg, header, view_to_msg
from ddg_core.ros.executor import NodeExecutor
from ddg_core.ros.interfaces import BOND, bond_of
from ddg_core.ros.spinning import spinning
from ddg_planning.ros.planner_node import PlannerNode

pytestmark = pytest.mark.ros

TELL = "import ddg_core.processes as p, signal; print(p.whoami(), flush=True); signal.pause()"
TOP = header("link_0", 1.0)


class Others(Node):  # type: ignore[misc]
    """All that planning asks; one question kills the executor's process, and is not answered."""

    def __init__(self, process: "subprocess.Popen[str]", deadly: str) -> None:
        super().__init__("others")
        assert process.stdout is not None
        self._process, self._deadly, self.over = process, deadly, Event()
        bond = self.create_publisher(String, bond_of("executor"), BOND)
        bond.publish(String(data=process.stdout.readline().strip()))
        group = ReentrantCallbackGroup()
        for kind, name in (
            (GenerateGrasps, "/ddg/generate_grasps"),
            (RankGrasps, "/ddg/rank_grasps"),
            (CheckReach, "/ddg/check_reach"),
        ):
            self.create_service(kind, name, partial(self._answer, name), callback_group=group)
        self.plan = self.create_client(PlanGrasps, "/ddg/plan_grasps", callback_group=group)

    def _answer(self, name: str, request: Any, response: Any) -> Any:
        if name == self._deadly:
            self._process.kill()
            self.over.wait(60.0)
        response.outcome.code = "OK"
        if name == "/ddg/generate_grasps":
            names = world.svh().joint_names
            response.grasps = [grasp_to_msg(motion_fixtures.top_grasp(), names, TOP)]
        if name == "/ddg/rank_grasps":
            response.grasps = request.grasps
        return response


@pytest.fixture
def others(domains: Callable[[], int], request: Any) -> Iterator[Others]:
    rclpy.init(domain_id=domains())
    with subprocess.Popen([sys.executable, "-c", TELL], stdout=subprocess.PIPE, text=True) as arm:
        planner, others = PlannerNode("planner"), Others(arm, request.param)
        executor = NodeExecutor(num_threads=6)
        executor.add_node(planner)
        executor.add_node(others)
        with spinning(executor):
            planner.trigger_configure()
            planner.trigger_activate()
            yield others
            others.over.set()
            planner.trigger_shutdown()
        arm.kill()
    rclpy.try_shutdown()


@pytest.mark.parametrize(
    "others", ["/ddg/generate_grasps", "/ddg/rank_grasps", "/ddg/check_reach"], indirect=True
)
def test_an_executor_that_dies_while_grasps_are_planned_is_not_waited_for(others: Others) -> None:
    view = view_to_msg(world.view_of(world.seen(world.tube())), TOP)
    request = PlanGrasps.Request(capture_now=False, view=view)
    answer = call(others.plan, request, timeout=60.0, ready=60.0)
    assert answer.outcome.code == "TIMEOUT"
    assert answer.outcome.message == "the executor vanished while grasps for it were planned"
