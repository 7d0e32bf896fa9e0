"""Weights with all that is needed to use and to repeat them: safetensors, never a pickle."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ddg_core.errors import BadInput
from ddg_core.hand import Hand
from ddg_core.settings import parse, to_tree
from ddg_planning.evaluate.fingerprint import fingerprint
from ddg_planning.evaluate.network import EmS, NetworkSettings
from ddg_planning.evaluate.volume import VolumeSettings

LIBRARIES = ("torch", "numpy", "scipy", "safetensors")
VERSION = 1  # of the features, the network and this file together


@dataclass(frozen=True)
class Card:
    """What the weights are and where they come from.

    Attributes:
        version: Of features and network; another version cannot be used.
        variant: Name of the evaluator, e.g. "em-s".
        hand: Name of the hand.
        links: The hand's links, in the order of the features.
        joints: The hand's driven joints, in their order.
        per_link, whole: Numbers per link and per grasp.
        volume: How views are encoded.
        network: Sizes.
        fingerprint: Features of a fixed case when it was trained; see `fingerprint`.
        data: What it was trained on: folders' content hashes, scenes, grasps.
        training: Settings and seed of the training.
        metrics: What was measured on the validation data.
        software: Versions of the libraries that shaped it.
        about: Model card, for people.
    """

    version: int
    variant: str
    hand: str
    links: tuple[str, ...]
    joints: tuple[str, ...]
    per_link: int
    whole: int
    volume: VolumeSettings
    network: NetworkSettings
    fingerprint: tuple[float, ...] = ()
    data: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    software: dict[str, str] = field(default_factory=dict)
    about: str = ""


def make_card(
    variant: str,
    hand: Hand,
    network: EmS,
    volume: VolumeSettings,
    training: object,
    data: dict[str, Any],
    metrics: dict[str, Any],
) -> Card:
    """The card of freshly trained weights; `training` is the settings of the training."""
    return Card(
        version=VERSION,
        variant=variant,
        hand=hand.name,
        links=hand.link_names,
        joints=hand.joint_names,
        per_link=len(network.link_mean),
        whole=len(network.whole_mean),
        volume=volume,
        network=network.settings,
        fingerprint=fingerprint(hand, volume),
        data=data,
        training=to_tree(training),
        metrics=metrics,
        software={name: metadata.version(name) for name in LIBRARIES},
    )


def write(path: Path, network: EmS, card: Card) -> str:
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


def read(path: Path) -> tuple[EmS, Card, str]:
    """Read network, card and hash.

    Raises:
        BadInput: No such file, not the file that its hash was written for, of another version, or
            with weights that do not fit its card.
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
        raise BadInput(f"{path}: holds no evaluative model ({error})") from error
    if tree.get("version") != VERSION:
        raise BadInput(
            f"{path}: of version {tree.get('version')}, this program reads {VERSION}; train anew"
        )
    card = parse(tree, Card, path.name)
    network = EmS(len(card.links), card.per_link, card.whole, card.network)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise BadInput(f"{path}: weights do not fit their card") from error
    network.eval()
    return network, card, digest


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")
