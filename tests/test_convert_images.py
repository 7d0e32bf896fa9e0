"""Images survive the round trip, in every encoding, and what is wrong with one is named."""

import struct

import numpy as np
import pytest

pytest.importorskip("sensor_msgs.msg", reason="needs ROS messages")

from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from ddg_core.errors import BadInput
from ddg_core.ros.convert_compressed import depth_from_compressed, depth_to_compressed
from ddg_core.ros.convert_image import (
    COLOR_ENCODINGS,
    DEPTH_ENCODINGS,
    MASK_ENCODINGS,
    color_from_msg,
    color_to_msg,
    depth_from_msg,
    depth_to_msg,
    mask_from_msg,
    mask_to_msg,
    pixels_from_msg,
)

HEADER = Header(frame_id="camera")


@pytest.fixture
def depth():
    """Whole millimetres with holes at the start, in the middle and at the end."""
    depth = np.random.default_rng(0).integers(300, 4000, (7, 11)) / 1000.0
    depth[0, :3] = depth[3, 4] = depth[-1, -1] = np.nan
    return depth


@pytest.mark.parametrize("encoding", DEPTH_ENCODINGS)
def test_depth_survives_the_round_trip(encoding, depth):
    msg = depth_to_msg(depth, HEADER, encoding)
    assert (msg.encoding, msg.width, msg.height, msg.header.frame_id) == (encoding, 11, 7, "camera")
    np.testing.assert_allclose(depth_from_msg(msg), depth, rtol=1e-7)


@pytest.mark.parametrize("encoding", DEPTH_ENCODINGS)
def test_big_endian_rows_with_padding_are_read(encoding, depth):
    msg = depth_to_msg(depth, HEADER, encoding)
    item = msg.step // msg.width
    rows = np.frombuffer(msg.data, np.uint8).reshape(msg.height, msg.width, item)[:, :, ::-1]
    padded = np.full((msg.height, msg.step + 5), 0xEE, np.uint8)
    padded[:, : msg.step] = rows.reshape(msg.height, msg.step)
    msg.step, msg.is_bigendian, msg.data = msg.step + 5, 1, padded.tobytes()
    np.testing.assert_allclose(depth_from_msg(msg), depth, rtol=1e-7)


def test_integers_are_millimetres_and_no_reading_is_nan():
    data = np.array([[0, 1, 65535]], "<u2").tobytes()
    msg = Image(encoding="16UC1", width=3, height=1, step=6, data=data)
    np.testing.assert_array_equal(depth_from_msg(msg), [[np.nan, 0.001, 65.535]])
    data = np.array([[0, -1, np.inf, -np.inf, np.nan, 2.5]], "<f4").tobytes()
    msg = Image(encoding="32FC1", width=6, height=1, step=24, data=data)
    np.testing.assert_array_equal(depth_from_msg(msg), [[np.nan] * 5 + [2.5]])


def test_depth_too_far_for_integers_is_no_reading():
    msg = depth_to_msg(np.array([[70.0, -1.0, np.inf, 0.5]]), HEADER, "16UC1")
    np.testing.assert_array_equal(depth_from_msg(msg), [[np.nan, np.nan, np.nan, 0.5]])


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8"])
def test_colour_survives_the_round_trip(encoding):
    color = np.random.default_rng(1).integers(0, 256, (4, 5, 3)).astype(np.uint8)
    msg = color_to_msg(color, HEADER, encoding)
    np.testing.assert_array_equal(color_from_msg(msg), color)
    assert msg.data[0] == (color[0, 0, 0] if encoding == "rgb8" else color[0, 0, 2])


@pytest.mark.parametrize(
    ("encoding", "data", "rgb"),
    [
        ("rgba8", [1, 2, 3, 9], [1, 2, 3]),
        ("bgra8", [3, 2, 1, 9], [1, 2, 3]),
        ("8UC3", [3, 2, 1], [1, 2, 3]),
        ("mono8", [7], [7, 7, 7]),
        ("8UC1", [7], [7, 7, 7]),
    ],
)
def test_other_colours_are_read_as_red_green_blue(encoding, data, rgb):
    msg = Image(encoding=encoding, width=1, height=1, step=len(data), data=bytes(data))
    np.testing.assert_array_equal(color_from_msg(msg), [[rgb]])


def test_a_mask_survives_the_round_trip():
    mask = np.random.default_rng(2).random((4, 5)) > 0.5
    msg = mask_to_msg(mask, HEADER)
    np.testing.assert_array_equal(mask_from_msg(msg), mask)
    msg.encoding = "8UC1"
    np.testing.assert_array_equal(mask_from_msg(msg), mask)
    assert set(msg.data) == {0, 255}


