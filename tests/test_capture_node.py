"""The capture node over real ROS: a synthetic camera in the same process, typed answers."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy", reason="needs ROS")
pytest.importorskip("ddg_interfaces", reason="needs the built interfaces")

from ddg_interfaces.msg import Grasp, ObjectView
from ddg_interfaces.srv import CaptureView
from geometry_msgs.msg import Point, PointStamped, TransformStamped
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image, JointState, PointCloud2
from tf2_msgs.msg import TFMessage

from ddg_core.camera import Camera
from ddg_core.description import cell_tree, config_folder, load_cell, load_hand
from ddg_core.errors import Failed
from ddg_core.kinematics import MOVING
from ddg_core.ros.calls import call
from ddg_core.ros.convert import (
    camera_to_msg,
    stamp_from_msg,
    stamp_to_msg,
    transform_to_msg,
    view_from_msg,
)
from ddg_core.ros.convert_cloud import points_to_msg
from ddg_core.ros.convert_image import depth_to_msg, mask_to_msg
from ddg_core.ros.executor import NodeExecutor
from ddg_core.ros.interfaces import LATCHED, SENSOR
from ddg_core.ros.spinning import spinning
from ddg_core.shapes import Capsule
from ddg_core.transforms import apply, look_at
from ddg_core.view import DepthImage
from ddg_core.waiting import wait_until
from ddg_perception.capture_settings import CaptureSettings
from ddg_perception.robot_body import on_robot, posed_shapes
from ddg_perception.ros.capture_node import CaptureNode
from ddg_perception.ros.inputs import Body
from ddg_perception.synthetic import level_slab, render

pytestmark = pytest.mark.ros
CAMERA = Camera(320, 240, 287.0, 287.0, 159.5, 119.5)
T_BASE_CAMERA = look_at([0.80, 0.45, 0.58], [0.55, 0.0, 0.05])
FRAME = "camera_depth_optical_frame"
BALL = (np.eye(4), Capsule([0.55, 0.0, 0.05], [0.55, 0.0, 0.05], 0.05))
SMALL = (np.eye(4), Capsule([0.60, -0.15, 0.03], [0.60, -0.15, 0.03], 0.03))


class Cell(Node):
    """A camera, a robot at rest, and their frames."""

    def __init__(self, image: DepthImage, joints: dict[str, float]):
        super().__init__("cell")
        self.image, self.joints = image, joints
        self.talking, self.age, self.frame = True, 0.0, FRAME
        self.encoding, self.info = "32FC1", CAMERA
        self._depth = self.create_publisher(Image, "/camera/depth/image_rect_raw", SENSOR)
        self._info = self.create_publisher(CameraInfo, "/camera/depth/camera_info", SENSOR)
        self._cloud = self.create_publisher(PointCloud2, "/camera/depth/points", SENSOR)
        self._joints = self.create_publisher(JointState, "/joint_states", 10)
        self._static = self.create_publisher(TFMessage, "/tf_static", LATCHED)
        T = TransformStamped(child_frame_id=FRAME, transform=transform_to_msg(T_BASE_CAMERA))
        T.header.frame_id = "link_0"
        self._static.publish(TFMessage(transforms=[T]))
        self.create_timer(0.05, self._tick)

    def _tick(self) -> None:
        if not self.talking:
            return
        now = self.get_clock().now()
        joints = JointState(name=list(self.joints), position=list(self.joints.values()))
        joints.header.stamp = now.to_msg()
        self._joints.publish(joints)
        exposed = now - rclpy.duration.Duration(seconds=self.age)
        depth = depth_to_msg(self.image.depth, joints.header, self.encoding)
        depth.header.stamp, depth.header.frame_id = exposed.to_msg(), self.frame
        self._depth.publish(depth)
        self._info.publish(camera_to_msg(self.info, depth.header))
        points = CAMERA.deproject(self.image.depth)
        self._cloud.publish(points_to_msg(points, depth.header))


@pytest.fixture(scope="module")
def graph(domains):
    rclpy.init(domain_id=domains())
    cell = load_cell()
    tree = cell_tree(cell).subtree(cell.base_frame)
    home = dict(zip(cell.arm.joint_names, cell.arm.home, strict=True))
    joints = {j.name: home.get(j.name, 0.0) for j in tree.joints if j.kind in MOVING}
    robot = posed_shapes(tree, list(home), np.array(list(home.values())), np.eye(4))
    image = render([level_slab(0.0, 1.0), BALL, SMALL, *robot], CAMERA, T_BASE_CAMERA)
    camera = Cell(image, joints)
    camera.robot = robot
    node = CaptureNode(
        "capture", parameter_overrides=[Parameter("config_dir", value=str(config_folder()))]
    )
    executor = NodeExecutor(num_threads=8)
    executor.add_node(camera)
    executor.add_node(node)
    with spinning(executor):
        node.trigger_configure()
        node.trigger_activate()
        client = camera.create_client(CaptureView, "/ddg/capture_view")
        yield camera, node, client
        node.trigger_shutdown()
    rclpy.try_shutdown()


@pytest.fixture
def camera(graph):
    """The cell, put back as it was after each test."""
    cell = graph[0]
    before = dict(vars(cell))
    yield cell
    for key in ("image", "joints", "talking", "age", "frame", "encoding", "info"):
        setattr(cell, key, before[key])


@pytest.fixture
def capture(graph):
    return lambda **fields: call(graph[2], CaptureView.Request(**fields), timeout=60.0)


PATIENT = {"wait": 60.0, "wait_for_frame": 60.0, "joints_max_age": 600.0}
IMPATIENT = {"STALE_DATA": {"wait": 0.5}, "UNKNOWN_FRAME": {"wait_for_frame": 0.2}}


@pytest.fixture(autouse=True)
def waits(graph, monkeypatch):
    """The node waits long, so that a busy machine changes no answer, or as a test says."""

    def wait(**times: float) -> None:
        settings = dataclasses.replace(graph[1]._settings, **times)
        monkeypatch.setattr(graph[1], "_settings", settings)

    wait(**PATIENT)
    return wait


def test_a_fresh_view_of_the_largest_object(graph, capture, camera):
    asked = camera.get_clock().now()
    answer = capture()
    assert (answer.outcome.code, answer.outcome.message) == ("OK", "")
    view = view_from_msg(answer.view)
    radius = np.linalg.norm(view.cloud.points - [0.55, 0.0, 0.05], axis=1)
    np.testing.assert_allclose(radius, 0.05, atol=1e-3)
    assert answer.view.header.frame_id == "link_0"
    assert rclpy.time.Time.from_msg(answer.view.header.stamp) >= asked
    assert [stage.stage for stage in answer.stages] == ["wait", "segment", "features"]
    assert view.mask.sum() > 500
    assert view.image.depth.shape == (240, 320)
    np.testing.assert_allclose(view.image.T_base_camera, T_BASE_CAMERA, atol=1e-9)


def test_the_cloud_is_published(graph, capture, camera):
    got = []
    subscription = camera.create_subscription(PointCloud2, "/ddg/object_cloud", got.append, 10)
    wait_until(lambda: subscription.get_publisher_count() > 0, what="publisher", timeout=30.0)
    answer = capture()
    wait_until(lambda: bool(got), what="object cloud", timeout=30.0)
    assert got[-1].width == answer.view.cloud.width
    camera.destroy_subscription(subscription)


def test_a_target_is_answered_with_where_its_object_is_now(graph, capture, camera):
    got: list[ObjectView] = []
    subscription = camera.create_subscription(ObjectView, "/ddg/target_view", got.append, 10)
    target = camera.create_publisher(Grasp, "/ddg/target", 10)
    wait_until(subscription.get_publisher_count, what="publisher", timeout=60.0)
    wait_until(target.get_subscription_count, what="listener", timeout=60.0)

    def told() -> bool:
        target.publish(Grasp(contacts=[Point(x=0.61, y=-0.14 + side) for side in (-0.02, 0.02)]))
        return len(got) > 1

    wait_until(told, what="views", timeout=60.0, period=0.1)
    camera.destroy_subscription(subscription)
    camera.destroy_publisher(target)
    stamps = [stamp_from_msg(message.header.stamp) for message in got]
    assert stamps == sorted(set(stamps))  # each image is looked at once
    view = view_from_msg(got[0])
    assert got[0].header.frame_id == "link_0"
    assert len(view.cloud) == 0
    assert view.image is not None
    points = apply(T_BASE_CAMERA, CAMERA.deproject(view.image.depth, view.mask))
    np.testing.assert_allclose(points.mean(axis=0)[:2], [0.61, -0.14], atol=0.03)


def test_the_robot_is_where_it_was_when_a_view_was_exposed():
    cell = load_cell()
    tree = cell_tree(cell).subtree(cell.base_frame)
    deaf = SimpleNamespace(subscribe=lambda *_: None)
    body = Body(deaf, cell, load_hand(cell.hand).settings, tree)
    moving = [joint.name for joint in tree.joints if joint.kind in MOVING]
    for stamp, angle in ((8.0, 0.1), (8.2, 0.2), (8.4, 0.3), (9.3, 0.4)):
        state = JointState(name=moving, position=[angle if n == "A1" else 0.0 for n in moving])
        state.header.stamp = stamp_to_msg(stamp)
        body._take(state)

    def turned(stamp: float) -> float:
        """How far the first joint, and with it the hand, is turned about the base's z axis."""
        T, _ = body.shapes(stamp, 9.0)[-1]
        T_straight, _ = posed_shapes(tree, ["A1"], np.zeros(1), np.eye(4))[-1]
        R = T[:3, :3] @ T_straight[:3, :3].T
        return float(np.arctan2(R[1, 0], R[0, 0]))

    found = [turned(stamp) for stamp in (8.1, 8.4, 9.0, 9.3, 10.0)]  # 8.2 is forgotten
    np.testing.assert_allclose(found, [0.3, 0.3, 0.3, 0.4, 0.4], atol=1e-6)
    with pytest.raises(Failed, match=r"0\.600 s older"):
        body.shapes(9.0, 0.5)


