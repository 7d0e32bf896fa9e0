"""From shards to batches: balanced, shuffled, augmented so that labels stay true."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ddg_planning.training.layout import MASK, RANGE, small_turns, turn_grasps, turn_images
from ddg_planning.training.shards import Scene, read

GROUP = 4  # shards in memory at a time; scenes are shuffled among these


@dataclass(frozen=True, eq=False)
class Batch:
    """Images and grasps of some scenes.

    Attributes:
        images: Shape (S, C, H, W).
        scene: Which image each grasp belongs to, shape (N,).
        grasps: Shape (N, V).
        held: Shape (N,).
    """

    images: Tensor
    scene: Tensor
    grasps: Tensor
    held: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The same on a device."""
        parts = (self.images, self.scene, self.grasps, self.held)
        return Batch(*(part.to(device, non_blocking=True) for part in parts))


def batches(
    paths: Sequence[Path], scenes: int, grasps: int, rng: torch.Generator
) -> Iterator[Batch]:
    """All scenes once, in random order; of each `grasps` grasps, half of them held if it can be."""
    order = [paths[i] for i in torch.randperm(len(paths), generator=rng).tolist()]
    for start in range(0, len(order), GROUP):
        group = [scene for path in order[start : start + GROUP] for scene in read(path)]
        mixed = [group[i] for i in torch.randperm(len(group), generator=rng).tolist()]
        for first in range(0, len(mixed), scenes):
            some = [(scene, balanced(scene.held, grasps, rng)) for scene in mixed[first:][:scenes]]
            yield augmented(joined(some), rng)


def whole(paths: Sequence[Path], scenes: int) -> Iterator[tuple[Batch, list[Scene]]]:
    """All scenes in order with all their grasps, as they are."""
    for path in paths:
        some = list(read(path))
        for first in range(0, len(some), scenes):
            part = some[first : first + scenes]
            yield joined([(scene, torch.arange(len(scene.held))) for scene in part]), part


def balanced(held: Tensor, count: int, rng: torch.Generator) -> Tensor:
    """Indices of `count` grasps, half of them held as far as there are enough of both."""
    mixed = torch.randperm(len(held), generator=rng)
    good, bad = mixed[held[mixed]], mixed[~held[mixed]]
    half = count // 2
    good_count = min(len(good), max(half, count - len(bad)))
    return torch.cat([good[:good_count], bad[: count - good_count]])


def joined(chosen: Sequence[tuple[Scene, Tensor]]) -> Batch:
    """One batch of chosen grasps."""
    counts = torch.tensor([len(rows) for _, rows in chosen])
    return Batch(
        torch.stack([scene.image.float() for scene, _ in chosen]),
        torch.repeat_interleave(torch.arange(len(chosen)), counts),
        torch.cat([scene.grasps[rows] for scene, rows in chosen]),
        torch.cat([scene.held[rows] for scene, rows in chosen]).float(),
    )


def augmented(batch: Batch, rng: torch.Generator) -> Batch:
    """Turned cameras, noisy ranges, missing pixels: none changes what becomes of a grasp."""
    turns = small_turns(len(batch.images), 0.06, rng)
    images = turn_images(batch.images, turns)
    shape = images[:, MASK].shape
    images[:, RANGE] += 0.02 * torch.randn(shape, generator=rng) * images[:, MASK]
    share = 0.1 * torch.rand(len(images), 1, 1, generator=rng)
    images *= (torch.rand(shape, generator=rng) >= share)[:, None]
    return Batch(images, batch.scene, turn_grasps(batch.grasps, turns[batch.scene]), batch.held)
