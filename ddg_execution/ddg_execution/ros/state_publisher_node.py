"""The state publisher: robot description and frames, where robot_state_publisher is absent."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import TransformStamped
from sensor_msgs.msg import JointState
from std_msgs.msg import Header, String
from tf2_msgs.msg import TFMessage

from ddg_core.arrays import Array
from ddg_core.description import cell_tree, cell_urdf
from ddg_core.kinematics import Joint
from ddg_core.ros.convert import stamp_from_msg, transforms_to_msg
from ddg_core.ros.node import DdgNode, run_node
from ddg_execution.joint_frames import JointFrames

_PERIOD = 0.04  # least time between two messages on /tf, in [s] of the joint states' stamps


class StatePublisherNode(DdgNode):
    """Publishes `/robot_description`, fixed frames once, moving ones as the joints move."""

    def __init__(self, **kwargs: Any) -> None:
        """No joint is known yet."""
        super().__init__("state_publisher", **kwargs)
        self._positions: dict[str, float] = {}
        self._last = float("-inf")

    def start(self) -> None:
        """Publish what is fixed, and follow the joints."""
        cell = self.cell()
        hand = self.hand(cell)
        self._ours = {cell.arm.joint_prefix + name: name for name in cell.arm.joint_names}
        self._ours |= {hand.joint_prefix + name: name for name in hand.joint_names}
        self._joints = JointFrames(cell_tree(cell))
        self.publish_on("/robot_description").publish(String(data=cell_urdf(cell)))
        now = self.get_clock().now().to_msg()
        fixed = _stamped(
            self._joints.fixed, np.array([j.T_parent_child for j in self._joints.fixed]), now
        )
        self.publish_on("/tf_static").publish(TFMessage(transforms=fixed))
        self._frames = self.publish_on("/tf")
        self.subscribe("/joint_states", self._on_joints)

    def _on_joints(self, message: JointState) -> None:
        for name, position in zip(message.name, message.position, strict=False):
            if name in self._ours and math.isfinite(position):  # a driver that homes says NaN
                self._positions[self._ours[name]] = position
        stamp = stamp_from_msg(message.header.stamp)
        if len(self._positions) < len(self._ours) or 0.0 <= stamp - self._last < _PERIOD:
            return
        self._last = stamp  # which may jump back when a simulated world is reset
        poses = self._joints.poses(self._positions)
        frames = _stamped(self._joints.moving, poses, message.header.stamp)
        self._frames.publish(TFMessage(transforms=frames))


def _stamped(joints: Sequence[Joint], T_parent_child: Array, stamp: Time) -> list[TransformStamped]:
    return [
        TransformStamped(
            header=Header(frame_id=joint.parent, stamp=stamp),
            child_frame_id=joint.child,
            transform=transform,
        )
        for joint, transform in zip(joints, transforms_to_msg(T_parent_child), strict=True)
    ]


def main() -> None:
    """Run the node until it is told to stop."""
    run_node(StatePublisherNode, threads=2)


if __name__ == "__main__":
    main()