def test_integer_images_will_do(capture, camera):
    camera.encoding = "16UC1"
    assert capture().outcome.code == "OK"


def test_the_nearest_and_the_masked_object(capture, camera):
    request = {"select": "nearest"}
    answer = capture(**request, near=_point("link_0", 0.6, -0.15, 0.0))
    assert answer.outcome.code == "OK"
    view = view_from_msg(answer.view)
    np.testing.assert_allclose(view.cloud.points.mean(axis=0)[:2], [0.61, -0.14], atol=0.03)
    mask = mask_to_msg(view.mask, answer.view.header)
    masked = view_from_msg(capture(select="mask", mask=mask).view)
    np.testing.assert_array_equal(masked.mask, view.mask)


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        ({"select": "biggest"}, "BAD_INPUT", "'biggest' is none of largest, nearest, mask"),
        ({"select": "mask"}, "BAD_INPUT", "mask encoding '' is none of mono8"),
        ({"select": "mask", "mask": (4, 4)}, "BAD_INPUT", "4x4 pixels"),
        ({"select": "mask", "mask": (240, 320)}, "EMPTY_MASK", "0 pixels are marked"),
        ({"select": "nearest", "near": "moon"}, "UNKNOWN_FRAME", "'moon'"),
        ({"select": "nearest", "near": np.nan}, "BAD_INPUT", "one finite point"),
    ],
)
def test_a_bad_request_is_answered_with_the_reason(capture, camera, waits, fields, code, message):
    waits(**IMPATIENT.get(code, {}))
    fields = dict(fields)
    if isinstance(fields.get("mask"), tuple):
        fields["mask"] = mask_to_msg(np.zeros(fields["mask"], bool), Image().header)
    if isinstance(fields.get("near"), str):
        fields["near"] = _point(fields["near"], 0.0, 0.0, 0.0)
    elif "near" in fields:
        fields["near"] = _point("link_0", fields["near"], 0.0, 0.0)
    answer = capture(**fields)
    assert answer.outcome.code == code
    assert message in answer.outcome.message


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"frame": "lens"}, "UNKNOWN_FRAME", "nobody publishes 'lens'"),
        ({"age": 60.0}, "STALE_DATA", "too old"),
        ({"talking": False}, "STALE_DATA", "too old"),
        ({"info": Camera(64, 48, 50.0, 50.0, 31.5, 23.5)}, "BAD_INPUT", "64x48"),
        ({"age": -60.0}, "STALE_DATA", "ahead of the clock"),
        ({"joints": {}}, "OK", ""),  # the last known state still serves
    ],
)
def test_a_faulty_camera_is_answered_with_the_reason(capture, camera, waits, change, code, message):
    waits(**IMPATIENT.get(code, {}))
    for key, value in change.items():
        setattr(camera, key, value)
    answer = capture()
    assert answer.outcome.code == code
    assert message in answer.outcome.message


