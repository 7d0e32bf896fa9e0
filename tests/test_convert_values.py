"""Stamps, poses, cameras, planes, grasps and views survive the round trip."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("ddg_interfaces.msg", reason="needs the built interfaces")

from geometry_msgs.msg import Pose
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import CameraInfo
from shape_msgs.msg import Plane as PlaneMsg

from ddg_core.camera import Camera
from ddg_core.errors import BadInput
from ddg_core.grasp import Grasp
from ddg_core.outcome import Outcome
from ddg_core.ros import convert
from ddg_core.transforms import compose
from ddg_core.view import DepthImage, FeatureCloud, ObjectView, Plane

HEADER = convert.header("link_0", 12.25)
CAMERA = Camera(6, 4, 5.0, 5.5, 2.5, 1.5)
T = compose(Rotation.from_rotvec([0.1, 2.0, -0.3]).as_matrix(), [0.4, -0.1, 0.7])
NAMES = ("thumb", "index", "ring")


@pytest.fixture
def grasp():
    rng = np.random.default_rng(0)
    return Grasp(
        T_base_wrist=np.stack([T, np.eye(4), T]),
        joints=rng.normal(size=(3, 3)),
        hand="svh",
        kind="pinch",
        log_likelihood=-3.5,
        contacts=rng.normal(size=(2, 3)),
        p_success=0.75,
        reachability=0.5,
        score=1.25,
        models=(("generator", "abc"),),
    )


def assert_same(a, b):
    """Compare dataclasses field by field; arrays to 1e-6."""
    assert type(a) is type(b)
    for field in dataclasses.fields(a):
        left, right = getattr(a, field.name), getattr(b, field.name)
        if dataclasses.is_dataclass(left):
            assert_same(left, right)
        elif isinstance(left, np.ndarray):
            np.testing.assert_allclose(left, right, rtol=1e-6, atol=1e-6, err_msg=field.name)
        else:
            assert left == right, field.name


@pytest.mark.parametrize("seconds", [0.0, 0.999999999, 12.25, 1.7e9 + 0.123456])
def test_stamps_survive_the_round_trip(seconds):
    assert convert.stamp_from_msg(convert.stamp_to_msg(seconds)) == pytest.approx(seconds, abs=1e-6)


def test_many_transforms_at_once_are_the_same_as_one_by_one():
    many = np.stack([T, np.eye(4), T @ T])
    msgs = convert.transforms_to_msg(many)
    assert msgs == [convert.transform_to_msg(one) for one in many]
    np.testing.assert_allclose(convert.transforms_from_msg(msgs), many, atol=1e-12)
    assert convert.transforms_from_msg([]).shape == (0, 4, 4)


def test_poses_and_transforms_survive_the_round_trip():
    np.testing.assert_allclose(convert.pose_from_msg(convert.pose_to_msg(T)), T, atol=1e-12)
    back = convert.transform_from_msg(convert.transform_to_msg(T))
    np.testing.assert_allclose(back, T, atol=1e-12)
    np.testing.assert_array_equal(convert.point_from_msg(convert.point_to_msg(T[:3, 3])), T[:3, 3])


def test_a_quaternion_of_no_length_is_refused():
    msg = Pose()
    msg.orientation.w = 0.0
    with pytest.raises(BadInput, match="not a rotation"):
        convert.pose_from_msg(msg)


def test_a_camera_survives_the_round_trip():
    msg = convert.camera_to_msg(CAMERA, HEADER)
    assert convert.camera_from_msg(msg) == CAMERA
    msg.p = [0.0] * 12
    assert convert.camera_from_msg(msg) == CAMERA


def test_cameras_that_cannot_be_used_are_refused():
    with pytest.raises(BadInput, match="not calibrated"):
        convert.camera_from_msg(CameraInfo(width=6, height=4))
    binned = convert.camera_to_msg(CAMERA, HEADER)
    binned.binning_x = 2
    with pytest.raises(BadInput, match="binned"):
        convert.camera_from_msg(binned)


def test_a_plane_survives_the_round_trip_whatever_its_scale():
    plane = Plane(np.array([0.0, 0.6, 0.8]), 0.25)
    assert_same(convert.plane_from_msg(convert.plane_to_msg(plane)), plane)
    scaled = PlaneMsg(coef=[0.0, 6.0, 8.0, -2.5])
    assert_same(convert.plane_from_msg(scaled), plane)
    with pytest.raises(BadInput, match="no normal"):
        convert.plane_from_msg(PlaneMsg())


def test_a_grasp_survives_the_round_trip(grasp):
    msg = convert.grasp_to_msg(grasp, NAMES, HEADER)
    assert msg.header.frame_id == "link_0"
    assert np.isnan(msg.clearance)
    assert np.isnan(msg.p_std)
    assert_same(convert.grasp_from_msg(msg, NAMES), grasp)


def test_the_joints_of_a_grasp_follow_their_names(grasp):
    msg = convert.grasp_to_msg(grasp, NAMES, HEADER)
    other = convert.grasp_from_msg(msg, ("ring", "thumb", "index"))
    np.testing.assert_array_equal(other.joints, grasp.joints[:, [2, 0, 1]])
    with pytest.raises(BadInput, match="joints are thumb, index, ring; the hand has thumb, little"):
        convert.grasp_from_msg(msg, ("thumb", "little"))
    msg.joints = msg.joints[:-1]
    with pytest.raises(BadInput, match="8 joint values for 3 waypoints of 3 joints"):
        convert.grasp_from_msg(msg, NAMES)
    with pytest.raises(BadInput, match="3 joints, but the names are a"):
        convert.grasp_to_msg(grasp, ["a"], HEADER)


def test_a_view_survives_the_round_trip():
    rng = np.random.default_rng(1)
    depth = rng.uniform(0.5, 1.0, (4, 6))
    depth[1, 2] = np.nan
    cloud = FeatureCloud(rng.normal(size=(5, 3)), np.tile(np.eye(3), (5, 1, 1)), np.ones((5, 2)))
    view = ObjectView(
        cloud=cloud,
        viewpoint=np.array([0.1, 0.2, 0.9]),
        table=Plane(np.array([0.0, 0.0, 1.0]), 0.16),
        obstacles=rng.normal(size=(3, 3)),
        image=DepthImage(depth, CAMERA, T, 12.25),
        mask=rng.random((4, 6)) > 0.5,
    )
    assert_same(convert.view_from_msg(convert.view_to_msg(view, HEADER)), view)
    bare = dataclasses.replace(view, image=None, mask=None)
    assert_same(convert.view_from_msg(convert.view_to_msg(bare, HEADER)), bare)


def test_outcomes_and_stages_are_packed():
    msg = convert.outcome_to_msg(Outcome.NO_CLOUD, "nothing there")
    assert (msg.code, msg.message) == ("NO_CLOUD", "nothing there")
    (stage,) = convert.stages_to_msg([("segment", 0.5)])
    assert (stage.stage, stage.duration) == ("segment", 0.5)
    constants = {k for k in dir(type(msg)) if k.isupper() and isinstance(getattr(msg, k), str)}
    assert {str(outcome) for outcome in Outcome} <= constants


def test_ours_and_tf_transformations_agree():
    theirs = pytest.importorskip("tf_transformations", reason="needs tf_transformations of apt ROS")
    q = theirs.quaternion_from_matrix(T)
    ours = convert.pose_to_msg(T).orientation
    sign = np.sign(q[3])
    np.testing.assert_allclose([ours.x, ours.y, ours.z, ours.w], sign * q, atol=1e-9)
