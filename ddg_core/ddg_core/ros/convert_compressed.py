"""Compressed depth images: the formats of ROS's compressedDepth transport, PNG and RVL.

A `CompressedImage` of that transport is `<encoding>; compressedDepth <codec>`; its data is a
header of 12 bytes (an int and two floats, the quantisation of 32FC1 images) and the payload.
"""

import io
import struct

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header

from ddg_core.arrays import Array
from ddg_core.errors import BadInput
from ddg_core.ros.convert_image import metres, millimetres, to_bytes

_HEADER = struct.Struct("<iff")
_RVL_SIZE = struct.Struct("<ii")
CODECS = ("png", "rvl")
ENCODINGS = ("16UC1", "32FC1")
# 32FC1 is sent as 16-bit a / depth + b, with a step of about depth^2 / a: fine near, coarse far.
_FINEST, _FARTHEST = 100.0, 10.0  # the transport's own defaults
_A = _FINEST * (_FINEST + 1.0)
_B = 1.0 - _A / _FARTHEST

Raw = NDArray[np.uint16]


def depth_from_compressed(msg: CompressedImage) -> Array:
    """Depth image in [m], shape (H, W); NaN where there is no reading.

    Raises:
        BadInput: Another format, or data that cannot be read.
    """
    encoding, codec = _parse_format(msg.format)
    data = bytes(msg.data)
    if len(data) <= _HEADER.size:
        raise BadInput(f"compressed depth: {len(data)} bytes are too few")
    _, a, b = _HEADER.unpack_from(data)
    raw = _from_png(data[_HEADER.size :]) if codec == "png" else _from_rvl(data[_HEADER.size :])
    if encoding == "16UC1":
        return metres(raw)
    with np.errstate(divide="ignore"):
        depth = a / (raw.astype(np.float64) - b)
    depth[(raw == 0) | ~np.isfinite(depth)] = np.nan
    return depth


def depth_to_compressed(
    depth: Array, header: Header, encoding: str = "16UC1", codec: str = "png"
) -> CompressedImage:
    """Pack a depth image (H, W) in [m].

    16UC1 rounds to millimetres; 32FC1 to about depth^2 / 10,000 m, up to 10 m.
    """
    if encoding not in ENCODINGS or codec not in CODECS:
        raise BadInput(
            f"compressed depth: {encoding} as {codec} is none of "
            f"{', '.join(ENCODINGS)} as {', '.join(CODECS)}"
        )
    if encoding == "16UC1":
        raw, a, b = millimetres(depth), 0.0, 0.0
    else:
        valid = np.isfinite(depth) & (depth > 0.0) & (depth < _FARTHEST)
        code = _A / np.where(valid, depth, 1.0) + _B
        valid &= code < 65536.0
        raw, a, b = np.where(valid, code, 0.0).astype(np.uint16), _A, _B
    payload = _to_png(raw) if codec == "png" else _to_rvl(raw)
    msg = CompressedImage(header=header, format=f"{encoding}; compressedDepth {codec}")
    msg.data = to_bytes(np.frombuffer(_HEADER.pack(0, a, b) + payload, np.uint8))
    return msg


def _parse_format(text: str) -> tuple[str, str]:
    encoding, _, rest = (part.strip() for part in text.partition(";"))
    words = rest.split()
    codec = words[1] if len(words) > 1 else "png"
    if encoding not in ENCODINGS or words[:1] != ["compressedDepth"] or codec not in CODECS:
        raise BadInput(
            f"compressed depth: format {text!r} is none of "
            + ", ".join(f"'{e}; compressedDepth {c}'" for e in ENCODINGS for c in CODECS)
        )
    return encoding, codec


def _from_png(data: bytes) -> Raw:
    try:
        pixels = np.asarray(Picture.open(io.BytesIO(data)))
    except (OSError, SyntaxError, ValueError) as error:
        raise BadInput(f"compressed depth: no PNG ({error})") from error
    if pixels.ndim != 2 or pixels.dtype.itemsize < 2:
        raise BadInput(f"compressed depth: the PNG is not 16-bit grey but {pixels.dtype}")
    return pixels.astype(np.uint16)


