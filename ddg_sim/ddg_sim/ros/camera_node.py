"""The twin's camera, a process of its own: draws what the twin announces, and publishes it."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
from rclpy.parameter import Parameter

from ddg_core.ros.convert import camera_to_msg, header, stamp_from_msg
from ddg_core.ros.convert_image import color_to_msg, depth_to_msg
from ddg_core.ros.node import DdgNode, run_node
from ddg_sim.sensor import SensorSettings
from ddg_sim.twin.photographer import Photographer, WorldState
from ddg_sim.twin.settings import TwinSettings

WAKE = 0.5  # how long the thread may sleep through a stop, in [s]


class CameraNode(DdgNode):
    """Draws in a thread of its own, since OpenGL wants one; only while somebody listens."""

    def __init__(self) -> None:
        own_time = Parameter("use_sim_time", value=False)  # its time is that of the states
        super().__init__("camera", parameter_overrides=[own_time])
        self._news = threading.Condition()
        self._state: Any = None
        self._running = False

    def start(self) -> None:
        """Listen to the twin, and begin to draw."""
        cell = self.cell()
        self._cell, self._eye = cell, self.settings("twin.yaml", TwinSettings).eye
        camera = cell.camera
        self._depth = self.publish_on("/camera/depth/image_rect_raw", at=camera.depth_topic)
        self._info = self.publish_on("/camera/depth/camera_info", at=camera.info_topic)
        self._color = self.publish_on("/camera/color/image_raw", at=camera.color_topic)
        self._running = True
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
        self._thread.start()
        self.subscribe("/twin/state", self._on_state)

    def stop(self) -> None:
        """End the thread."""
        with self._news:
            self._running = False
            self._news.notify()
        self._thread.join(timeout=5.0)

    def _on_state(self, msg: Any) -> None:
        with self._news:
            self._state = msg
            self._news.notify()

    def _run(self) -> None:
        """Draw the newest state whenever an image is due."""
        photographer = self._photographer()
        next_depth = next_color = 0.0
        try:
            while self._running:
                state = self._wait()
                if state is None:
                    continue
                if state.time < min(next_depth, next_color) - 1.0:
                    next_depth = next_color = 0.0  # another twin, whose clock began anew
                stamp = header(self._cell.camera.frame, state.time)
                if state.time >= next_depth:
                    next_depth = _after(next_depth, state.time, 1.0 / self._eye.depth_rate)
                    self._info.publish(camera_to_msg(self._cell.camera.intrinsics, stamp))
                    if self._depth.get_subscription_count():
                        depth = photographer.depth(state)
                        self._depth.publish(depth_to_msg(depth, stamp, self._eye.encoding))
                if state.time >= next_color:
                    next_color = _after(next_color, state.time, 1.0 / self._eye.color_rate)
                    if self._color.get_subscription_count():
                        self._color.publish(color_to_msg(photographer.color(state), stamp))
        finally:
            photographer.close()

    def _wait(self) -> WorldState | None:
        """The newest state, once; None if there is none for a while."""
        with self._news:
            self._news.wait_for(lambda: self._state is not None or not self._running, WAKE)
            msg, self._state = self._state, None
        if msg is None:
            return None
        return WorldState(stamp_from_msg(msg.header.stamp), Path(msg.model), np.array(msg.qpos))

    def _photographer(self) -> Photographer:
        camera = self._cell.camera
        return Photographer(
            camera.intrinsics,
            camera.frame,
            self._eye,
            SensorSettings(near=camera.near, far=camera.far),
            rng=np.random.default_rng(self._eye.seed),
        )


def _after(due: float, now: float, period: float) -> float:
    """When the next image is due: keeps the rate on average, but catches up on none."""
    return max(due + period, now + 0.5 * period)


def main() -> None:
    """Run the node."""
    run_node(CameraNode, threads=2)


if __name__ == "__main__":
    main()
