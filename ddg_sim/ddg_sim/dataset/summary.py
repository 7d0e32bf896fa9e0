"""What is in a data set, in numbers and in pictures."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ddg_core.errors import BadInput
from ddg_core.outcome import Outcome
from ddg_core.statistics import bootstrap_by_object, wilson
from ddg_sim.dataset.codec import Row
from ddg_sim.dataset.store import Dataset
from ddg_sim.objects.catalogue import kind_of, split
from ddg_sim.objects.picture import page
from ddg_sim.rollout.rollout import SceneRecord, open_scene
from ddg_sim.rollout.strip import draw

_SIDE = 200  # pixels of a thumbnail


def summary(dataset: Dataset) -> dict[str, Any]:
    """Counts and success rates: in all, per family of objects, per type of grasp, per split.

    Wilson intervals take grasps as independent; `bootstrap95` draws whole objects.
    """
    grasps = dataset.grasps()
    errors = [row["error"] for row in dataset.rows(["error"])]
    held = [grasp["outcome"] == Outcome.HELD for grasp in grasps]
    objects = [grasp["object"] for grasp in grasps]
    return {
        "scenes": len(errors),
        "grasps": len(grasps),
        "lifted": sum(grasp["lifted"] for grasp in grasps),
        "objects": len(set(objects)),
        "held": sum(held),
        "success_rate": success_rate(grasps),
        "bootstrap95": bootstrap_by_object(held, objects, rng=np.random.default_rng(0)),
        "outcomes": dict(Counter(grasp["outcome"] for grasp in grasps)),
        "errors": dict(Counter(error.split(":")[0] for error in errors if error)),
        "by_family": _rates(grasps, lambda grasp: kind_of(Path(grasp["object"]).name)),
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
    for record in dataset.records(wanted):
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
    return {name: _rate(group) for name, group in sorted(groups.items())}


def _rate(grasps: Sequence[Row]) -> dict[str, Any]:
    n, held = len(grasps), sum(grasp["outcome"] == Outcome.HELD for grasp in grasps)
    return {"n": n, "held": held, "success_rate": held / n, "wilson95": wilson(held, n)}