@pytest.mark.parametrize(
    ("read", "choices"),
    [
        (depth_from_msg, DEPTH_ENCODINGS),
        (color_from_msg, COLOR_ENCODINGS),
        (mask_from_msg, MASK_ENCODINGS),
        (pixels_from_msg, ("16UC1", "bgr8")),
    ],
)
def test_a_wrong_encoding_is_named_with_the_choices(read, choices):
    msg = Image(encoding="yuv422", width=2, height=2, step=4, data=bytes(8))
    with pytest.raises(BadInput, match="'yuv422'") as caught:
        read(msg)
    assert all(choice in str(caught.value) for choice in choices)


@pytest.mark.parametrize("change", [{"step": 3}, {"data": bytes(7)}, {"height": 3}, {"width": 9}])
def test_a_size_that_the_data_has_not_is_refused(change):
    msg = Image(encoding="16UC1", width=2, height=2, step=4, data=bytes(8))
    for key, value in change.items():
        setattr(msg, key, value)
    with pytest.raises(BadInput, match=r"image: \d+x\d+ 16UC1 with step \d+ needs"):
        depth_from_msg(msg)


@pytest.mark.parametrize("codec", ["png", "rvl"])
def test_compressed_depth_survives_the_round_trip(codec, depth):
    msg = depth_to_compressed(depth, HEADER, "16UC1", codec)
    assert msg.format == f"16UC1; compressedDepth {codec}"
    np.testing.assert_allclose(depth_from_compressed(msg), depth, rtol=1e-12)
    msg = depth_to_compressed(depth, HEADER, "32FC1", codec)
    read = depth_from_compressed(msg)
    np.testing.assert_array_equal(np.isnan(read), np.isnan(depth))
    assert np.nanmax(np.abs(read - depth) / depth**2) < 1.2e-4


@pytest.mark.parametrize("where", ["none", "all", "ends", "starts", "alternating"])
def test_rvl_keeps_every_pattern_of_holes(where):
    rng = np.random.default_rng(3)
    depth = rng.integers(1, 65535, (48, 64)) / 1000.0
    holes = np.zeros(depth.shape, bool)
    holes[...] = {
        "none": False,
        "all": True,
        "ends": np.arange(64) > 40,
        "starts": np.arange(64) < 9,
        "alternating": np.arange(64) % 2 == 0,
    }[where]
    depth[holes] = np.nan
    read = depth_from_compressed(depth_to_compressed(depth, HEADER, "16UC1", "rvl"))
    np.testing.assert_allclose(read, depth, rtol=1e-12)


def test_rvl_is_the_published_format():
    # 2 zeros, 2 pixels 5 and 4: digits 2, 2, zigzag(5) = 10 = 2 + 1 * 8, zigzag(-1) = 1
    word = 0x22A11000
    payload = struct.pack("<iff", 0, 0.0, 0.0) + struct.pack("<iiI", 4, 1, word)
    msg = CompressedImage(format="16UC1; compressedDepth rvl", data=payload)
    np.testing.assert_allclose(depth_from_compressed(msg), [[np.nan, np.nan, 0.005, 0.004]])
    packed = depth_to_compressed(np.array([[np.nan, np.nan, 0.005, 0.004]]), HEADER, codec="rvl")
    assert bytes(packed.data) == payload


@pytest.mark.parametrize(
    ("text", "data", "message"),
    [
        ("jpeg", bytes(99), "format 'jpeg' is none of '16UC1; compressedDepth png'"),
        ("16UC1; compressedDepth", bytes(5), "too few"),
        ("16UC1; compressedDepth", bytes(99), "no PNG"),
        ("16UC1; compressedDepth rvl", bytes(14), "without its size"),
        ("16UC1; compressedDepth rvl", bytes(12) + struct.pack("<ii", 4, 4), "ends after 0 of 16"),
        (
            "16UC1; compressedDepth rvl",
            bytes(12) + struct.pack("<iiI", 2, 1, 0x77777777),
            "does not fit 2x1",
        ),
    ],
)
def test_broken_compressed_depth_is_refused(text, data, message):
    with pytest.raises(BadInput, match=message):
        depth_from_compressed(CompressedImage(format=text, data=data))
    with pytest.raises(BadInput, match="16UC1 as zip is none of"):
        depth_to_compressed(np.ones((2, 2)), HEADER, codec="zip")


def test_ours_and_cv_bridge_agree(depth):
    bridge = pytest.importorskip("cv_bridge", reason="needs cv_bridge of apt ROS").CvBridge()
    for encoding in ("16UC1", "32FC1"):
        msg = depth_to_msg(depth, HEADER, encoding)
        theirs = bridge.imgmsg_to_cv2(msg, "passthrough")
        np.testing.assert_array_equal(pixels_from_msg(msg), theirs)
        back = bridge.cv2_to_imgmsg(theirs, encoding, HEADER)
        np.testing.assert_allclose(depth_from_msg(back), depth, rtol=1e-7)
