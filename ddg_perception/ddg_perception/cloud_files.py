"""Recorded clouds: PCD files of every data kind, and PLY files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ddg_core.arrays import Array
from ddg_core.errors import BadInput


@dataclass(frozen=True, eq=False)
class CloudFile:
    """A recorded cloud.

    Attributes:
        points: Finite points in the file's frame, shape (N, 3), in [m].
        viewpoint: Where it was seen from, shape (3,), in [m]; None where the file does not tell.
    """

    points: Array
    viewpoint: Array | None


def read_cloud(path: Path | str) -> CloudFile:
    """Read a cloud from .pcd or .ply.

    Raises:
        BadInput: No such file, another format, or no x, y and z in it.
    """
    path = Path(path)
    try:
        if path.suffix.lower() == ".pcd":
            points, viewpoint = _read_pcd(path.read_bytes())
        elif path.suffix.lower() == ".ply":
            points, viewpoint = _read_ply(path), None
        else:
            raise BadInput(f"{path.name}: clouds are read from .pcd and .ply, not {path.suffix!r}")
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}") from error
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise BadInput(f"{path.name}: not readable as {path.suffix}: {error}") from error
    return CloudFile(points[np.isfinite(points).all(axis=1)], viewpoint)


def _read_ply(path: Path) -> Array:
    import trimesh  # only where a PLY is read

    loaded: Any = trimesh.load(path, process=False)
    return np.asarray(loaded.vertices, np.float64).reshape(-1, 3)


def _read_pcd(data: bytes) -> tuple[Array, Array | None]:
    header: dict[str, list[str]] = {}
    at = 0
    while "DATA" not in header:
        end = data.find(b"\n", at)
        if end < 0:
            raise ValueError("the header has no DATA line")
        words = data[at:end].decode("ascii", "replace").split("#")[0].split()
        at = end + 1
        if words:
            header[words[0]] = words[1:]
    counts = [int(c) for c in header.get("COUNT", ["1"] * len(header["FIELDS"]))]
    kinds = zip(header["FIELDS"], header["TYPE"], header["SIZE"], counts, strict=True)
    dtype = np.dtype(
        [
            # Padding fields are all called "_".
            (f"{name}{i}" if name == "_" else name, f"<{kind.lower()}{size}", (count,))
            for i, (name, kind, size, count) in enumerate(kinds)
        ]
    )
    missing = [axis for axis in "xyz" if axis not in header["FIELDS"]]
    if missing:
        raise ValueError(f"no field {missing[0]!r}; it has {', '.join(header['FIELDS'])}")
    n = int(header["POINTS"][0] if "POINTS" in header else header["WIDTH"][0])
    columns = _columns(header["DATA"][0], data[at:], dtype, counts, n)
    points = np.stack([columns[axis] for axis in "xyz"], axis=1).astype(np.float64)
    return points, _viewpoint(header.get("VIEWPOINT"))


def _columns(
    kind: str, body: bytes, dtype: np.dtype, counts: list[int], n: int
) -> dict[str, np.ndarray]:
    """First value of each field, shape (n,) each."""
    names = list(dtype.names or ())
    if kind == "ascii":
        table = np.array(body.split(), np.float64).reshape(-1, sum(counts))[:n]
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        columns = {name: table[:, k] for name, k in zip(names, starts, strict=True)}
    elif kind == "binary":
        records = np.frombuffer(body, dtype, n)
        columns = {name: records[name][:, 0] for name in names}
    elif kind == "binary_compressed":
        packed, size = np.frombuffer(body, "<u4", 2)
        raw = _decompress(body[8 : 8 + int(packed)], int(size))
        columns, at = {}, 0
        for name in names:
            field = dtype[name]
            values = np.frombuffer(raw, field.base, n * field.shape[0], at)
            columns[name] = values.reshape(n, -1)[:, 0]
            at += n * field.itemsize
    else:
        raise ValueError(f"DATA {kind!r} is none of ascii, binary, binary_compressed")
    if len(columns["x"]) < n:
        raise ValueError(f"{len(columns['x'])} points, but the header says {n}")
    return columns


def _decompress(data: bytes, size: int) -> bytes:
    """LZF: literal runs, and copies of what was already written."""
    out = bytearray()
    at = 0
    while at < len(data):
        control = data[at]
        at += 1
        if control < 32:
            out += data[at : at + control + 1]
            at += control + 1
            continue
        length = control >> 5
        if length == 7:
            length += data[at]
            at += 1
        start = len(out) - ((control & 31) << 8) - data[at] - 1
        at += 1
        if start < 0:
            raise ValueError("the compressed data points before its start")
        for k in range(start, start + length + 2):  # byte by byte: a copy may overlap itself
            out.append(out[k])
    if len(out) != size:
        raise ValueError(f"the compressed data unpacks to {len(out)} bytes, not {size}")
    return bytes(out)


def _viewpoint(words: list[str] | None) -> Array | None:
    """The header's viewpoint; 0 0 0 is what writers leave there who know of none."""
    viewpoint = np.array((words or ["0", "0", "0"])[:3], np.float64)
    return viewpoint if viewpoint.any() else None