def _to_png(raw: Raw) -> bytes:
    file = io.BytesIO()
    Picture.fromarray(raw).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _to_rvl(raw: Raw) -> bytes:
    """Wilson, "Fast Lossless Depth Image Compression" (2017): runs of zeros, then differences."""
    flat = raw.ravel().astype(np.int64)
    filled = flat != 0
    toggles = np.flatnonzero(np.diff(filled, prepend=False, append=False))
    lengths = np.diff(np.concatenate([[0], toggles, [len(flat)]]))  # zeros, filled, ..., zeros
    lengths = np.append(lengths, 0) if lengths[-1] else lengths[:-1]
    values = flat[filled]
    delta = np.diff(values, prepend=0)
    zigzag = (delta << 1) ^ (delta >> 63)
    # Each run of filled pixels stands after its two lengths.
    zeros, fills = lengths[0::2], lengths[1::2]
    at = 2 * np.arange(1, len(fills) + 1) + np.concatenate([[0], np.cumsum(fills)[:-1]])
    stream = np.zeros(len(lengths) + len(values), np.int64)
    is_length = np.zeros(len(stream), bool)
    is_length[at - 2] = is_length[at - 1] = True
    stream[at - 2], stream[at - 1] = zeros, fills
    stream[~is_length] = zigzag
    return _RVL_SIZE.pack(raw.shape[1], raw.shape[0]) + _pack_nibbles(stream)


def _from_rvl(data: bytes) -> Raw:
    if len(data) < _RVL_SIZE.size:
        raise BadInput("compressed depth: RVL data without its size")
    width, height = _RVL_SIZE.unpack_from(data)
    n = width * height
    stream = _unpack_nibbles(data[_RVL_SIZE.size :])
    flat = np.zeros(max(n, 0), np.int64)
    delta = np.zeros_like(flat)
    pixel = at = 0
    while pixel < n:
        if at + 1 >= len(stream):
            raise BadInput(f"compressed depth: RVL ends after {pixel} of {n} pixels")
        zeros, fills = int(stream[at]), int(stream[at + 1])
        at, pixel = at + 2, pixel + zeros
        code = stream[at : at + fills]
        if pixel + fills > n or len(code) < fills:
            raise BadInput(f"compressed depth: RVL does not fit {width}x{height} pixels")
        delta[pixel : pixel + fills] = (code >> 1) ^ -(code & 1)
        flat[pixel : pixel + fills] = 1
        at, pixel = at + fills, pixel + fills
    values = np.cumsum(delta) * flat
    return values.reshape(height, width).astype(np.uint16)


def _pack_nibbles(values: NDArray[np.int64]) -> bytes:
    """Write each value in 3-bit digits, low ones first; the top bit of a nibble: more follow."""
    digits = (values[:, None] >> (3 * np.arange(7))) & 7
    more = (values[:, None] >> (3 * np.arange(1, 8))) != 0
    used = np.concatenate([np.ones((len(values), 1), bool), more[:, :-1]], axis=1)
    nibbles = (digits | (more << 3))[used]
    nibbles = np.concatenate([nibbles, np.zeros(-len(nibbles) % 8, np.int64)]).reshape(-1, 8)
    words = (nibbles << (28 - 4 * np.arange(8))).sum(axis=1)
    return words.astype("<u4").tobytes()


def _unpack_nibbles(data: bytes) -> NDArray[np.int64]:
    words = np.frombuffer(data[: len(data) // 4 * 4], "<u4").astype(np.int64)
    nibbles = ((words[:, None] >> (28 - 4 * np.arange(8))) & 15).ravel()
    last = (nibbles & 8) == 0
    group = np.concatenate([[0], np.cumsum(last)[:-1]]) if len(nibbles) else np.zeros(0, np.int64)
    start = np.flatnonzero(np.concatenate([[True], last[:-1]])) if len(nibbles) else group
    place = np.arange(len(nibbles)) - start[group]
    values = np.zeros(len(start), np.int64)
    np.add.at(values, group, (nibbles & 7) << (3 * np.minimum(place, 20)))
    return values
