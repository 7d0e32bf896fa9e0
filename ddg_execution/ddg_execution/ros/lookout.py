"""A `Lookout` over ROS: tells the target, and takes what comes back in its place."""

from threading import Lock

import numpy as np
from ddg_interfaces.msg import Grasp as GraspMsg
from std_msgs.msg import Header

from ddg_core.arrays import Array
from ddg_core.errors import DdgError
from ddg_core.grasp import Grasp
from ddg_core.ros.convert import grasp_from_msg, grasp_to_msg
from ddg_core.ros.node import DdgNode
from ddg_execution.follow import FollowSettings, strays


class RosLookout:
    """Publishes `/ddg/target` while it looks, and listens to `/ddg/target_correction`.

    The header's stamp of a target is that of the view that it was planned on: by it whoever
    corrects knows where the object was then.
    """

    def __init__(
        self, node: DdgNode, joint_names: tuple[str, ...], settings: FollowSettings
    ) -> None:
        """Connect; nothing is told before `begin`."""
        self._node, self._names, self._settings = node, joint_names, settings
        self._lock = Lock()
        self._looking = False
        self.eye: Array = np.zeros(3)
        self._planned: tuple[Grasp, Header] | None = None
        self._target: tuple[Grasp, Header] | None = None
        self._out = node.publish_on("/ddg/target")
        node.subscribe("/ddg/target_correction", self._take)
        node.every(settings.period, self._tell)

    def order(self, grasp: Grasp, header: Header, eye: Array) -> None:
        """Say of an ordered grasp what it was planned on, and from where (3,) that was seen."""
        with self._lock:
            self._planned = self._target = grasp, header
            self.eye = eye

    def begin(self, grasp: Grasp) -> None:
        """See `Lookout.begin`; the grasp must be the ordered one."""
        with self._lock:
            assert self._planned is not None
            assert self._planned[0] is grasp
            self._looking = True

    def end(self) -> Grasp:
        """See `Lookout.end`."""
        with self._lock:
            self._looking = False
            assert self._target is not None
            return self._target[0]

    def settle(self, grasp: Grasp, why: str) -> None:
        """See `Lookout.settle`: it is told as the last target."""
        with self._lock:
            assert self._planned is not None
            assert self._target is not None
            done = self._target if self._target[0] is grasp else self._planned
        if why:
            self._node.get_logger().warning(f"no way to the new target: {why}")
        self._out.publish(grasp_to_msg(done[0], self._names, done[1]))

    def _tell(self) -> None:
        with self._lock:
            target = self._target if self._looking else None
        if target is not None:
            self._out.publish(grasp_to_msg(target[0], self._names, target[1]))

    def _take(self, message: GraspMsg) -> None:
        try:
            grasp = grasp_from_msg(message, self._names)
        except DdgError as error:
            self._node.explain(error)
            return
        with self._lock:
            if not self._looking or self._planned is None:
                return
            planned, header = self._planned
            why = strays(grasp, planned, self._settings)
            if message.header.frame_id != header.frame_id:
                why = f"it is in frame {message.header.frame_id!r}, not {header.frame_id!r}"
            if not why:
                self._target = grasp, message.header
        if why:
            self._log(f"a target is not followed: {why}")

    def _log(self, text: str) -> None:
        self._node.get_logger().warning(text, throttle_duration_sec=1.0)
