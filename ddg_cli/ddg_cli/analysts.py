"""Who computes labels of grasps at known objects: simulation's scenes meet planning's mechanics."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ddg_core.description import config_folder, load_hand
from ddg_core.settings import to_tree
from ddg_planning.parallel_jaw import label
from ddg_planning.parallel_jaw.jaws import Jaws, JawSettings
from ddg_planning.parallel_jaw.surface import Surface

if TYPE_CHECKING:
    import numpy as np

    from ddg_core.arrays import Array
    from ddg_core.grasp import Grasp
    from ddg_sim.rollout.analysis import Body
    from ddg_sim.rollout.view import SceneView


ANALYSTS = ("gqcnn",)  # proposers whose grasps are judged by computation


def settings_file() -> Path:
    """Settings of the scenes, where none are given."""
    return config_folder() / "jaw_rollouts.yaml"


def version() -> str:
    """Short hash of all that shapes the labels besides the scenes."""
    text = json.dumps(to_tree((label.LabelSettings(), JawSettings())), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def of(proposer: str, hand: str) -> JawAnalyst | None:
    """Who judged a data set's grasps, from its header; None if they were played."""
    name, *arguments = proposer.split()
    return JawAnalyst(hand, int(arguments[0])) if name in ANALYSTS else None


class JawAnalyst:
    """Judges grasps of two jaws by their robust epsilon (`ddg_sim.rollout.analysis.Analyst`)."""

    def __init__(self, hand: str, grasps: int) -> None:
        """Take the gripper's name, and how many grasps to draw per scene."""
        self._jaws, self._grasps = Jaws(load_hand(hand), JawSettings()), grasps
        self._settings = label.LabelSettings()
        self.least = self._settings.least

    def propose(self, body: Body, view: SceneView, *, rng: np.random.Generator) -> list[Grasp]:
        """Antipodal and random grasps, on the mesh and in the image."""
        return label.propose(
            _surface(body),
            view.image,
            view.mask,
            body.support_height,
            self._jaws,
            self._settings,
            n=self._grasps,
            rng=rng,
        )

    def quality(self, body: Body, grasps: Sequence[Grasp], *, rng: np.random.Generator) -> Array:
        """Robust epsilon, shape (N,)."""
        return label.quality(_surface(body), grasps, self._jaws, self._settings, rng=rng)


def _surface(body: Body) -> Surface:
    return Surface(body.vertices, body.faces, body.com)
