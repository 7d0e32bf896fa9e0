"""Stamps, poses, cameras, planes, grasps and views: message <-> value, in pairs."""

from collections.abc import Iterable, Sequence

import numpy as np
from builtin_interfaces.msg import Time
from ddg_interfaces.msg import Grasp as GraspMsg
from ddg_interfaces.msg import ModelId, StageTime
from ddg_interfaces.msg import ObjectView as ObjectViewMsg
from ddg_interfaces.msg import Outcome as OutcomeMsg
from geometry_msgs.msg import Point, Pose, Quaternion, Transform, Vector3
from sensor_msgs.msg import CameraInfo
from shape_msgs.msg import Plane as PlaneMsg
from std_msgs.msg import Header

from ddg_core.arrays import Array
from ddg_core.camera import Camera
from ddg_core.errors import BadInput
from ddg_core.grasp import Grasp
from ddg_core.outcome import Outcome
from ddg_core.ros.convert_cloud import (
    feature_cloud_from_msg,
    feature_cloud_to_msg,
    points_from_msg,
    points_to_msg,
)
from ddg_core.ros.convert_image import depth_from_msg, depth_to_msg, mask_from_msg, mask_to_msg
from ddg_core.transforms import from_xyz_quaternion, quaternion
from ddg_core.view import DepthImage, ObjectView, Plane


def stamp_to_msg(seconds: float) -> Time:
    """Pack a time in [s]; it is kept to about a microsecond."""
    nanoseconds = round(seconds * 1e9)
    return Time(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)


def stamp_from_msg(msg: Time) -> float:
    """Time in [s]."""
    return float(msg.sec) + float(msg.nanosec) * 1e-9


def header(frame: str, stamp: float) -> Header:
    """Make a header of a frame and a time in [s]."""
    return Header(frame_id=frame, stamp=stamp_to_msg(stamp))


def point_to_msg(point: Array) -> Point:
    """Pack a position (3,) in [m]."""
    return Point(x=float(point[0]), y=float(point[1]), z=float(point[2]))


def point_from_msg(msg: Point | Vector3) -> Array:
    """Position, or vector, shape (3,)."""
    return np.array([msg.x, msg.y, msg.z])


def pose_to_msg(T_a_b: Array) -> Pose:
    """Pack the pose (4, 4) of frame b in frame a."""
    return Pose(position=point_to_msg(T_a_b[:3, 3]), orientation=_quaternion(T_a_b))


def pose_from_msg(msg: Pose) -> Array:
    """Pose `T_a_b`, shape (4, 4); BadInput if the quaternion is no rotation."""
    q = msg.orientation
    return from_xyz_quaternion(point_from_msg(msg.position), [q.x, q.y, q.z, q.w])


def transform_to_msg(T_a_b: Array) -> Transform:
    """Pack the transform (4, 4) from coordinates in b to coordinates in a."""
    x, y, z = (float(v) for v in T_a_b[:3, 3])
    return Transform(translation=Vector3(x=x, y=y, z=z), rotation=_quaternion(T_a_b))


def transform_from_msg(msg: Transform) -> Array:
    """Transform `T_a_b`, shape (4, 4); BadInput if the quaternion is no rotation."""
    q = msg.rotation
    return from_xyz_quaternion(point_from_msg(msg.translation), [q.x, q.y, q.z, q.w])


def transforms_to_msg(T_a_b: Array) -> list[Transform]:
    """Pack many transforms (N, 4, 4) at once: for messages that come fifty times a second."""
    return [
        Transform(translation=Vector3(x=x, y=y, z=z), rotation=Quaternion(x=qx, y=qy, z=qz, w=qw))
        for (x, y, z), (qx, qy, qz, qw) in zip(
            T_a_b[:, :3, 3].tolist(), quaternion(T_a_b).tolist(), strict=True
        )
    ]


def transforms_from_msg(msgs: Sequence[Transform]) -> Array:
    """Transforms (N, 4, 4) of many messages at once; BadInput if one is not a rotation."""
    if not msgs:
        return np.zeros((0, 4, 4))
    xyz = [(m.translation.x, m.translation.y, m.translation.z) for m in msgs]
    q = [(m.rotation.x, m.rotation.y, m.rotation.z, m.rotation.w) for m in msgs]
    return from_xyz_quaternion(xyz, q)


def camera_to_msg(camera: Camera, message_header: Header) -> CameraInfo:
    """Pack the intrinsics of a rectified camera."""
    K = camera.matrix
    msg = CameraInfo(header=message_header, width=camera.width, height=camera.height)
    msg.distortion_model, msg.d = "plumb_bob", [0.0] * 5
    msg.k, msg.r = K.ravel().tolist(), np.eye(3).ravel().tolist()
    msg.p = np.hstack([K, np.zeros((3, 1))]).ravel().tolist()
    return msg


def camera_from_msg(msg: CameraInfo) -> Camera:
    """Intrinsics of the rectified image: of P, or of K where P is not given.

    Raises:
        BadInput: The camera is not calibrated, or the image is binned or a part of the sensor's.
    """
    p, k = msg.p, msg.k
    fx, fy, cx, cy = (p[0], p[5], p[2], p[6]) if p[0] else (k[0], k[4], k[2], k[5])
    if not fx:
        raise BadInput("camera_info: K and P are zero; the camera is not calibrated")
    binned = msg.binning_x > 1 or msg.binning_y > 1
    part = msg.roi.width not in (0, msg.width) or msg.roi.height not in (0, msg.height)
    if binned or part:
        raise BadInput("camera_info: binned images and regions of interest are not supported")
    return Camera(msg.width, msg.height, float(fx), float(fy), float(cx), float(cy))


