"""Images of every depth encoding, colour images and masks: message <-> array, in pairs."""

import array
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from ddg_core.arrays import Array, BoolArray
from ddg_core.errors import BadInput

ByteArray = NDArray[np.uint8]

# encoding: (type, channels)
_LAYOUTS: dict[str, tuple[type[np.generic], int]] = {
    "16UC1": (np.uint16, 1),
    "mono16": (np.uint16, 1),
    "32FC1": (np.float32, 1),
    "64FC1": (np.float64, 1),
    "mono8": (np.uint8, 1),
    "8UC1": (np.uint8, 1),
    "rgb8": (np.uint8, 3),
    "bgr8": (np.uint8, 3),
    "8UC3": (np.uint8, 3),
    "rgba8": (np.uint8, 4),
    "bgra8": (np.uint8, 4),
}
DEPTH_ENCODINGS = ("16UC1", "mono16", "32FC1", "64FC1")
COLOR_ENCODINGS = ("rgb8", "bgr8", "8UC3", "rgba8", "bgra8", "mono8", "8UC1")
MASK_ENCODINGS = ("mono8", "8UC1")
MILLIMETRE = 1e-3  # of integer depth images, as REP 118 says


def to_bytes(values: NDArray[Any]) -> "array.array[int]":
    """Bytes of an array as rclpy takes them without looking at each."""
    data = array.array("B")
    data.frombytes(np.ascontiguousarray(values).tobytes())
    return data


def pixels_from_msg(msg: Image) -> NDArray[Any]:
    """Pixels as they are, shape (H, W) or (H, W, C), in native byte order.

    Raises:
        BadInput: An encoding that we do not know, or a size that the data does not have.
    """
    if msg.encoding not in _LAYOUTS:
        raise BadInput(f"image encoding {msg.encoding!r} is none of {', '.join(_LAYOUTS)}")
    kind, channels = _LAYOUTS[msg.encoding]
    item = np.dtype(kind).newbyteorder(">" if msg.is_bigendian else "<")
    row = msg.width * channels * item.itemsize
    if msg.step < row or len(msg.data) < msg.step * msg.height:
        raise BadInput(
            f"image: {msg.width}x{msg.height} {msg.encoding} with step {msg.step} needs rows of "
            f"{row} bytes and {msg.step * msg.height} bytes in all, got {len(msg.data)}"
        )
    data = np.frombuffer(msg.data, np.uint8, msg.step * msg.height)
    rows = np.ascontiguousarray(data.reshape(msg.height, msg.step)[:, :row])
    pixels = rows.view(item).astype(kind)
    return pixels if channels == 1 else pixels.reshape(msg.height, msg.width, channels)


def pixels_to_msg(pixels: NDArray[Any], encoding: str, header: Header) -> Image:
    """Pack pixels (H, W) or (H, W, C), already of the type of the encoding."""
    kind, channels = _LAYOUTS[encoding]
    if pixels.dtype != kind or pixels.shape[2:] != ((channels,) if channels > 1 else ()):
        raise BadInput(
            f"{encoding} takes {channels} channels of {np.dtype(kind)}, "
            f"got {pixels.dtype} of shape {pixels.shape}"
        )
    msg = Image(header=header, encoding=encoding, is_bigendian=0)
    msg.height, msg.width = pixels.shape[:2]
    msg.step = msg.width * channels * pixels.dtype.itemsize
    msg.data = to_bytes(pixels.astype(pixels.dtype.newbyteorder("<"), copy=False))
    return msg


def metres(raw: NDArray[Any]) -> Array:
    """Depth in [m] from raw pixels: integers are millimetres; NaN where there is no reading."""
    scale = MILLIMETRE if raw.dtype.kind in "iu" else 1.0
    depth = raw.astype(np.float64) * scale
    depth[~(np.isfinite(depth) & (depth > 0.0))] = np.nan
    return depth


def millimetres(depth: Array) -> NDArray[np.uint16]:
    """Depth in [m] as integer millimetres; 0 for no reading or beyond 65.535 m."""
    with np.errstate(invalid="ignore"):
        scaled = np.round(depth / MILLIMETRE)
        valid = np.isfinite(scaled) & (scaled > 0) & (scaled < 65536)
    return np.where(valid, scaled, 0).astype(np.uint16)


def depth_from_msg(msg: Image) -> Array:
    """Depth image in [m], shape (H, W); NaN where there is no reading.

    16UC1 and mono16 are in millimetres, 32FC1 and 64FC1 in metres.

    Raises:
        BadInput: No depth encoding, or a size that the data does not have.
    """
    if msg.encoding not in DEPTH_ENCODINGS:
        raise BadInput(
            f"depth image encoding {msg.encoding!r} is none of {', '.join(DEPTH_ENCODINGS)}"
        )
    return metres(pixels_from_msg(msg))


def depth_to_msg(
    depth: NDArray[np.floating[Any]], header: Header, encoding: str = "32FC1"
) -> Image:
    """Pack a depth image (H, W) in [m] in one of the depth encodings."""
    if encoding in ("16UC1", "mono16"):
        return pixels_to_msg(millimetres(depth.astype(np.float64)), encoding, header)
    if encoding not in DEPTH_ENCODINGS:
        raise BadInput(f"depth image encoding {encoding!r} is none of {', '.join(DEPTH_ENCODINGS)}")
    return pixels_to_msg(depth.astype(_LAYOUTS[encoding][0], copy=False), encoding, header)


def color_from_msg(msg: Image) -> ByteArray:
    """Colours red, green, blue, shape (H, W, 3); grey images in three equal channels.

    Raises:
        BadInput: No 8-bit colour encoding, or a size that the data does not have.
    """
    if msg.encoding not in COLOR_ENCODINGS:
        raise BadInput(
            f"colour image encoding {msg.encoding!r} is none of {', '.join(COLOR_ENCODINGS)}"
        )
    pixels = pixels_from_msg(msg)
    if pixels.ndim == 2:
        return np.repeat(pixels[:, :, None], 3, axis=2)
    # 8UC3 does not say; OpenCV, where the name comes from, means blue first.
    blue_first = msg.encoding in ("bgr8", "bgra8", "8UC3")
    return np.ascontiguousarray(pixels[:, :, 2::-1] if blue_first else pixels[:, :, :3])


def color_to_msg(color: ByteArray, header: Header, encoding: str = "rgb8") -> Image:
    """Pack colours red, green, blue (H, W, 3) as rgb8 or bgr8."""
    if encoding not in ("rgb8", "bgr8"):
        raise BadInput(f"colour images are sent as rgb8 or bgr8, not as {encoding!r}")
    return pixels_to_msg(color[:, :, ::-1] if encoding == "bgr8" else color, encoding, header)


def mask_from_msg(msg: Image) -> BoolArray:
    """Mask (H, W): true where the pixel is not 0.

    Raises:
        BadInput: Neither mono8 nor 8UC1, or a size that the data does not have.
    """
    if msg.encoding not in MASK_ENCODINGS:
        raise BadInput(f"mask encoding {msg.encoding!r} is none of {', '.join(MASK_ENCODINGS)}")
    mask: BoolArray = pixels_from_msg(msg) != 0
    return mask


def mask_to_msg(mask: BoolArray, header: Header) -> Image:
    """Pack a mask (H, W) as mono8 of 0 and 255."""
    return pixels_to_msg(mask.astype(np.uint8) * np.uint8(255), "mono8", header)
