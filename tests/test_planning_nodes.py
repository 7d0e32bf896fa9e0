"""The planning nodes over real ROS: a view goes in, grasps come out; typed answers otherwise."""

import shutil

import numpy as np
import planning_world as world
import pytest

rclpy = pytest.importorskip("rclpy", reason="needs ROS")
pytest.importorskip("ddg_interfaces", reason="needs the built interfaces")

from ddg_interfaces.action import PlanGrasps as PlanAction
from ddg_interfaces.msg import GraspArray
from ddg_interfaces.srv import CheckReach, GenerateGrasps, PlanGrasps, RankGrasps
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.parameter import Parameter

from ddg_core.description import config_folder
from ddg_core.ros.calls import SureActionClient, call, run_action
from ddg_core.ros.convert import grasp_from_msg, header, pose_from_msg, view_to_msg
from ddg_core.ros.convert_cloud import points_to_msg
from ddg_core.ros.executor import NodeExecutor
from ddg_core.ros.spinning import spinning
from ddg_core.view import FeatureCloud
from ddg_core.waiting import wait_until
from ddg_planning.ros.generator_node import GeneratorNode
from ddg_planning.ros.planner_node import PlannerNode
from ddg_planning.ros.ranker_node import RankerNode

pytestmark = pytest.mark.ros
HAND = world.svh()
PATIENCE = 300.0  # [s]
VIEW = view_to_msg(world.view_of(world.seen(world.tube())), header("link_0", 12.5))


class Arm(Node):
    """Answers `/ddg/check_reach`: everything, or nothing, is within reach."""

    def __init__(self) -> None:
        super().__init__("arm")
        self.long = True
        self.asked: list[CheckReach.Request] = []
        group = ReentrantCallbackGroup()
        self.create_service(CheckReach, "/ddg/check_reach", self._check, callback_group=group)

    def _check(self, request, response):  # type: ignore[no-untyped-def]
        self.asked.append(request)
        n = len(request.wrist_poses) // request.poses_per_way
        response.outcome.code = "OK"
        response.reachable, response.joints = [self.long] * n, [0.0] * (7 * n)
        response.manipulability, response.margin = [0.1] * n, [0.5 * self.long] * n
        return response


@pytest.fixture(scope="module")
def graph(tmp_path_factory, domains):  # type: ignore[no-untyped-def]
    """All nodes share this process and its lock: they must have more patience than usual."""
    config = shutil.copytree(config_folder(), tmp_path_factory.mktemp("graph") / "config")
    with (config / "planning.yaml").open("a", encoding="utf-8") as file:
        file.write("services: {generate_timeout: 300.0, rank_timeout: 300.0, reach_timeout: 300.0}")
        file.write("\nrefinement: {best: 4, steps: 4, gain: 0.01}\n")
    rclpy.init(domain_id=domains())
    where = [Parameter("config_dir", value=str(config))]
    nodes = [
        GeneratorNode("generator", parameter_overrides=where),
        RankerNode("ranker", parameter_overrides=where),
        PlannerNode("planner", parameter_overrides=where),
    ]
    arm = Arm()
    executor = NodeExecutor(num_threads=8)
    for node in (*nodes, arm):
        executor.add_node(node)
    with spinning(executor):
        for node in nodes:
            node.trigger_configure()
            node.trigger_activate()
        yield arm
        for node in nodes:
            node.trigger_shutdown()
    rclpy.try_shutdown()


@pytest.fixture(scope="module")
def ask(graph):  # type: ignore[no-untyped-def]
    clients = {
        kind: graph.create_client(kind, name)
        for kind, name in (
            (GenerateGrasps, "/ddg/generate_grasps"),
            (RankGrasps, "/ddg/rank_grasps"),
            (PlanGrasps, "/ddg/plan_grasps"),
        )
    }
    return lambda request: call(
        clients[next(k for k in clients if isinstance(request, k.Request))],
        request,
        timeout=PATIENCE,
    )


def test_a_view_is_answered_with_grasps_best_first(graph, ask) -> None:  # type: ignore[no-untyped-def]
    heard = []
    graph.create_subscription(GraspArray, "/ddg/grasps", heard.append, 10)
    wait_until(
        lambda: graph.count_publishers("/ddg/grasps") > 0, what="publisher", timeout=PATIENCE
    )
    request = PlanGrasps.Request(capture_now=False, view=VIEW, seed=3, max_grasps=5)
    answer = ask(request)
    assert (answer.outcome.code, answer.outcome.message) == ("OK", "")
    assert len(answer.grasps) == 5
    grasps = [grasp_from_msg(msg, HAND.joint_names) for msg in answer.grasps]
    scores = [grasp.score for grasp in grasps]
    assert scores == sorted(scores, reverse=True)
    assert all(g.reachability == 0.5 and g.clearance is not None for g in grasps)
    assert all(0.0 < g.p_success < 1.0 and g.p_std is not None for g in grasps)
    roles = {tuple(role for role, _ in g.models) for g in grasps}
    assert roles <= {("generate", "evaluate"), ("generate", "refine", "evaluate")}
    assert answer.grasps[0].header == VIEW.header
    assert [s.stage for s in answer.stages] == ["generate", "rank", "reach", "done"]
    again = ask(request)
    np.testing.assert_array_equal(again.grasps[0].joints, answer.grasps[0].joints)
    wait_until(lambda: bool(heard), what="grasps for viewers", timeout=30.0)


