"""The capture node: `/ddg/capture_view`, and where the object of `/ddg/target` is.

It waits and converts; `segment` and `features` think.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ddg_core.arrays import Array
from ddg_core.description import cell_tree
from ddg_core.errors import BadInput
from ddg_core.hand import HandSettings
from ddg_core.outcome import Outcome
from ddg_core.ros.convert import (
    camera_from_msg,
    header,
    outcome_to_msg,
    point_from_msg,
    stages_to_msg,
    stamp_from_msg,
    view_to_msg,
)
from ddg_core.ros.convert_cloud import points_from_msg
from ddg_core.ros.convert_image import depth_from_msg, mask_from_msg
from ddg_core.ros.newest import NewestOnly
from ddg_core.ros.node import DdgNode, run_node
from ddg_core.ros.tf import TfListener
from ddg_core.transforms import apply
from ddg_core.view import DepthImage
from ddg_perception.capture_settings import CaptureSettings
from ddg_perception.perceive import (
    PerceptionSettings,
    Segmented,
    features,
    segment_cloud,
    segment_image,
    without_features,
)
from ddg_perception.ros.inputs import Body, Newest

SELECTIONS = ("largest", "nearest", "mask")


class CaptureNode(DdgNode):
    """Takes one depth view and finds the object in it."""

    def start(self) -> None:
        """Read the settings, listen to camera, frames and joints, and offer the service."""
        self._settings = self.settings("capture.yaml", CaptureSettings)
        self._perception = self.settings("perception.yaml", PerceptionSettings)
        self._cell = cell = self.cell()
        hand = self.settings(f"hands/{cell.hand}.yaml", HandSettings)
        self._body = Body(self, cell, hand, cell_tree(cell))
        self._tf = TfListener(self)
        topics = {
            cell.camera.depth_topic: "/camera/depth/image_rect_raw",
            cell.camera.info_topic: "/camera/depth/camera_info",
        }
        if self._settings.source == "cloud":
            topics = {self._settings.cloud_topic: "/camera/depth/points"}
        self._camera = Newest(self, topics)
        self._object_cloud = self.publish_on("/ddg/object_cloud")
        self.serve("/ddg/capture_view", self._capture)
        self._followed = -np.inf  # stamp of the last image that a target was looked for in, in [s]
        self._target_view = self.publish_on("/ddg/target_view")
        self.subscribe("/ddg/target", NewestOnly(self, self._follow))

    def _capture(self, request: Any, response: Any) -> Any:
        began = time.perf_counter()
        after = self.get_clock().now().nanoseconds * 1e-9
        after -= request.max_age or self._settings.max_age
        select, near = self._selection(request)
        seen, look = self._look(after, near, request.mask if select == "mask" else None)
        waited = time.perf_counter()
        segmented = look()
        found = time.perf_counter()
        view = features(segmented, self._perception)
        done = time.perf_counter()
        response.view = view_to_msg(view, header(self._cell.base_frame, seen))
        response.outcome = outcome_to_msg(Outcome.OK)
        stages = [("wait", waited - began), ("segment", found - waited), ("features", done - found)]
        response.stages = stages_to_msg(stages)
        self._object_cloud.publish(response.view.cloud)
        return response

    def _follow(self, target: Any) -> None:
        """Look where the object of a grasp is in an image that nobody has looked at yet."""
        now = self.get_clock().now().nanoseconds * 1e-9
        after = np.nextafter(self._followed, np.inf) if self._followed <= now else -np.inf
        fresh = self._camera.fresh(self._cell.camera.depth_topic, after)
        if not (fresh and target.contacts):
            return
        near = np.mean([point_from_msg(point) for point in target.contacts], axis=0)
        seen, look = self._look(after, near)
        self._followed = seen
        view = without_features(look())
        self._target_view.publish(view_to_msg(view, header(self._cell.base_frame, seen)))

    def _look(
        self, after: float, near: Array | None, mask_msg: Any = None
    ) -> tuple[float, Callable[[], Segmented]]:
        """Wait for a view; return the time of its exposure in [s] and how to segment it."""
        settings, camera = self._settings, self._cell.camera
        topic = camera.depth_topic if settings.source == "depth" else settings.cloud_topic
        msg = self._camera.wait(topic, after, settings.wait)
        stamp = stamp_from_msg(msg.header.stamp)
        T_base_view = self._lookup(msg.header.frame_id, stamp)
        robot = self._body.shapes(stamp, settings.joints_max_age) if settings.filter_robot else ()
        rng = np.random.default_rng(settings.seed)
        common: dict[str, Any] = {"near": near, "robot": robot, "rng": rng}
        if settings.source == "depth":
            info = self._camera.wait(camera.info_topic, -np.inf, settings.wait)
            image = DepthImage(depth_from_msg(msg), camera_from_msg(info), T_base_view, stamp)
            mask = None if mask_msg is None else mask_from_msg(mask_msg)
            return stamp, partial(segment_image, image, self._perception, mask=mask, **common)
        if mask_msg is not None:
            raise BadInput("select: 'mask' needs a depth image, but this node listens to a cloud")
        viewpoint = self._lookup(camera.frame, stamp)[:3, 3]
        points = apply(T_base_view, points_from_msg(msg))
        return stamp, partial(segment_cloud, points, viewpoint, self._perception, **common)

    def _lookup(self, frame: str, stamp: float | None) -> Array:
        base = self._cell.base_frame
        return self._tf.lookup(base, frame, stamp, timeout=self._settings.wait_for_frame)

    def _selection(self, request: Any) -> tuple[str, Array | None]:
        """How to choose, and the point (3,) in the base frame that goes with "nearest"."""
        if not request.select:
            nearest = self._settings.select == "nearest"
            return self._settings.select, np.array(self._settings.middle) if nearest else None
        if request.select not in SELECTIONS:
            raise BadInput(f"select: {request.select!r} is none of {', '.join(SELECTIONS)}")
        if request.select != "nearest":
            return request.select, None
        frame, stamp = request.near.header.frame_id, stamp_from_msg(request.near.header.stamp)
        T_base_point = self._lookup(frame, stamp or None)  # no stamp: now, as ROS has it
        return "nearest", apply(T_base_point, point_from_msg(request.near.point)[None])[0]


def main() -> None:
    """Run the node until it is told to stop."""
    run_node(lambda: CaptureNode("capture"))


if __name__ == "__main__":
    main()
