"""The executor's lookout over ROS: what is told of a target, and what takes its place."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy")
pytest.importorskip("ddg_interfaces", reason="the interfaces are not built")

from ddg_interfaces.msg import Grasp as GraspMsg
from motion_fixtures import cell_robot, top_grasp

from ddg_core.grasp import Grasp
from ddg_core.ros.convert import grasp_to_msg, header, stamp_from_msg
from ddg_core.ros.executor import NodeExecutor
from ddg_core.ros.node import DdgNode
from ddg_core.ros.spinning import spinning
from ddg_core.transforms import compose
from ddg_core.waiting import wait_until
from ddg_execution.follow import FollowSettings
from ddg_execution.ros.lookout import RosLookout

pytestmark = pytest.mark.ros

NAMES = cell_robot().hand_joint_names
PLANNED = top_grasp()


def shifted(*by: float) -> Grasp:
    return replace(PLANNED, T_base_wrist=compose(np.eye(3), by) @ PLANNED.T_base_wrist)


class World:
    """A lookout in a node, and somebody who corrects it by hand."""

    def __init__(self) -> None:
        self.node = DdgNode("looker")
        self.lookout = RosLookout(self.node, NAMES, FollowSettings(hands=("svh",)))
        self.other = rclpy.create_node("other")
        self.told: list[GraspMsg] = []
        heard = self.other.create_subscription(GraspMsg, "/ddg/target", self.told.append, 10)
        self.out = self.other.create_publisher(GraspMsg, "/ddg/target_correction", 10)
        self.executor = NodeExecutor(num_threads=2)
        for node in (self.node, self.other):
            self.executor.add_node(node)
        wait_until(heard.get_publisher_count, what="publisher", timeout=60.0)
        wait_until(self.out.get_subscription_count, what="listener", timeout=60.0)

    def correct(self, grasp: Grasp, stamp: float, frame: str = "link_0") -> None:
        self.out.publish(grasp_to_msg(grasp, NAMES, header(frame, stamp)))

    def wait_told(self, stamp: float) -> GraspMsg:
        """The newest target, when it is of a view of that time."""
        wait_until(
            lambda: bool(self.told) and stamp_from_msg(self.told[-1].header.stamp) == stamp,
            what=f"target of {stamp} s",
            timeout=60.0,
        )
        return self.told[-1]


@pytest.fixture(scope="module")
def world(domains) -> Iterator[World]:
    rclpy.init(domain_id=domains())
    world = World()
    with spinning(world.executor):
        yield world
    rclpy.shutdown()


@pytest.fixture
def looking(world) -> World:
    world.lookout.order(PLANNED, header("link_0", 1.5), np.array([0.7, 0.0, 0.7]))
    world.told.clear()
    world.lookout.begin(PLANNED)
    return world


def test_the_target_is_told_again_and_again_with_the_stamp_of_its_view(looking):
    looking.wait_told(1.5)
    wait_until(lambda: len(looking.told) > 3, what="targets", timeout=60.0)
    assert looking.lookout.end() is PLANNED
    np.testing.assert_allclose(looking.lookout.eye, [0.7, 0.0, 0.7])


def test_a_correction_takes_its_place_and_the_next_one_that_of_it(looking):
    looking.correct(shifted(0.03, 0.0, 0.0), 2.5)
    assert looking.wait_told(2.5).wrist_poses[-1].position.x == pytest.approx(0.58)
    looking.correct(shifted(0.06, 0.0, 0.0), 3.5)
    looking.wait_told(3.5)
    end = looking.lookout.end()
    np.testing.assert_allclose(end.T_base_wrist, shifted(0.06, 0.0, 0.0).T_base_wrist)


def test_what_is_too_far_or_in_another_frame_or_no_grasp_is_not_followed(looking):
    looking.correct(shifted(0.3, 0.0, 0.0), 7.5)
    looking.correct(shifted(0.02, 0.0, 0.0), 8.5, "the moon")
    looking.out.publish(GraspMsg())
    looking.correct(shifted(0.01, 0.0, 0.0), 9.5)  # comes last, so the others have come
    looking.wait_told(9.5)
    assert not {stamp_from_msg(message.header.stamp) for message in looking.told} & {7.5, 8.5}
    looking.lookout.end()


@pytest.mark.parametrize("why", ["", "the table is in the way"])
def test_the_grasp_that_is_done_is_told_last(looking, why):
    looking.correct(shifted(0.03, 0.0, 0.0), 2.5)
    looking.wait_told(2.5)
    newest = looking.lookout.end()
    looking.lookout.settle(PLANNED if why else newest, why)
    looking.wait_told(1.5 if why else 2.5)


def test_nothing_is_taken_once_it_looks_no_longer(looking):
    looking.lookout.end()
    looking.lookout._take(grasp_to_msg(shifted(0.03, 0.0, 0.0), NAMES, header("link_0", 2.5)))
    assert looking.lookout.end() is PLANNED
