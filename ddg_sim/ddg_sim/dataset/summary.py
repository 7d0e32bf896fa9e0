"""What is in a data set, in numbers and in pictures."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ddg_core.errors import BadInput
from ddg_core.outcome import Outcome
from ddg_sim.dataset.codec import Row
from ddg_sim.dataset.store import Dataset
from ddg_sim.objects.catalogue import kind_of, split
from ddg_sim.objects.picture import page
from ddg_sim.rollout.rollout import SceneRecord, open_scene
from ddg_sim.rollout.strip import draw

_SIDE = 200  # pixels of a thumbnail


def summary(dataset: Dataset) -> dict[str, Any]:
    """Counts and success rates: in all, per kind of object, per kind of grasp, per split."""
    grasps = dataset.grasps()
    errors = [row["error"] for row in dataset.rows(["error"])]
    return {
        "scenes": len(errors),
        "grasps": len(grasps),
        "lifted": sum(grasp["lifted"] for grasp in grasps),
        "objects": len({grasp["object"] for grasp in grasps}),
        "success_rate": success_rate(grasps),
        "outcomes": dict(Counter(grasp["outcome"] for grasp in grasps)),
        "errors": dict(Counter(error.split(":")[0] for error in errors if error)),
        "by_object": _rates(grasps, lambda grasp: kind_of(Path(grasp["object"]).name)),
        "by_type": _rates(grasps, lambda grasp: str(grasp["kind"])),
        "by_split": _rates(grasps, lambda grasp: split(grasp["object"])),
    }


def success_rate(grasps: Sequence[Row]) -> float | None:
    """Share of the grasps that held; None of none."""
    held = sum(grasp["outcome"] == Outcome.HELD for grasp in grasps)
    return held / len(grasps) if grasps else None


def show(dataset: Dataset, path: Path, *, count: int, rng: np.random.Generator) -> Path:
    """Draw `count` grasps chosen at random, as they squeeze, with their outcomes, on one page.

    Raises:
        BadInput: There is no grasp.
    """
    numbers = [
        (row["seed"], i)
        for row in dataset.rows(["seed", "grasps"])
        for i in range(len(row["grasps"]))
    ]
    if not numbers:
        raise BadInput(f"{dataset.folder}: has no grasp to show")
    wanted: dict[int, list[int]] = defaultdict(list)
    for index in sorted(rng.choice(len(numbers), min(count, len(numbers)), replace=False)):
        wanted[numbers[index][0]].append(numbers[index][1])
    tiles: list[tuple[str, Image.Image]] = []
    for record in dataset.records():
        if record.seed in wanted:
            tiles += _tiles(dataset, record, wanted[record.seed])
    page(tiles, columns=6).save(path)
    return path


def _tiles(
    dataset: Dataset, record: SceneRecord, grasps: Sequence[int]
) -> list[tuple[str, Image.Image]]:
    simulation = open_scene(record.seed, dataset.header.settings).simulation
    states = [simulation.posed(record.grasps[i]) for i in grasps]
    centre = simulation.T_base_object[:3, 3]
    pictures = draw(simulation.world.model, states, centre, size=_SIDE)
    captions = [
        f"{Path(record.object).name} {record.grasps[i].kind} {record.results[i].outcome}"
        for i in grasps
    ]
    return list(zip(captions, map(Image.fromarray, pictures), strict=True))


def _rates(grasps: Sequence[Row], key: Callable[[Row], str]) -> dict[str, dict[str, Any]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for grasp in grasps:
        groups[key(grasp)].append(grasp)
    return {
        name: {"grasps": len(group), "success_rate": success_rate(group)}
        for name, group in sorted(groups.items())
    }
