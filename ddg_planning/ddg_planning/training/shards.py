"""Shards: Parquet files of a few megabytes with images, grasps and what became of them."""

import ctypes
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor

from ddg_planning.training.layout import CHANNELS, SIZE

SCENES = 64  # per shard
ABOUT = b"ddg"  # key of what is told about a shard, in its schema
SCHEMA = pa.schema(
    [
        ("seed", pa.int64()),
        ("object", pa.string()),
        ("image", pa.binary()),  # float16, CHANNELS x SIZE x SIZE
        ("grasps", pa.binary()),  # float32, N x V
        ("held", pa.binary()),  # one byte per grasp
        ("planned", pa.binary()),  # one byte per grasp: a planner proposed it
    ]
)


@dataclass(frozen=True, eq=False)
class Scene:
    """One view and its grasps.

    Attributes:
        seed: Of the scene.
        object: Its name.
        image: Shape (CHANNELS, SIZE, SIZE).
        grasps: Shape (N, V).
        held: What became of them, shape (N,).
        planned: Whether a planner proposed them, shape (N,).
    """

    seed: int
    object: str
    image: Tensor
    grasps: Tensor
    held: Tensor
    planned: Tensor


def write(path: Path, scenes: Sequence[Scene], about: dict[str, Any]) -> None:
    """Write one shard; it appears whole or not at all."""
    rows = [
        {
            "seed": scene.seed,
            "object": scene.object,
            "image": _bytes(scene.image.half()),
            "grasps": _bytes(scene.grasps.float()),
            "held": _bytes(scene.held.to(torch.uint8)),
            "planned": _bytes(scene.planned.to(torch.uint8)),
        }
        for scene in scenes
    ]
    schema = SCHEMA.with_metadata({ABOUT: json.dumps(about, sort_keys=True)})
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}")
    pq.write_table(pa.Table.from_pylist(rows, schema), partial, compression="zstd")
    partial.replace(path)


def about(paths: Sequence[Path]) -> dict[str, Any]:
    """What is told about shards; ValueError unless all tell the same of `hand`, `kinds` ...."""
    told = [json.loads(pq.read_schema(path).metadata[ABOUT]) for path in paths]
    if not told:
        raise ValueError("there are no shards")
    shared = [{key: value for key, value in one.items() if key != "data"} for one in told]
    if any(one != shared[0] for one in shared):
        raise ValueError("the shards were made for different hands, types or features")
    data = sorted({one["data"] for one in told})
    return {**shared[0], "data": data}


def objects(paths: Sequence[Path]) -> set[str]:
    """Names of all objects in shards."""
    return {
        name
        for path in paths
        for name in pq.read_table(path, columns=["object"])["object"].to_pylist()
    }


def read(path: Path) -> Iterator[Scene]:
    """The scenes of a shard."""
    for row in pq.read_table(path, schema=SCHEMA).to_pylist():
        held = _tensor(row["held"], torch.uint8).bool()
        yield Scene(
            row["seed"],
            row["object"],
            _tensor(row["image"], torch.float16).view(CHANNELS, SIZE, SIZE),
            _tensor(row["grasps"], torch.float32).view(len(held), -1),
            held,
            _tensor(row["planned"], torch.uint8).bool(),
        )


def _bytes(tensor: Tensor) -> bytes:
    whole = tensor.contiguous()
    return ctypes.string_at(whole.data_ptr(), whole.numel() * whole.element_size())


def _tensor(data: bytes, dtype: torch.dtype) -> Tensor:
    return torch.frombuffer(bytearray(data), dtype=dtype)
