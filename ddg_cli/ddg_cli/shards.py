"""From a data set to the shards that the training program of the large networks reads."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ddg_core.errors import BadInput, DdgError
from ddg_core.settings import to_tree

if TYPE_CHECKING:
    from ddg_planning.training.shards import Scene
    from ddg_sim.dataset.store import Dataset

RANDOM = "near_surface"  # kind of the grasps that no planner proposes


def shards_of(data: "Dataset", folder: Path) -> Path:
    """Write the shards of a data set into a folder of `folder`, unless they are there.

    Raises:
        BadInput: No scene of the data set shows an object.
    """
    from ddg_core.description import config_folder, load_hand
    from ddg_core.settings import load
    from ddg_perception.perceive import PerceptionSettings
    from ddg_planning.evaluate.images import fingerprint
    from ddg_planning.store import taught
    from ddg_planning.training import shards
    from ddg_planning.training.layout import numbers

    hand = load_hand(data.header.settings.hand)
    kinds = sorted({model.kind for model in taught(hand)})
    perception = load(config_folder() / "perception.yaml", PerceptionSettings)
    about = {
        "hand": hand.name,
        "joints": list(hand.joint_names),
        "kinds": kinds,
        "numbers": numbers(len(hand.joint_names), len(kinds)),
        "fingerprint": fingerprint(hand),
        "data": data.content(),
    }
    key = json.dumps([about, to_tree(perception)], sort_keys=True)
    target = folder / hashlib.sha256(key.encode()).hexdigest()[:12]
    done, scenes, count = target / "complete", [], 0
    if done.exists():
        return target
    for scene in _scenes(data, kinds):
        scenes.append(scene)
        if len(scenes) == shards.SCENES:
            shards.write(target / f"shard-{count:05d}.parquet", scenes, about)
            scenes, count = [], count + 1
    if scenes:
        shards.write(target / f"shard-{count:05d}.parquet", scenes, about)
    if not target.exists():
        raise BadInput(f"{data.folder}: none of its scenes shows an object, so there are no shards")
    done.touch()
    return target


def _scenes(data: "Dataset", kinds: list[str]) -> "Iterator[Scene]":
    """All scenes whose view shows an object, as images and numbers."""
    from ddg_cli.countdown import Countdown
    from ddg_cli.seen import Seen
    from ddg_planning.evaluate.picture import described

    seen, total, shown = Seen(data), len(data.seeds()), Countdown("shards")
    for done, row in enumerate(data.rows(), start=1):
        shown.show(done, total)
        found = seen.view(row) if row["grasps"] else None
        if found is None:
            continue
        record, view = found
        try:
            yield described(
                view,
                record.grasps,
                kinds,
                seed=record.seed,
                name=record.object,
                held=[result.held for result in record.results],
                planned=[grasp.kind != RANDOM for grasp in record.grasps],
            )
        except DdgError:  # too little of it is seen
            continue