def test_the_arm_is_asked_for_whole_ways_among_what_is_seen(graph, ask) -> None:  # type: ignore[no-untyped-def]
    graph.asked.clear()
    answer = ask(PlanGrasps.Request(capture_now=False, view=VIEW, seed=3))
    (asked,) = graph.asked
    grasps = [grasp_from_msg(msg, HAND.joint_names) for msg in answer.grasps]
    poses = np.array([pose_from_msg(p) for p in asked.wrist_poses]).reshape(-1, 3, 4, 4)
    fingers = np.array(asked.fingers).reshape(len(poses), -1)
    assert (asked.poses_per_way, tuple(asked.finger_names)) == (3, HAND.joint_names)
    assert grasps
    for grasp in grasps:
        (i,) = np.flatnonzero((abs(poses[:, 1] - grasp.T_base_wrist[-2]) < 1e-9).all(axis=(1, 2)))
        np.testing.assert_allclose(poses[i, 0], grasp.T_base_wrist[0], atol=1e-9)
        np.testing.assert_allclose(poses[i, 2, :3, :3], poses[i, 1, :3, :3], atol=1e-9)
        assert poses[i, 2, 2, 3] > poses[i, 1, 2, 3] + 0.1
        np.testing.assert_allclose(fingers[i], grasp.joints[0], atol=1e-9)
    assert (asked.header, asked.view.cloud) == (VIEW.header, VIEW.cloud)
    assert asked.view.obstacles == VIEW.obstacles


def test_kinds_may_be_chosen(ask) -> None:  # type: ignore[no-untyped-def]
    kinds = ["power"]
    answer = ask(GenerateGrasps.Request(view=VIEW, kinds=kinds, count=3, seed=0))
    assert {grasp.kind for grasp in answer.grasps} == set(kinds)
    assert len(answer.grasps) == 3


def test_the_best_are_refined_where_that_is_asked_for(ask) -> None:  # type: ignore[no-untyped-def]
    found = ask(GenerateGrasps.Request(view=VIEW, count=20, seed=0)).grasps
    plain, refined = (
        ask(RankGrasps.Request(view=VIEW, grasps=found, refine=r)).grasps for r in (False, True)
    )
    assert len(plain) == len(found)
    assert {role for msg in plain for role, _ in grasp_from_msg(msg, HAND.joint_names).models} == {
        "generate",
        "evaluate",
    }
    more = [msg for msg in refined if len(grasp_from_msg(msg, HAND.joint_names).models) == 3]
    assert 1 <= len(more) <= 4
    assert len(refined) == len(plain) + len(more)
    assert refined[0].p_success >= plain[0].p_success


def test_bad_requests_are_answered_with_the_reason(ask) -> None:  # type: ignore[no-untyped-def]
    answer = ask(GenerateGrasps.Request(view=VIEW, kinds=["powr"]))
    assert answer.outcome.code == "BAD_INPUT"
    assert "did you mean 'power'" in answer.outcome.message
    cloud = world.tube()
    few = FeatureCloud(cloud.points[:5], cloud.frames[:5], cloud.curvatures[:5])
    view = view_to_msg(world.view_of(few), header("link_0", 0.0))
    answer = ask(PlanGrasps.Request(capture_now=False, view=view))
    assert (answer.outcome.code, len(answer.grasps)) == ("NO_CLOUD", 0)
    assert ask(GenerateGrasps.Request()).outcome.code == "BAD_INPUT"
    view = view_to_msg(world.view_of(cloud), header("link_0", 0.0))
    view.cloud = points_to_msg(cloud.points, view.cloud.header)
    answer = ask(GenerateGrasps.Request(view=view))
    assert answer.outcome.code == "BAD_INPUT"
    assert "normal" in answer.outcome.message


def test_an_arm_that_reaches_nothing_is_told(graph, ask) -> None:  # type: ignore[no-untyped-def]
    graph.long = False
    try:
        answer = ask(PlanGrasps.Request(capture_now=False, view=VIEW))
        assert answer.outcome.code == "NO_IK"
        assert ask(PlanGrasps.Request(capture_now=False, view=VIEW, check_reach=False)).grasps
    finally:
        graph.long = True


def test_the_action_reports_progress_and_can_be_cancelled(graph) -> None:  # type: ignore[no-untyped-def]
    client = SureActionClient(graph, PlanAction, "/ddg/plan_grasps")
    goal = PlanAction.Goal(capture_now=False, view=VIEW, seed=1)
    stages: list[str] = []
    result = run_action(
        client, goal, name="/ddg/plan_grasps", timeout=PATIENCE,
        on_feedback=lambda feedback: stages.append(feedback.stage),
    )  # fmt: skip
    assert result.outcome.code == "OK"
    assert result.grasps
    wait_until(lambda: "done" in stages, what="feedback", timeout=30.0)
    result = run_action(
        client, goal, name="/ddg/plan_grasps", timeout=PATIENCE, cancelled=lambda: True
    )
    assert result.outcome.code == "CANCELLED"
