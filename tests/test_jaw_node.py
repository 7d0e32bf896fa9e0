"""The generator and ranker nodes with a two-finger gripper: the same services, other grasps."""

import shutil

import numpy as np
import pytest
from jaw_scenes import box_on_table, view_of

rclpy = pytest.importorskip("rclpy", reason="needs ROS")
pytest.importorskip("ddg_interfaces", reason="needs the built interfaces")

from ddg_interfaces.srv import GenerateGrasps, RankGrasps
from rclpy.executors import MultiThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter

from ddg_core.description import config_folder
from ddg_core.ros.calls import call
from ddg_core.ros.convert import grasp_from_msg, header, view_to_msg
from ddg_core.ros.spinning import spinning
from ddg_planning.ros.generator_node import GeneratorNode
from ddg_planning.ros.ranker_node import RankerNode

pytestmark = pytest.mark.ros


def test_a_gripper_is_planned_for_over_the_same_services(tmp_path, domains) -> None:  # type: ignore[no-untyped-def]
    folder = shutil.copytree(config_folder(), tmp_path / "config")
    (folder / "dexnet.yaml").write_text("{policy: antipodal}")
    rclpy.init(domain_id=domains())
    given = {"config_dir": str(folder), "hand": "parallel_gripper"}
    where = [Parameter(name, value=value) for name, value in given.items()]
    nodes = [
        GeneratorNode("generator", parameter_overrides=where),
        RankerNode("ranker", parameter_overrides=where),
    ]
    asker, executor = Node("asker"), MultiThreadedExecutor(num_threads=4)
    for node in (*nodes, asker):
        executor.add_node(node)
    with spinning(executor):
        for node in nodes:
            node.trigger_configure()
            node.trigger_activate()
        generate = asker.create_client(GenerateGrasps, "/ddg/generate_grasps")
        rank = asker.create_client(RankGrasps, "/ddg/rank_grasps")
        view = view_to_msg(
            view_of(*box_on_table(np.array([0.06, 0.015, 0.03]))), header("link_0", 0.0)
        )
        answer = call(generate, GenerateGrasps.Request(view=view, count=4, seed=0), timeout=60.0)
        assert (answer.outcome.code, answer.outcome.message) == ("OK", "")
        grasps = [grasp_from_msg(msg, ("jaw",)) for msg in answer.grasps]
        assert [(g.hand, g.kind) for g in grasps] == [("parallel_gripper", "antipodal")] * 4
        judged = call(rank, RankGrasps.Request(view=view, grasps=answer.grasps), timeout=60.0)
        assert judged.outcome.code == "OK"
        assert len(judged.grasps) == 4
        for node in nodes:
            node.trigger_shutdown()
    rclpy.try_shutdown()
