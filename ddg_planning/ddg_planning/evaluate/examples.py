"""Judged grasps as the network learns from them: features and what became of them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ddg_core.arrays import BoolArray, IntArray
from ddg_core.errors import BadInput
from ddg_core.grasp import Grasp
from ddg_core.hand import Hand
from ddg_core.view import ObjectView
from ddg_planning.evaluate.features import Features, features
from ddg_planning.evaluate.motions import motions
from ddg_planning.evaluate.volume import Volume, VolumeSettings
from ddg_planning.generate.hand_model import HandModel


@dataclass(frozen=True, eq=False)
class Examples:
    """N judged grasps.

    Attributes:
        links: Features per link, shape (N, L, F).
        whole: Features per grasp, shape (N, G).
        held: What became of them, shape (N,).
        scene: Number of the scene, shape (N,).
        kind: Type of grasp, shape (N,).
    """

    links: NDArray[np.float32]
    whole: NDArray[np.float32]
    held: BoolArray
    scene: IntArray
    kind: NDArray[np.str_]

    def __len__(self) -> int:
        """Return the number of grasps."""
        return len(self.held)

    def at(self, rows: BoolArray | IntArray) -> "Examples":
        """Those in `rows`."""
        return Examples(*(getattr(self, f.name)[rows] for f in fields(self)))

    @property
    def features(self) -> Features:
        """Features as tensors."""
        return Features(torch.as_tensor(self.links), torch.as_tensor(self.whole))


class Describer:
    """Turns judged grasps of one view into examples.

    Attributes:
        settings: How views are encoded.
    """

    def __init__(self, hand: Hand, settings: VolumeSettings) -> None:
        """Keep the hand as the features see it."""
        self._hand, self.settings = HandModel(hand), settings

    def __call__(
        self, view: ObjectView, grasps: Sequence[Grasp], held: Sequence[bool], scene: int
    ) -> Examples:
        """Describe grasps on a view; Failed if it shows no object."""
        volume = Volume(view, self.settings)
        with torch.inference_mode():
            seen = features(volume, motions(grasps, volume.T_base_local), self._hand)
        return Examples(
            seen.links.numpy(),
            seen.whole.numpy(),
            np.asarray(held, dtype=bool),
            np.full(len(grasps), scene),
            np.array([grasp.kind for grasp in grasps], dtype=np.str_),
        )


def join(parts: Sequence[Examples]) -> Examples:
    """All examples in one; BadInput if there are none."""
    if not parts:
        raise BadInput("there are no examples to learn from")
    columns = (np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Examples))
    return Examples(*columns)


def join_sets(sets: Sequence[Examples]) -> Examples:
    """All data sets in one; scenes of the same seed in two of them stay two scenes."""
    counts = np.cumsum([0, *(int(one.scene.max()) + 1 for one in sets)])
    return join([replace(one, scene=one.scene + n) for one, n in zip(sets, counts, strict=False)])


def save(path: Path, examples: Examples) -> None:
    """Keep the examples of one scene; the file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}")
    with partial.open("wb") as file:
        np.savez_compressed(file, **{f.name: getattr(examples, f.name) for f in fields(examples)})
    partial.replace(path)


def load(path: Path) -> Examples:
    """Read what `save` kept."""
    with np.load(path, allow_pickle=False) as file:
        return Examples(*(file[f.name] for f in fields(Examples)))
