"""Probabilities of grasps in shards, and writing them back alone: large weights need not travel."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from safetensors import safe_open
from torch import Tensor

from ddg_planning.training.batches import whole
from ddg_planning.training.networks import Judge


def load(path: Path) -> tuple[Judge, dict[str, Any]]:
    """Network and card; ValueError if it is no file of this program."""
    with safe_open(path, framework="pt") as file:
        card = json.loads((file.metadata() or {}).get("card", "{}"))
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if "numbers" not in card:
        raise ValueError(f"{path}: holds no large evaluative model")
    model = Judge(card["variant"], card["numbers"])
    model.load_state_dict(tensors)
    return model.eval(), card


def probabilities(model: Judge, logits: Tensor) -> tuple[Tensor, Tensor]:
    """Calibrated probability (N,) and its spread over the heads (N,) of logits (heads, N)."""
    p = torch.sigmoid(model.scale * logits + model.shift)
    return p.mean(dim=0), p.std(dim=0, correction=0)


@torch.inference_mode()
def score(weights: Path, shards: Sequence[Path], out: Path) -> None:
    """Write seed, number of the grasp, probability and its spread."""
    model, card = load(weights)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device)
    rows = []
    for batch, scenes in whole(shards, 1):
        there = batch.to(device)
        p, std = probabilities(model, model(there.images, there.scene, there.grasps))
        pairs = zip(p.tolist(), std.tolist(), strict=True)
        seed = scenes[0].seed
        rows += [
            {"seed": seed, "grasp": i, "p_success": a, "p_std": b} for i, (a, b) in enumerate(pairs)
        ]
    out.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(rows).replace_schema_metadata({"card": json.dumps(card)})
    pq.write_table(table, out, compression="zstd")
