"""Refinement: the best grasps are moved a little to where the evaluative model likes them better.

The papers ascend the gradient of the predicted success or anneal. Both are here, over one shift and
turn of the whole motion and an offset of the closed fingers, within a trust region: outside of it
the model knows nothing, and inputs that are driven by its gradient find its mistakes.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from ddg_core.errors import BadInput, UnknownName
from ddg_core.grasp import Grasp
from ddg_core.ports import Rank
from ddg_core.view import ObjectView
from ddg_planning.evaluate.evaluator import Evaluator
from ddg_planning.evaluate.hill import Hill, Way
from ddg_planning.evaluate.motions import motions
from ddg_planning.evaluate.uphill import RefineSettings, anneal, ascend
from ddg_planning.evaluate.volume import Volume
from ddg_planning.generate.generator import GeneratorSettings

METHODS = {"ga": ascend, "sa": anneal}


class Refiner:
    """Moves the best grasps uphill; the answers are further candidates, judged like all others."""

    def __init__(
        self,
        evaluator: Evaluator,
        method: str,
        generator: GeneratorSettings,
        settings: RefineSettings,
    ) -> None:
        """Take the model whose logit is climbed, and what makes a motion valid (`generator`).

        Raises:
            UnknownName: No method is called so.
        """
        if method not in METHODS:
            raise UnknownName("refinement", method, METHODS)
        self._evaluator, self._method = evaluator, method
        self._generator, self._settings = generator, settings

    def __call__(self, view: ObjectView, grasps: Sequence[Grasp]) -> list[Grasp]:
        """Return new grasps that the model prefers to those of `grasps` that they come from.

        Raises:
            BadInput: A grasp of another hand.
            Failed: NO_CLOUD if the view shows no object.
        """
        if not grasps:
            return []
        s, evaluator = self._settings, self._evaluator
        volume = Volume(view, evaluator.card.volume)
        p, _ = evaluator.judge(volume, grasps)
        chosen = [grasps[i] for i in np.argsort(-p, kind="stable")[: s.best]]
        moved = motions(chosen, volume.T_base_local)
        hill = Hill(volume, moved, evaluator.hand, evaluator.logits, s)
        way = Way(view, volume, hill, self._generator)
        start = torch.zeros(len(chosen), hill.size)
        with torch.no_grad():
            before = hill.logits(start)
        offsets, after = METHODS[self._method](hill.logits, way.free, start, s)
        risen = torch.nonzero(after > before + s.gain)[:, 0].tolist()
        clearance = way.clearance(offsets)
        return [
            replace(
                hill.grasp(chosen[i], offsets, i),
                clearance=max(float(clearance[i]), 0.0),
                models=(*chosen[i].models, ("refine", self._method)),
            )
            for i in risen
        ]


def load_refiner(
    name: str,
    rank: Rank,
    generator: GeneratorSettings,
    settings: RefineSettings,
) -> Refiner | None:
    """Return the refinement of that name; None for "none".

    Raises:
        UnknownName: There is none of that name.
        BadInput: The evaluator is not the one whose features can be followed.
    """
    if name == "none":
        return None
    if not isinstance(rank, Evaluator):
        raise BadInput(f"refinement {name!r} follows the evaluator em-s; choose that one")
    return Refiner(rank, name, generator, settings)
