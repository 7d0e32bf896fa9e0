"""EM1 to EM3 behind the port of all judges; their training is a program of its own."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ddg_core.arrays import Array
from ddg_core.errors import BadInput
from ddg_core.grasp import Grasp
from ddg_core.hand import Hand
from ddg_core.view import ObjectView
from ddg_planning.evaluate.fingerprint import TOLERANCE, box_grasps, box_view
from ddg_planning.evaluate.picture import Picture
from ddg_planning.evaluate.ranking import ranked
from ddg_planning.evaluate.weights import fill, read_weights
from ddg_planning.training.networks import VARIANTS, Judge
from ddg_planning.training.score import probabilities
from ddg_planning.training.weights import VERSION

PORTION = 1024  # grasps judged at once by a late join
JOINED = 32  # grasps judged at once where each runs through half a trunk


class ImageEvaluator:
    """Ranks grasps by a calibrated probability that they hold (`Rank`).

    Attributes:
        id: SHA-256 of the weights.
        about: What its card says of it.
    """

    def __init__(self, path: Path, hand: Hand) -> None:
        """Load weights.

        Raises:
            BadInput: They are damaged, of another version or hand, or learned from other images.
        """
        tensors, card, self.id = read_weights(path, "large evaluative model", VERSION)
        if card.get("variant") not in VARIANTS:
            raise BadInput(f"{path}: is of {card.get('variant')!r}, not {', '.join(VARIANTS)}")
        self._model = Judge(card["variant"], card["numbers"])
        fill(path, self._model, tensors)
        if (card["hand"], tuple(card["joints"])) != (hand.name, hand.joint_names):
            raise BadInput(f"{path}: trained for hand {card['hand']!r}, this is {hand.name!r}")
        if not np.allclose(card["fingerprint"], fingerprint(hand), rtol=0.0, atol=TOLERANCE):
            raise BadInput(
                f"{path}: learned from other images than this program makes; train anew with"
                " ./ddg train em, or go back to the sources that it was trained with"
            )
        self.about: str = card["about"]
        self._hand, self._kinds = hand, tuple(card["kinds"])

    def __call__(self, view: ObjectView, grasps: Sequence[Grasp]) -> list[Grasp]:
        """Return the same grasps with `p_success`, `p_std` and `score` set, the best first.

        Raises:
            BadInput: A grasp of another hand.
            Failed: NO_CLOUD if the view shows no object.
        """
        if not grasps:
            return []
        p, std = self.judge(view, grasps)
        return ranked(grasps, p, std, self.id)

    @torch.inference_mode()
    def judge(self, view: ObjectView, grasps: Sequence[Grasp]) -> tuple[Array, Array]:
        """Probability (N,) and its spread (N,); the image is encoded once."""
        for grasp in grasps:
            if grasp.hand != self._hand.name:
                raise BadInput(f"a grasp of hand {grasp.hand!r}; judges {self._hand.name!r}")
        picture = Picture(view)
        code, found = self._model.encode(picture.image[None]), []
        size = PORTION if self._model.late else JOINED
        for start in range(0, len(grasps), size):
            numbers = picture.grasps(grasps[start : start + size], self._kinds)
            scene = torch.zeros(len(numbers), dtype=torch.long)
            logits = self._model.judge(code, scene, numbers)
            found.append(torch.stack(probabilities(self._model, logits)))
        p, std = torch.cat(found, dim=1).double().numpy()
        return np.clip(p, 1e-6, 1.0 - 1e-6), std


def fingerprint(hand: Hand) -> list[float]:
    """What a fixed case looks like: mean and spread per channel, mean numbers of its grasps."""
    picture = Picture(box_view())
    flat = picture.image.flatten(1)
    numbers = picture.grasps(box_grasps(hand), ()).mean(dim=0)
    whole = torch.cat([flat.mean(dim=1), flat.std(dim=1), numbers])
    return [round(value, 4) for value in whole.tolist()]
