"""Judges of grasps by name: views are encoded once, grasps judged in portions."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ddg_core.arrays import Array
from ddg_core.errors import BadInput, UnknownName
from ddg_core.grasp import Grasp
from ddg_core.hand import Hand
from ddg_core.ports import Rank
from ddg_core.view import ObjectView
from ddg_planning.evaluate.checkpoint import read_for
from ddg_planning.evaluate.features import Features, features
from ddg_planning.evaluate.motions import motions
from ddg_planning.evaluate.ranking import ranked
from ddg_planning.evaluate.volume import Volume
from ddg_planning.generate.hand_model import HandModel
from ddg_planning.plan import by_likelihood

WEIGHTS = Path(__file__).parents[1] / "data" / "evaluators"
EVALUATORS = ("none", "em-s", "em1", "em2", "em3")
PORTION = 512  # grasps judged at once: bounds the memory whatever their number


class Evaluator:
    """Ranks grasps by a calibrated probability that they hold (`Rank`).

    Attributes:
        id: SHA-256 of the weights.
        card: What they are.
        hand: The hand as the features see it.
    """

    def __init__(self, path: Path, hand: Hand) -> None:
        """Load weights; BadInput if they cannot be used (`checkpoint.read_for`)."""
        self._network, self.card, self.id = read_for(path, hand)
        self.hand = HandModel(hand)

    def __call__(self, view: ObjectView, grasps: Sequence[Grasp]) -> list[Grasp]:
        """Return the same grasps with `p_success`, `p_std` and `score` set, the best first.

        Raises:
            BadInput: A grasp of another hand.
            Failed: NO_CLOUD if the view shows no object.
        """
        return self.rank(Volume(view, self.card.volume), grasps) if grasps else []

    def rank(self, volume: Volume, grasps: Sequence[Grasp]) -> list[Grasp]:
        """The same on an encoded view."""
        return ranked(grasps, *self.judge(volume, grasps), self.id)

    def judge(self, volume: Volume, grasps: Sequence[Grasp]) -> tuple[Array, Array]:
        """Probability (N,) and its standard deviation (N,) of grasps on an encoded view."""
        for grasp in grasps:
            if grasp.hand != self.card.hand or grasp.joints.shape[1] != len(self.card.joints):
                raise BadInput(f"a grasp of hand {grasp.hand!r}; judges {self.card.hand!r}")
        found = []
        with torch.inference_mode():
            for start in range(0, len(grasps), PORTION):
                moved = motions(grasps[start : start + PORTION], volume.T_base_local)
                found.append(torch.stack(self._network(features(volume, moved, self.hand))))
        p, std = torch.cat(found, dim=1).double().numpy()
        return np.clip(p, 1e-6, 1.0 - 1e-6), std

    @torch.inference_mode()
    def judge_features(self, seen: Features) -> tuple[Array, Array]:
        """The same of N grasps whose features were computed before."""
        p, std = torch.stack(self._network(seen)).double().numpy()
        return np.clip(p, 1e-6, 1.0 - 1e-6), std

    @property
    def about(self) -> str:
        """What its card says of it."""
        return self.card.about

    def logits(self, seen: Features) -> Tensor:
        """Calibrated logits of all members, shape (heads, N), differentiable."""
        network = self._network
        return network.scale * network.logits(seen) + network.shift


def load_evaluator(name: str, hand: Hand, path: str = "") -> Rank:
    """Return the evaluator of that name; `path` takes other weights than those of the package.

    Raises:
        UnknownName: There is none of that name.
        BadInput: Its weights cannot be used.
    """
    if name not in EVALUATORS:
        raise UnknownName("evaluator", name, EVALUATORS)
    if name == "none":
        return by_likelihood
    file = Path(path) if path else WEIGHTS / f"{name}.safetensors"
    if name == "em-s":
        return Evaluator(file, hand)
    if not path and not file.exists():
        raise BadInput(
            f"{name} has no weights here; make them with ./ddg train em --variant {name}"
        )
    from ddg_planning.evaluate.images import ImageEvaluator  # brings torchvision

    return ImageEvaluator(file, hand)
