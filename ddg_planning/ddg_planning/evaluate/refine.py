"""Refinement: the best grasps are moved a little to where the evaluative model likes them better.

The papers ascend the gradient of the predicted success or anneal. Both are here, over one shift and
turn of the whole motion and an offset of the closed fingers, within a trust region: outside of it
the model knows nothing, and inputs that are driven by its gradient find its mistakes.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch

from ddg_core.errors import BadInput, UnknownName
from ddg_core.grasp import Grasp
from ddg_core.ports import Rank
from ddg_core.view import ObjectView
from ddg_planning.evaluate.evaluator import Evaluator
from ddg_planning.evaluate.hill import Hill, Way
from ddg_planning.evaluate.motions import motions
from ddg_planning.evaluate.refine_settings import RefineSettings
from ddg_planning.evaluate.uphill import anneal, ascend
from ddg_planning.evaluate.volume import Volume
from ddg_planning.generate.generator import GeneratorSettings

METHODS = {"ga": ascend, "sa": anneal}


class Refiner:
    """Ranks grasps, moves the best uphill, and ranks what they become among all (`Rank`)."""

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
        """Return the same grasps and those that the best become, all judged, the best first.

        Raises:
            BadInput: A grasp of another hand.
            Failed: NO_CLOUD if the view shows no object.
        """
        if not grasps:
            return []
        volume = Volume(view, self._evaluator.card.volume)
        ranked = self._evaluator.rank(volume, grasps)
        moved = self._moved(view, volume, ranked[: self._settings.best])
        if moved:
            ranked += self._evaluator.rank(volume, moved)
        return sorted(ranked, key=lambda grasp: -(grasp.p_success or 0.0))

    def _moved(self, view: ObjectView, volume: Volume, grasps: Sequence[Grasp]) -> list[Grasp]:
        """What grasps become that the model likes better elsewhere; they are not judged yet."""
        s, evaluator = self._settings, self._evaluator
        hill = Hill(
            volume, motions(grasps, volume.T_base_local), evaluator.hand, evaluator.logits, s
        )
        way = Way(view, volume, hill, self._generator)
        start = torch.zeros(len(grasps), hill.size)
        with torch.no_grad():
            before = hill.logits(start)
        offsets, after = METHODS[self._method](hill.logits, way.free, start, s)
        clearance = way.clearance(offsets)
        return [
            replace(
                hill.grasp(grasps[i], offsets, i),
                clearance=max(float(clearance[i]), 0.0),
                models=tuple(
                    ("refine", self._method) if role == "evaluate" else (role, model)
                    for role, model in grasps[i].models
                ),
            )
            for i in torch.nonzero(after > before + s.gain)[:, 0].tolist()
        ]


def load_refiner(
    name: str,
    rank: Rank,
    generator: GeneratorSettings,
    settings: RefineSettings,
) -> Rank:
    """Return a judge with the refinement of that name; `rank` itself for "none".

    Raises:
        UnknownName: There is none of that name.
        BadInput: The evaluator is not the one whose features can be followed.
    """
    if name == "none":
        return rank
    if not isinstance(rank, Evaluator):
        raise BadInput(f"refinement {name!r} follows the evaluator em-s; choose that one")
    return Refiner(rank, name, generator, settings)
