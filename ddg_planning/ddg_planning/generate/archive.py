"""Files of demonstrations and models: named arrays and a JSON header in one .npz, hashed."""

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ddg_core.arrays import Array
from ddg_core.errors import BadInput

Header = Mapping[str, Any]


def content_hash(header: Header, arrays: Mapping[str, Array]) -> str:
    """Sixteen hexadecimal digits that change when any value of header or arrays changes."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name], dtype=np.float64)
        digest.update(f"{name}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()[:16]


def write(path: Path, what: str, version: int, header: Header, arrays: Mapping[str, Array]) -> None:
    """Write a file of kind `what`; it appears whole or not at all."""
    top = {"what": what, "version": version, "header": dict(header)}
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    path.parent.mkdir(parents=True, exist_ok=True)
    text = np.frombuffer(json.dumps(top, sort_keys=True).encode(), dtype=np.uint8)
    with partial.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, top=text, **arrays)
    partial.replace(path)


def read(path: Path, what: str, version: int) -> tuple[dict[str, Any], dict[str, Array]]:
    """Read header and arrays of a file of kind `what`.

    Raises:
        BadInput: No such file, not such a file, or written by another version.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        top = json.loads(bytes(arrays.pop("top")).decode())
        found, written, header = top["what"], top["version"], dict(top["header"])
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or 'not a file of arrays'}") from error
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise BadInput(f"{path.name}: not a {what} of ours") from error
    if found != what:
        raise BadInput(f"{path.name}: is a {found}, not a {what}")
    if written != version:
        raise BadInput(f"{path.name}: {what} of version {written}, this program reads {version}")
    return header, arrays
