"""Point clouds of any field layout: message <-> arrays, in pairs."""

from collections.abc import Mapping, Sequence

import numpy as np
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header

from ddg_core.arrays import Array
from ddg_core.errors import BadInput
from ddg_core.ros.convert_image import to_bytes
from ddg_core.view import FeatureCloud

_TYPES: dict[int, str] = {
    PointField.INT8: "i1",
    PointField.UINT8: "u1",
    PointField.INT16: "i2",
    PointField.UINT16: "u2",
    PointField.INT32: "i4",
    PointField.UINT32: "u4",
    PointField.FLOAT32: "f4",
    PointField.FLOAT64: "f8",
}
XYZ = ("x", "y", "z")
NORMAL = ("normal_x", "normal_y", "normal_z")
DIRECTION = ("direction_x", "direction_y", "direction_z")
CURVATURE = ("k1", "k2")


def columns_from_msg(msg: PointCloud2, names: Sequence[str]) -> Array:
    """Fields of all points, row by row, shape (height * width, len(names)); NaN points stay.

    Raises:
        BadInput: A field is missing or of an unknown type, or the data has not the size it says.
    """
    n = msg.height * msg.width
    if n == 0:
        return np.zeros((0, len(names)))
    if msg.row_step < msg.width * msg.point_step or len(msg.data) < msg.row_step * msg.height:
        raise BadInput(
            f"cloud: {msg.height} rows of {msg.width} points of {msg.point_step} bytes do not fit "
            f"row_step {msg.row_step} and {len(msg.data)} bytes of data"
        )
    rows = np.frombuffer(msg.data, np.uint8, msg.row_step * msg.height)
    rows = rows.reshape(msg.height, msg.row_step)[:, : msg.width * msg.point_step]
    records = np.ascontiguousarray(rows).reshape(n, msg.point_step)
    return np.stack([_column(msg, records, name) for name in names], axis=1)


def points_from_msg(msg: PointCloud2) -> Array:
    """Positions of all points, shape (height * width, 3), in the message's frame; NaN points stay.

    Raises:
        BadInput: See `columns_from_msg`.
    """
    return columns_from_msg(msg, XYZ)


def columns_to_msg(
    columns: Mapping[str, Array], header: Header, shape: tuple[int, int] | None = None
) -> PointCloud2:
    """Pack columns of equal length as FLOAT32 fields, in one row or in `shape` (rows, columns)."""
    records = np.stack([np.asarray(c, np.float32) for c in columns.values()], axis=1)
    height, width = shape or (1, len(records))
    if height * width != len(records):
        raise BadInput(f"cloud: {len(records)} points are not {height} rows of {width}")
    msg = PointCloud2(header=header, height=height, width=width, is_bigendian=False)
    msg.fields = [
        PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1)
        for i, name in enumerate(columns)
    ]
    msg.point_step = 4 * len(columns)
    msg.row_step = msg.point_step * width
    msg.is_dense = bool(np.isfinite(records).all())
    msg.data = to_bytes(records.astype("<f4"))
    return msg


def points_to_msg(
    points: Array, header: Header, shape: tuple[int, int] | None = None
) -> PointCloud2:
    """Pack positions (N, 3) in [m]."""
    return columns_to_msg(dict(zip(XYZ, points.T, strict=True)), header, shape)


def feature_cloud_to_msg(cloud: FeatureCloud, header: Header) -> PointCloud2:
    """Pack points with normal, first principal direction and both principal curvatures."""
    values = np.concatenate(
        [cloud.points, cloud.normals, cloud.frames[:, :, 0], cloud.curvatures], axis=1
    )
    names = (*XYZ, *NORMAL, *DIRECTION, *CURVATURE)
    return columns_to_msg(dict(zip(names, values.T, strict=True)), header)


def feature_cloud_from_msg(msg: PointCloud2) -> FeatureCloud:
    """Unpack `feature_cloud_to_msg`; the local frames are made orthonormal again.

    Raises:
        BadInput: See `columns_from_msg`; also directions of no length, and NaN.
    """
    values = columns_from_msg(msg, (*XYZ, *NORMAL, *DIRECTION, *CURVATURE))
    points, normal, first, curvatures = np.split(values, [3, 6, 9], axis=1)
    normal = _unit("normal", normal)
    first = _unit("direction", first - (first * normal).sum(axis=1, keepdims=True) * normal)
    frames = np.stack([first, np.cross(normal, first), normal], axis=2)
    return FeatureCloud(points, frames, curvatures)


def _column(msg: PointCloud2, records: np.ndarray, name: str) -> Array:
    for field in msg.fields:
        if field.name == name:
            break
    else:
        have = ", ".join(field.name for field in msg.fields) or "none"
        raise BadInput(f"cloud: no field {name!r}; it has {have}")
    if field.datatype not in _TYPES:
        raise BadInput(f"cloud: field {name!r} has type {field.datatype}, none of {sorted(_TYPES)}")
    item = np.dtype(_TYPES[field.datatype]).newbyteorder(">" if msg.is_bigendian else "<")
    end = field.offset + item.itemsize
    if end > msg.point_step:
        raise BadInput(f"cloud: field {name!r} ends at byte {end} of {msg.point_step}")
    raw = np.ascontiguousarray(records[:, field.offset : end]).view(item)
    return raw[:, 0].astype(np.float64)


def _unit(name: str, vectors: Array) -> Array:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (length > 1e-6).all():
        raise BadInput(f"cloud: a {name} has no length, or is NaN")
    unit: Array = vectors / length
    return unit
