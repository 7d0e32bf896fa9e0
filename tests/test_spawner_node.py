"""The spawner tells Gazebo what to put on the table."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

rclpy = pytest.importorskip("rclpy")
pytest.importorskip("ddg_interfaces", reason="the interfaces are not built")

from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter

from ddg_core.ros.interfaces import interface
from ddg_sim.ros.spawner_node import SpawnerNode

pytestmark = pytest.mark.ros


def test_it_publishes_a_model_whose_meshes_live_as_long_as_it_does(
    domains: Callable[[], int],
) -> None:
    rclpy.init(domain_id=domains())
    node = SpawnerNode(parameter_overrides=[Parameter("object", value="mug_000")])
    heard: list[str] = []
    topic = interface("/twin/object_sdf", "msg")
    listener = rclpy.create_node("listener")
    listener.create_subscription(
        topic.load_type(), topic.name, lambda message: heard.append(message.data), topic.qos
    )
    executor = SingleThreadedExecutor()
    executor.add_node(listener)
    try:
        node.trigger_configure()
        node.trigger_activate()
        for _ in range(200):
            executor.spin_once(timeout_sec=0.1)
            if heard:
                break
        meshes = [e.text.removeprefix("file://") for e in ET.fromstring(heard[0]).iter("uri")]
        assert all(Path(mesh).is_file() for mesh in meshes)
        node.trigger_deactivate()
        assert not any(Path(mesh).exists() for mesh in meshes)
    finally:
        executor.shutdown()
        node.destroy_node()
        listener.destroy_node()
        rclpy.try_shutdown()