@pytest.mark.parametrize(
    ("depth", "code"),
    [
        (np.full((240, 320), np.nan), "NO_CLOUD"),
        (np.full((240, 320), np.inf), "NO_CLOUD"),
        (np.full((240, 320), 700.0), "BAD_INPUT"),
        (np.full((240, 320), 0.7), "NO_CLOUD"),
    ],
)
def test_images_without_an_object_are_answered(capture, camera, depth, code):
    camera.image = DepthImage(depth, CAMERA, T_BASE_CAMERA)
    assert capture().outcome.code == code


def test_an_old_view_will_do_if_the_request_says_so(capture, camera):
    assert capture().outcome.code == "OK"
    camera.talking = False
    assert capture(max_age=30.0).outcome.code == "OK"


def test_a_cloud_of_the_camera_serves_as_well(graph, capture, camera, monkeypatch):
    node = graph[1]
    node.trigger_deactivate()
    given = node.settings

    def cloud_settings(file, kind):
        settings = given(file, kind)
        if file != "capture.yaml":
            return settings
        return dataclasses.replace(settings, source="cloud", **PATIENT)

    monkeypatch.setattr(node, "settings", cloud_settings)
    node.trigger_activate()
    answer = capture()
    refused = capture(select="mask")
    node.trigger_deactivate()
    monkeypatch.undo()
    node.trigger_activate()
    assert answer.outcome.code == "OK"
    view = view_from_msg(answer.view)
    assert view.image is None
    radius = np.linalg.norm(view.cloud.points - [0.55, 0.0, 0.05], axis=1)
    np.testing.assert_allclose(radius, 0.05, atol=2e-3)
    assert refused.outcome.code == "BAD_INPUT"


def test_before_anything_came_the_silent_topic_is_named(graph, capture, camera):
    node = graph[1]
    camera.talking = False
    node.trigger_deactivate()
    node.trigger_activate()
    node._settings = CaptureSettings(wait=0.3)
    answer = capture()
    camera.talking = True
    assert answer.outcome.code == "NO_CLOUD"
    assert "nothing came on /camera/depth/image_rect_raw" in answer.outcome.message


def _point(frame, *xyz):
    msg = PointStamped()
    msg.header.frame_id = frame
    msg.point.x, msg.point.y, msg.point.z = xyz
    return msg


def test_the_scene_shows_the_robot(camera):
    """Otherwise the tests above would pass without the body being filtered out."""
    points = apply(T_BASE_CAMERA, CAMERA.deproject(camera.image.depth))
    assert on_robot(points, camera.robot, 0.002).sum() > 200
