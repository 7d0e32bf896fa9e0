"""Scenes of a data set as the planner would see them; what was computed is kept in its folder."""

import hashlib
import json
from typing import TYPE_CHECKING, Any

from ddg_core.errors import DdgError

if TYPE_CHECKING:
    from ddg_core.view import ObjectView
    from ddg_planning.evaluate.examples import Examples
    from ddg_sim.dataset.codec import Row
    from ddg_sim.dataset.store import Dataset
    from ddg_sim.rollout.rollout import SceneRecord

FEATURES = "features"  # folder in a data set


class Seen:
    """Views and features of the scenes of a data set."""

    def __init__(self, data: "Dataset") -> None:
        """Read the settings of perception; features lie in a folder for these and those of EM-S."""
        from ddg_core.description import config_folder, load_hand
        from ddg_core.settings import load
        from ddg_perception.perceive import PerceptionSettings
        from ddg_planning.evaluate.checkpoint import VERSION
        from ddg_planning.evaluate.examples import Describer
        from ddg_planning.evaluate.volume import VolumeSettings

        settings = VolumeSettings()
        self._rollouts = data.header.settings
        self._perception = load(config_folder() / "perception.yaml", PerceptionSettings)
        self._describe = Describer(load_hand(self._rollouts.hand), settings)
        self._folder = data.folder / FEATURES / _key(VERSION, self._perception, settings)

    def view(self, row: "Row") -> "tuple[SceneRecord, ObjectView] | None":
        """The scene and what is seen of it; None if its view shows nothing that can be grasped."""
        import numpy as np

        from ddg_perception.perceive import perceive
        from ddg_sim.dataset.codec import decode

        record = decode(row, hand=self._rollouts.hand, camera=self._rollouts.view.camera)
        try:
            rng = np.random.default_rng(record.seed)
            return record, perceive(record.views[0].image, self._perception, rng=rng)
        except DdgError:  # nothing could be planned on this view either
            return None

    def features(self, row: "Row") -> "Examples | None":
        """Features of all grasps of a scene; None if there is nothing to learn from it."""
        from ddg_planning.evaluate.examples import load, save

        path = self._folder / f"{row['content'][:32]}.npz"
        nothing = path.with_suffix(".none")
        if path.exists():
            return load(path)
        if not row["grasps"] or nothing.exists():
            return None
        scene = self._described(row)
        if scene is None:
            nothing.parent.mkdir(parents=True, exist_ok=True)
            nothing.touch()
        else:
            save(path, scene)
        return scene

    def _described(self, row: "Row") -> "Examples | None":
        found = self.view(row)
        if found is None:
            return None
        record, view = found
        held = [result.held for result in record.results]
        try:
            return self._describe(view, record.grasps, held, record.seed)
        except DdgError:  # too little of it is seen
            return None


def _key(*shaping: Any) -> str:
    """Short hash of all that shapes features: another shape, another folder."""
    from ddg_core.settings import to_tree

    text = json.dumps([to_tree(value) for value in shaping], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
