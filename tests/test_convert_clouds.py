"""Clouds of any layout are read, survive the round trip, and are refused with the reason."""

import numpy as np
import pytest

pytest.importorskip("sensor_msgs.msg", reason="needs ROS messages")

from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header

from ddg_core.errors import BadInput
from ddg_core.ros.convert_cloud import (
    columns_from_msg,
    columns_to_msg,
    feature_cloud_from_msg,
    feature_cloud_to_msg,
    points_from_msg,
    points_to_msg,
)
from ddg_core.view import FeatureCloud

HEADER = Header(frame_id="link_0")


@pytest.fixture
def points():
    points = np.random.default_rng(0).uniform(-1, 1, (12, 3))
    points[5] = np.nan
    return points


def raw_cloud(dtype, points, *, shape=(3, 4), row_padding=0):
    """A cloud packed by numpy itself, so that reading is not held against our own writing."""
    records = np.zeros(shape, dtype)
    for k, name in enumerate("xyz"):
        records[name] = points[:, k].reshape(shape)
    kinds = {"f4": PointField.FLOAT32, "f8": PointField.FLOAT64, "u2": PointField.UINT16}
    msg = PointCloud2(header=HEADER, height=shape[0], width=shape[1])
    msg.fields = [
        PointField(name=name, offset=offset, datatype=kinds[kind.str[1:]], count=1)
        for name, (kind, offset) in dtype.fields.items()
    ]
    msg.point_step = dtype.itemsize
    msg.row_step = dtype.itemsize * shape[1] + row_padding
    msg.is_bigendian = bool(dtype["x"].str[0] == ">")
    rows = np.frombuffer(records.tobytes(), np.uint8).reshape(shape[0], -1)
    msg.data = np.pad(rows, ((0, 0), (0, row_padding)), constant_values=0xEE).tobytes()
    return msg


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_any_layout_is_read(kind, order, points):
    item = order + kind
    dtype = np.dtype(
        {
            "names": ["ring", "z", "x", "y"],
            "formats": [order + "u2", item, item, item],
            "offsets": [1, 5, 13, 29],
            "itemsize": 41,
        }
    )
    msg = raw_cloud(dtype, points, row_padding=7)
    np.testing.assert_allclose(points_from_msg(msg), points, rtol=1e-6)
    np.testing.assert_array_equal(columns_from_msg(msg, ["ring"]), np.zeros((12, 1)))


def test_points_survive_the_round_trip(points):
    msg = points_to_msg(points, HEADER, (3, 4))
    assert (msg.height, msg.width, msg.is_dense) == (3, 4, False)
    np.testing.assert_allclose(points_from_msg(msg), points, rtol=1e-6)
    assert points_to_msg(points[:2], HEADER).is_dense
    assert points_from_msg(points_to_msg(np.zeros((0, 3)), HEADER)).shape == (0, 3)
    assert points_from_msg(PointCloud2()).shape == (0, 3)


def test_features_survive_the_round_trip():
    rng = np.random.default_rng(1)
    frames = np.linalg.qr(rng.normal(size=(9, 3, 3)))[0]
    frames *= np.sign(np.linalg.det(frames))[:, None, None]
    cloud = FeatureCloud(rng.normal(size=(9, 3)), frames, rng.normal(size=(9, 2)))
    read = feature_cloud_from_msg(feature_cloud_to_msg(cloud, HEADER))
    np.testing.assert_allclose(read.points, cloud.points, rtol=1e-6)
    np.testing.assert_allclose(read.frames, cloud.frames, atol=1e-6)
    np.testing.assert_allclose(read.curvatures, cloud.curvatures, rtol=1e-6)
    product = np.swapaxes(read.frames, 1, 2) @ read.frames
    np.testing.assert_allclose(product, np.tile(np.eye(3), (9, 1, 1)), atol=1e-12)


def test_what_is_wrong_with_a_cloud_is_named(points):
    msg = columns_to_msg({"x": points[:, 0], "y": points[:, 1], "h": points[:, 2]}, HEADER)
    with pytest.raises(BadInput, match=r"no field 'z'; it has x, y, h"):
        points_from_msg(msg)
    short = points_to_msg(points, HEADER)
    short.data = bytes(short.data)[:-1]
    with pytest.raises(BadInput, match=r"do not fit row_step 144 and 143 bytes"):
        points_from_msg(short)
    beyond = points_to_msg(points, HEADER)
    beyond.fields[2].offset = 9
    with pytest.raises(BadInput, match=r"field 'z' ends at byte 13 of 12"):
        points_from_msg(beyond)
    beyond.fields[2].datatype = 77
    with pytest.raises(BadInput, match=r"field 'z' has type 77"):
        points_from_msg(beyond)
    with pytest.raises(BadInput, match=r"12 points are not 5 rows of 2"):
        points_to_msg(points, HEADER, (5, 2))
    zero = FeatureCloud(np.zeros((1, 3)), np.zeros((1, 3, 3)), np.zeros((1, 2)))
    with pytest.raises(BadInput, match="a normal has no length"):
        feature_cloud_from_msg(feature_cloud_to_msg(zero, HEADER))


def test_ours_and_sensor_msgs_py_agree(points):
    theirs = pytest.importorskip(
        "sensor_msgs_py.point_cloud2", reason="needs sensor_msgs_py of apt ROS"
    )
    msg = theirs.create_cloud_xyz32(HEADER, points.astype(np.float32))
    np.testing.assert_allclose(points_from_msg(msg), points, rtol=1e-6)
    ours = points_to_msg(points, HEADER)
    read = theirs.read_points_numpy(ours, ["x", "y", "z"])
    np.testing.assert_allclose(read, points, rtol=1e-6)
