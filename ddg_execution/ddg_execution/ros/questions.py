"""What the executor is asked, unpacked: wrist poses, ways of the hand, what stands around."""

from collections.abc import Sequence

import numpy as np
from ddg_interfaces.msg import ObjectView
from ddg_interfaces.srv import CheckReach
from geometry_msgs.msg import Pose

from ddg_core.arrays import Array
from ddg_core.errors import BadInput
from ddg_core.ros.convert_cloud import points_from_msg
from ddg_core.transforms import from_xyz_quaternion
from ddg_execution.motion.port import Scene


def poses_from_msgs(poses: Sequence[Pose]) -> Array:
    """Unpack many poses at once, shape (N, 4, 4), in [m]; BadInput names what is no rotation."""
    p = np.array([(x.position.x, x.position.y, x.position.z) for x in poses])
    q = [(x.orientation.x, x.orientation.y, x.orientation.z, x.orientation.w) for x in poses]
    return from_xyz_quaternion(p.reshape(-1, 3), np.array(q).reshape(-1, 4))


def ways_from_msg(request: CheckReach.Request, finger_names: Sequence[str]) -> tuple[Array, Array]:
    """Unpack ways as wrist poses (N, W, 4, 4), in [m], and finger joints on each (N, D), in [rad].

    Args:
        request: Of several poses per way.
        finger_names: The hand's driven joints, in the order of what is returned.

    Raises:
        BadInput: Other fingers than those, or numbers of poses and fingers that do not fit.
    """
    names, w, d = list(request.finger_names), request.poses_per_way, len(finger_names)
    if sorted(names) != sorted(finger_names):
        raise BadInput(
            f"ways: fingers are {', '.join(names) or 'none'};"
            f" the hand has {', '.join(finger_names)}"
        )
    n = len(request.fingers) // d
    if w < 1 or len(request.wrist_poses) != n * w or len(request.fingers) != n * d:
        raise BadInput(
            f"ways: {len(request.wrist_poses)} poses and {len(request.fingers)} finger angles, for"
            f" ways of {w} poses and {d} fingers"
        )
    order = [names.index(name) for name in finger_names]
    fingers = np.array(request.fingers).reshape(n, d)[:, order]
    return poses_from_msgs(request.wrist_poses).reshape(n, w, 4, 4), fingers


def scene_from_msg(view: ObjectView) -> Scene:
    """Take from a view what the arm must not run into; an empty cloud: nothing but the cell."""
    clouds = [
        points_from_msg(cloud) if cloud.width * cloud.height else np.zeros((0, 3))
        for cloud in (view.obstacles, view.cloud)
    ]
    return Scene(obstacles=clouds[0], object_points=clouds[1])