def plane_to_msg(plane: Plane) -> PlaneMsg:
    """Pack a plane as a x + b y + c z + d = 0."""
    return PlaneMsg(coef=[*plane.normal.tolist(), -plane.offset])


def plane_from_msg(msg: PlaneMsg) -> Plane:
    """Plane with a unit normal; BadInput if (a, b, c) has no length."""
    normal = np.array(msg.coef[:3])
    length = float(np.linalg.norm(normal))
    if not length > 1e-9:
        raise BadInput(f"plane: (a, b, c) = {normal.tolist()} is no normal")
    return Plane(normal / length, -float(msg.coef[3]) / length)


def outcome_to_msg(outcome: Outcome, message: str = "") -> OutcomeMsg:
    """Pack a typed outcome and its sentence."""
    return OutcomeMsg(code=str(outcome), message=message)


def stages_to_msg(seconds: Iterable[tuple[str, float]]) -> list[StageTime]:
    """Pack the wall time in [s] of each stage, in the order of work."""
    return [StageTime(stage=stage, duration=float(duration)) for stage, duration in seconds]


def grasp_to_msg(grasp: Grasp, joint_names: Sequence[str], message_header: Header) -> GraspMsg:
    """Pack a grasp; `joint_names` are those of its hand, in order."""
    if len(joint_names) != grasp.joints.shape[1]:
        raise BadInput(
            f"grasp: {grasp.joints.shape[1]} joints, but the names are {', '.join(joint_names)}"
        )
    msg = GraspMsg(header=message_header, hand=grasp.hand, kind=grasp.kind)
    msg.wrist_poses = [pose_to_msg(T) for T in grasp.T_base_wrist]
    msg.joint_names, msg.joints = list(joint_names), grasp.joints.ravel().tolist()
    msg.contacts = [point_to_msg(p) for p in grasp.contacts]
    msg.log_likelihood, msg.score = float(grasp.log_likelihood), float(grasp.score)
    msg.p_success, msg.p_std = _or_nan(grasp.p_success), _or_nan(grasp.p_std)
    msg.reachability, msg.clearance = _or_nan(grasp.reachability), _or_nan(grasp.clearance)
    msg.models = [ModelId(role=role, id=model) for role, model in grasp.models]
    return msg


def grasp_from_msg(msg: GraspMsg, joint_names: Sequence[str]) -> Grasp:
    """Unpack a grasp, its joints in the order of `joint_names`.

    Raises:
        BadInput: Other joints than those, another number of values, or no valid grasp.
    """
    if sorted(msg.joint_names) != sorted(joint_names):
        raise BadInput(
            f"grasp: joints are {', '.join(msg.joint_names) or 'none'}; "
            f"the hand has {', '.join(joint_names)}"
        )
    shape = (len(msg.wrist_poses), len(joint_names))
    if len(msg.joints) != shape[0] * shape[1]:
        raise BadInput(
            f"grasp: {len(msg.joints)} joint values for {shape[0]} waypoints of {shape[1]} joints"
        )
    order = [list(msg.joint_names).index(name) for name in joint_names]
    return Grasp(
        T_base_wrist=np.array([pose_from_msg(p) for p in msg.wrist_poses]).reshape(-1, 4, 4),
        joints=np.array(msg.joints).reshape(shape)[:, order],
        hand=msg.hand,
        kind=msg.kind,
        log_likelihood=msg.log_likelihood,
        contacts=np.array([point_from_msg(p) for p in msg.contacts]).reshape(-1, 3),
        p_success=_or_none(msg.p_success),
        p_std=_or_none(msg.p_std),
        reachability=_or_none(msg.reachability),
        clearance=_or_none(msg.clearance),
        score=msg.score,
        models=tuple((m.role, m.id) for m in msg.models),
    )


def view_to_msg(view: ObjectView, message_header: Header) -> ObjectViewMsg:
    """Pack a view; the header names the base frame and the time of the exposure."""
    msg = ObjectViewMsg(header=message_header, viewpoint=point_to_msg(view.viewpoint))
    msg.cloud = feature_cloud_to_msg(view.cloud, message_header)
    msg.table = plane_to_msg(view.table)
    msg.obstacles = points_to_msg(view.obstacles, message_header)
    if view.image is not None:
        msg.depth = depth_to_msg(view.image.depth, message_header)
        msg.camera_info = camera_to_msg(view.image.camera, message_header)
        msg.camera_pose = pose_to_msg(view.image.T_base_camera)
    if view.mask is not None:
        msg.mask = mask_to_msg(view.mask, message_header)
    return msg


def view_from_msg(msg: ObjectViewMsg) -> ObjectView:
    """Unpack a view; BadInput if a part of it is not what it should be."""
    image = None
    if msg.depth.width:
        image = DepthImage(
            depth=depth_from_msg(msg.depth),
            camera=camera_from_msg(msg.camera_info),
            T_base_camera=pose_from_msg(msg.camera_pose),
            stamp=stamp_from_msg(msg.header.stamp),
        )
    return ObjectView(
        cloud=feature_cloud_from_msg(msg.cloud),
        viewpoint=point_from_msg(msg.viewpoint),
        table=plane_from_msg(msg.table),
        obstacles=points_from_msg(msg.obstacles),
        image=image,
        mask=mask_from_msg(msg.mask) if msg.mask.width else None,
    )


def _quaternion(T_a_b: Array) -> Quaternion:
    x, y, z, w = (float(v) for v in quaternion(T_a_b))
    return Quaternion(x=x, y=y, z=z, w=w)


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
