"""Weights in a file: safetensors, never a pickle, with a card inside and a hash beside it."""

import hashlib
import json
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ddg_core.errors import BadInput
from ddg_core.settings import to_tree

_LIBRARIES = ("torch", "numpy", "scipy", "safetensors")


def software() -> dict[str, str]:
    """Versions of the libraries that shape weights."""
    return {name: metadata.version(name) for name in _LIBRARIES}


def write_weights(path: Path, network: nn.Module, card: object) -> str:
    """Write weights and card, and the SHA-256 of the file beside it; returns the hash."""
    tensors: Mapping[str, Tensor] = {
        name: tensor.detach().contiguous() for name, tensor in network.state_dict().items()
    }
    data = save(dict(tensors), {"card": json.dumps(to_tree(card), sort_keys=True)})
    digest = hashlib.sha256(data).hexdigest()
    path.parent.mkdir(parents=True, exist_ok=True)
    for target, content in ((path, data), (_beside(path), f"{digest}  {path.name}\n".encode())):
        partial = target.with_name(f".{target.name}.part")
        partial.write_bytes(content)
        partial.replace(target)
    return digest


def read_weights(path: Path, what: str, version: int) -> tuple[dict[str, Tensor], Any, str]:
    """Read tensors, card as plain values, and hash.

    Args:
        path: The file.
        what: What it should hold, for people, e.g. "evaluative model".
        version: That its card must have.

    Raises:
        BadInput: No such file, not the file that its hash was written for, or of another version.
    """
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        wanted = _beside(path).read_text(encoding="utf-8").split()[:1]
    except OSError as error:
        raise BadInput(f"{error.filename}: {error.strerror}") from error
    if wanted != [digest]:
        raise BadInput(f"{path}: damaged, its SHA-256 is not the one in {_beside(path).name}")
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            tree = json.loads((file.metadata() or {})["card"])
    except (SafetensorError, KeyError, ValueError) as error:
        raise BadInput(f"{path}: holds no {what} ({error})") from error
    if tree.get("version") != version:
        raise BadInput(
            f"{path}: of version {tree.get('version')}, this program reads {version}; train anew"
        )
    return tensors, tree, digest


def fill(path: Path, network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Give a network its weights and make it ready to judge; BadInput if they do not fit it."""
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise BadInput(f"{path}: weights do not fit their card") from error
    network.eval()


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")
