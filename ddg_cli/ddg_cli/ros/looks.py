"""Looks for a calibration: the newest colour image with the arm's joints, at the press of Enter."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import rclpy
import yaml
from PIL import Image
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from ddg_core.cell import CellSettings
from ddg_core.ros.convert_image import color_from_msg
from ddg_core.ros.interfaces import interface
from ddg_core.waiting import wait_until

PATIENCE = 5.0  # [s] for a new image and new joint states


def record(folder: Path, cell: CellSettings, presses: Iterator[object]) -> list[Path]:
    """Write `NN.png` and `NN.yaml` for each press.

    Args:
        folder: Where to; made if it is not there. Looks that are there are kept.
        cell: Topics and joint names.
        presses: Comes back when the arm stands still and the look shall be taken.

    Raises:
        TimedOut: No image, or no joint states, within `PATIENCE`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("ddg_calibrate")
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    heard: dict[str, Any] = {}
    joints: dict[str, float] = {}
    names = [cell.arm.joint_prefix + name for name in cell.arm.joint_names]

    def on_joints(message: Any) -> None:
        joints.update(zip(message.name, message.position, strict=False))

    image, states = (interface(n, "msg") for n in ("/camera/color/image_raw", "/joint_states"))
    node.create_subscription(
        image.load_type(), cell.camera.color_topic, lambda m: heard.update(image=m), image.qos
    )
    node.create_subscription(states.load_type(), states.name, on_joints, states.qos)

    def fresh() -> bool:
        executor.spin_once(timeout_sec=0.05)
        return "image" in heard and all(name in joints for name in names)

    written = []
    try:
        for _ in presses:
            heard.clear()
            joints.clear()
            what = f"image on {cell.camera.color_topic} with joint states of {', '.join(names)}"
            wait_until(fresh, what=what, timeout=PATIENCE, period=0.0)
            path = folder / f"{len(list(folder.glob('*.yaml'))):02}.png"
            Image.fromarray(color_from_msg(heard["image"])).save(path)
            look = {"joints": [float(joints[name]) for name in names]}
            path.with_suffix(".yaml").write_text(yaml.safe_dump(look), encoding="utf-8")
            written.append(path)
    finally:
        executor.shutdown(timeout_sec=1.0)
        node.destroy_node()
        rclpy.try_shutdown()
    return written
