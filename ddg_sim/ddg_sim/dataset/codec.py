"""One scene as one row of plain values, and back."""

import hashlib
import io
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from ddg_core.arrays import Array, BoolArray
from ddg_core.camera import Camera
from ddg_core.grasp import Grasp
from ddg_core.outcome import Outcome
from ddg_core.view import DepthImage
from ddg_sim.rollout.rollout import SceneRecord
from ddg_sim.rollout.simulate import GraspResult
from ddg_sim.rollout.view import SceneView

Row = dict[str, Any]
DEPTH_UNIT = 1e-4  # metres per unit of a stored depth image; 0 = no reading
NUMBERS = ("shift", "turn", "tilt", "yaw", "time_held", "most_rise", "links")

_floats = pa.list_(pa.float64())
VIEW = pa.struct([("depth", pa.binary()), ("mask", pa.binary()), ("T_base_camera", _floats)])
GRASP = pa.struct(
    [
        ("kind", pa.string()),
        ("T_base_wrist", _floats),
        ("joints", _floats),
        ("log_likelihood", pa.float64()),
        ("outcome", pa.string()),
        ("message", pa.string()),
        ("lifted", pa.bool_()),
        ("steps", pa.int32()),
        ("six_directions", pa.bool_()),
        ("pull_shift", pa.float64()),
        *((name, pa.float64()) for name in NUMBERS),
    ]
)
SCENE = pa.schema(
    [
        ("seed", pa.int64()),
        ("object", pa.string()),
        ("T_base_object", _floats),
        ("friction", pa.float64()),
        ("mass", pa.float64()),
        ("scale", pa.float64()),
        ("support_height", pa.float64()),
        ("error", pa.string()),
        ("views", pa.list_(VIEW)),
        ("grasps", pa.list_(GRASP)),
        ("content", pa.string()),
    ]
)


def encode(record: SceneRecord, error: str = "") -> Row:
    """Turn a record into a row of `SCENE`, with the hash of its content.

    Args:
        record: The scene.
        error: Why no grasps could be proposed; empty if they could.
    """
    row: Row = {
        "seed": record.seed,
        "object": record.object,
        "T_base_object": _flat(record.T_base_object),
        "friction": record.friction,
        "mass": record.mass,
        "scale": record.scale,
        "support_height": record.support_height,
        "error": error,
        "views": [_encode_view(view) for view in record.views],
        "grasps": [
            _encode_grasp(grasp, result)
            for grasp, result in zip(record.grasps, record.results, strict=True)
        ],
    }
    return {**row, "content": content_of(row)}


def content_of(row: Row) -> str:
    """Hash of a row without its own hash."""
    digest = hashlib.sha256()
    _feed(digest, {key: value for key, value in row.items() if key != "content"})
    return digest.hexdigest()


def decode(row: Row, *, hand: str, camera: Camera) -> SceneRecord:
    """Turn a row back into a record.

    Args:
        row: Of `SCENE`.
        hand: Name of the data set's hand.
        camera: The data set's camera.
    """
    return SceneRecord(
        seed=row["seed"],
        object=row["object"],
        T_base_object=np.reshape(row["T_base_object"], (4, 4)),
        friction=row["friction"],
        mass=row["mass"],
        scale=row["scale"],
        support_height=row["support_height"],
        views=tuple(_decode_view(v, camera, row["support_height"]) for v in row["views"]),
        grasps=tuple(_decode_grasp(g, hand) for g in row["grasps"]),
        results=tuple(_decode_result(g) for g in row["grasps"]),
    )


def _encode_view(view: SceneView) -> Row:
    depth = np.rint(np.nan_to_num(view.image.depth, nan=0.0) / DEPTH_UNIT)
    return {
        "depth": _png(Image.fromarray(depth.clip(0, 65535).astype(np.uint16))),
        "mask": _png(Image.fromarray(view.mask)),
        "T_base_camera": _flat(view.image.T_base_camera),
    }


def _decode_view(row: Row, camera: Camera, support_height: float) -> SceneView:
    raw = np.asarray(Image.open(io.BytesIO(row["depth"])), dtype=np.float64)
    depth = np.where(raw > 0.0, raw * DEPTH_UNIT, np.nan)
    mask: BoolArray = np.asarray(Image.open(io.BytesIO(row["mask"])), dtype=bool)
    T_base_camera = np.reshape(row["T_base_camera"], (4, 4))
    return SceneView(DepthImage(depth, camera, T_base_camera), mask, support_height)


def _encode_grasp(grasp: Grasp, result: GraspResult) -> Row:
    return {
        "kind": grasp.kind,
        "T_base_wrist": _flat(grasp.T_base_wrist),
        "joints": _flat(grasp.joints),
        "log_likelihood": grasp.log_likelihood,
        "outcome": str(result.outcome),
        "message": result.message,
        "lifted": result.lifted,
        "steps": result.steps,
        "six_directions": result.six_directions,
        "pull_shift": result.pull_shift,
        **{name: result.numbers.get(name) for name in NUMBERS},
    }


def _decode_grasp(row: Row, hand: str) -> Grasp:
    T_base_wrist = np.reshape(row["T_base_wrist"], (-1, 4, 4))
    joints = np.reshape(row["joints"], (len(T_base_wrist), -1))
    return Grasp(T_base_wrist, joints, hand, row["kind"], row["log_likelihood"])


def _decode_result(row: Row) -> GraspResult:
    return GraspResult(
        outcome=Outcome(row["outcome"]),
        message=row["message"],
        lifted=row["lifted"],
        steps=row["steps"],
        numbers={name: row[name] for name in NUMBERS if row[name] is not None},
        six_directions=row["six_directions"],
        pull_shift=row["pull_shift"],
    )


def _flat(values: Array) -> list[float]:
    flat: list[float] = np.asarray(values, dtype=np.float64).ravel().tolist()
    return flat


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()


def _feed(digest: "hashlib._Hash", value: object) -> None:
    """Add a value to a hash so that different values give different bytes."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            _feed(digest, key)
            _feed(digest, item)
    elif isinstance(value, bytes | str):
        data = value.encode() if isinstance(value, str) else value
        digest.update(struct.pack("<q", len(data)) + data)
    elif isinstance(value, Sequence):
        digest.update(struct.pack("<q", len(value)))
        for item in value:
            _feed(digest, item)
    elif isinstance(value, float):
        digest.update(struct.pack("<d", value))
    else:
        digest.update(repr(value).encode() + b";")
