"""The generator and ranker nodes with a two-finger gripper: the same services, other grasps."""

import shutil
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
from jaw_scenes import ABOVE, box_on_table, view_of

rclpy = pytest.importorskip("rclpy", reason="needs ROS")
pytest.importorskip("ddg_interfaces", reason="needs the built interfaces")

from ddg_interfaces.msg import Grasp, ObjectView
from ddg_interfaces.srv import GenerateGrasps, RankGrasps
from rclpy.node import Node
from rclpy.parameter import Parameter

from ddg_core.description import config_folder
from ddg_core.ros.calls import call
from ddg_core.ros.convert import grasp_from_msg, header, stamp_from_msg, view_to_msg
from ddg_core.ros.executor import NodeExecutor
from ddg_core.ros.spinning import spinning
from ddg_core.transforms import compose
from ddg_core.waiting import wait_until
from ddg_planning.ros.generator_node import GeneratorNode
from ddg_planning.ros.ranker_node import RankerNode

pytestmark = pytest.mark.ros
BAR = np.array([0.06, 0.015, 0.03])


def test_a_gripper_is_planned_for_over_the_same_services(tmp_path, domains, capfd) -> None:  # type: ignore[no-untyped-def]
    folder = shutil.copytree(config_folder(), tmp_path / "config")
    (folder / "dexnet.yaml").write_text("{policy: antipodal}")
    rclpy.init(domain_id=domains())
    given = {"config_dir": str(folder), "hand": "parallel_gripper"}
    where = [Parameter(name, value=value) for name, value in given.items()]
    nodes = [
        GeneratorNode("generator", parameter_overrides=where),
        RankerNode("ranker", parameter_overrides=where),
    ]
    asker, executor = Node("asker"), NodeExecutor(num_threads=4)
    for node in (*nodes, asker):
        executor.add_node(node)
    with spinning(executor):
        for node in nodes:
            node.trigger_configure()
            node.trigger_activate()
        generate = asker.create_client(GenerateGrasps, "/ddg/generate_grasps")
        rank = asker.create_client(RankGrasps, "/ddg/rank_grasps")
        image, mask = box_on_table(BAR)
        holed = np.array(image.depth)
        holed[:, :96] = np.nan
        view = view_to_msg(view_of(replace(image, depth=holed), mask), header("link_0", 0.5))
        answer = call(generate, GenerateGrasps.Request(view=view, count=4, seed=0), timeout=60.0)
        assert (answer.outcome.code, answer.outcome.message) == ("OK", "")
        assert "15% of the depth image has no reading and was filled" in capfd.readouterr().err
        grasps = [grasp_from_msg(msg, ("jaw",)) for msg in answer.grasps]
        assert [(g.hand, g.kind) for g in grasps] == [("parallel_gripper", "antipodal")] * 4
        judged = call(rank, RankGrasps.Request(view=view, grasps=answer.grasps), timeout=60.0)
        assert judged.outcome.code == "OK"
        assert len(judged.grasps) == 4
        _its_target_is_followed(asker, answer.grasps[0])
        for node in nodes:
            node.trigger_shutdown()
    rclpy.try_shutdown()


def _its_target_is_followed(asker: Node, grasp: Grasp) -> None:
    """A view of the object 3 cm further on is answered with a grasp that is so much further on."""
    got: list[Grasp] = []
    views = asker.create_publisher(ObjectView, "/ddg/target_view", 10)
    targets = asker.create_publisher(Grasp, "/ddg/target", 10)
    heard = asker.create_subscription(Grasp, "/ddg/target_correction", got.append, 10)
    for end in (views, targets):
        wait_until(end.get_subscription_count, what="listener", timeout=60.0)
    wait_until(heard.get_publisher_count, what="publisher", timeout=60.0)
    image, mask = box_on_table(BAR, T_base_camera=compose(np.eye(3), [0.0, -0.03, 0.0]) @ ABOVE)
    after = view_to_msg(view_of(replace(image, T_base_camera=ABOVE), mask), header("link_0", 1.5))
    unknown = deepcopy(grasp)
    unknown.header.stamp.sec = 77  # planned on a view that nobody knows here

    def told() -> bool:
        targets.publish(unknown)
        views.publish(after)
        targets.publish(grasp)
        views.publish(after)
        return len(got) > 0

    wait_until(told, what="correction", timeout=60.0, period=0.5)
    found = grasp_from_msg(got[0], ("jaw",))
    assert (got[0].header.frame_id, found.kind) == ("link_0", "fc")
    assert stamp_from_msg(got[0].header.stamp) == 1.5
    by = found.contacts.mean(axis=0) - grasp_from_msg(grasp, ("jaw",)).contacts.mean(axis=0)
    np.testing.assert_allclose(by[:2], [0.0, 0.03], atol=0.015)
