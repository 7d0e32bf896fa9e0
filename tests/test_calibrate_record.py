"""Looks for a calibration are taken from the robot's topics."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

rclpy = pytest.importorskip("rclpy")
pytest.importorskip("ddg_interfaces", reason="the interfaces are not built")

from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image as ImageMsg
from sensor_msgs.msg import JointState
from std_msgs.msg import Header

from ddg_cli.ros import looks
from ddg_core.description import load_cell
from ddg_core.errors import TimedOut
from ddg_core.ros.convert_image import color_to_msg
from ddg_core.ros.interfaces import SENSOR
from ddg_core.ros.spinning import spinning

pytestmark = pytest.mark.ros

CELL = load_cell("real")
NAMES = [CELL.arm.joint_prefix + name for name in CELL.arm.joint_names]


@pytest.fixture
def robot(domains: Callable[[], int]) -> Iterator[None]:
    """A camera and an arm, in a ROS context of their own."""
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domains())
    node = rclpy.create_node("robot", context=context)
    color = node.create_publisher(ImageMsg, CELL.camera.color_topic, SENSOR)
    states = node.create_publisher(JointState, "/joint_states", 10)
    picture = color_to_msg(np.full((48, 64, 3), 77, np.uint8), Header())

    def tell() -> None:
        color.publish(picture)
        states.publish(JointState(name=["a_finger"], position=[9.0]))  # other drivers talk too
        states.publish(JointState(name=NAMES, position=[0.1 * i for i in range(7)]))

    node.create_timer(0.02, tell)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    with spinning(executor):
        yield
    rclpy.shutdown(context=context)


def test_each_press_writes_an_image_with_the_joints(
    robot: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "PATIENCE", 60.0)
    written = looks.record(tmp_path / "looks", CELL, iter(range(2)))
    assert [path.name for path in written] == ["00.png", "01.png"]
    assert np.array(Image.open(written[1])).shape == (48, 64, 3)
    look = yaml.safe_load(written[1].with_suffix(".yaml").read_text())
    np.testing.assert_allclose(look["joints"], 0.1 * np.arange(7))


def test_a_silent_camera_is_named(
    robot: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "PATIENCE", 0.2)
    silent = replace(CELL, camera=replace(CELL.camera, color_topic="/nowhere"))
    with pytest.raises(TimedOut, match="image on /nowhere"):
        looks.record(tmp_path, silent, iter(range(1)))
