"""Weights and training states as safetensors; a card of plain values; never a pickle."""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

VERSION = 1


def write(path: Path, model: nn.Module, card: dict[str, Any]) -> str:
    """Write weights and card, and the SHA-256 of the file beside it; returns the hash."""
    data = save(_whole(model.state_dict()), {"card": json.dumps(card, sort_keys=True)})
    digest = hashlib.sha256(data).hexdigest()
    _replace(path, data)
    _replace(path.with_name(f"{path.name}.sha256"), f"{digest}  {path.name}\n".encode())
    return digest


def keep(
    path: Path, model: nn.Module, optimiser: torch.optim.Optimizer, told: dict[str, Any]
) -> None:
    """Write all that a training needs to go on."""
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    for number, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{name}": value for name, value in state.items()}
    _replace(path, save(_whole(tensors), {"told": json.dumps(told)}))


def go_on(path: Path, model: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Any]:
    """Put back what `keep` kept; returns what was told."""
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        told: dict[str, Any] = json.loads(file.metadata()["told"])
    model.load_state_dict(
        {name[6:]: value for name, value in tensors.items() if name.startswith("model.")}
    )
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimiser."):
            _, number, key = name.split(".")
            state.setdefault(int(number), {})[key] = value
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
    return told


def _whole(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    partial.write_bytes(data)
    partial.replace(path)
