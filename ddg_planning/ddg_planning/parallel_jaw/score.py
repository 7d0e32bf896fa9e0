"""How likely grasps in an image are to hold: the trained network at work."""

from pathlib import Path

import numpy as np
import torch

from ddg_core.arrays import Array
from ddg_core.errors import BadInput
from ddg_planning.parallel_jaw import holding
from ddg_planning.parallel_jaw.checkpoint import read
from ddg_planning.parallel_jaw.crops import aligned
from ddg_planning.parallel_jaw.fc_gqcnn import FcGqCnn, angle_bins, bin_angles
from ddg_planning.parallel_jaw.image_grasp import ImageGrasps
from ddg_planning.parallel_jaw.jaws import Jaws
from ddg_planning.parallel_jaw.prepare import Prepared
from ddg_planning.parallel_jaw.whole import Whole

_PORTION = 1024  # crops judged at once: bounds the memory


class Scorer:
    """A network with its weights, and what played grasps taught about its verdicts.

    Attributes:
        id: SHA-256 of the weights.
        card: What they are.
        holding: SHA-256 of the weights beside them that were learned from played grasps; "" if
            there are none, or they are left out.
    """

    def __init__(self, path: Path, jaws: Jaws, *, played: bool = True) -> None:
        """Load weights, with `played` also those of `holding.py` beside them.

        Raises:
            BadInput: They are damaged, for jaws of another name or stroke, or do not go together.
        """
        self._network, self.card, self.id = read(path)
        self._holding, self.holding = None, ""
        if played and holding.beside(path).is_file():
            self._holding, self.holding = holding.read(holding.beside(path), self.id)
        if (self.card.hand, round(self.card.stroke, 4)) != (jaws.hand.name, round(jaws.stroke, 4)):
            raise BadInput(
                f"{path}: trained for hand {self.card.hand!r} that opens {self.card.stroke:.3f} m, "
                f"this is {jaws.hand.name!r} and opens {jaws.stroke:.3f} m"
            )

    @property
    def models(self) -> tuple[tuple[str, str], ...]:
        """What a grasp tells of who judged it."""
        both = (("generate", self.id[:16]), ("hold", self.holding[:16]))
        return both if self.holding else both[:1]

    def __call__(self, view: Prepared, grasps: ImageGrasps) -> Array:
        """Probability that each grasp holds, shape (N,).

        Args:
            view: Image in the network's scale (`card.focal`).
            grasps: In that image.
        """
        found = []
        with torch.inference_mode():
            for start in range(0, len(grasps), _PORTION):
                part = grasps.at(np.arange(start, min(start + _PORTION, len(grasps))))
                upright = self._network.angles > 1
                turn = np.zeros(len(part)) if upright else part.angles
                crops = torch.as_tensor(aligned(view.depth, part.pixels, turn)).float()
                logits = self._network(crops, torch.tensor(part.depths, dtype=torch.float32))
                bins = angle_bins(torch.tensor(part.angles - turn), self._network.angles)
                found.append(torch.sigmoid(logits[torch.arange(len(part)), bins]))
        p: Array = torch.cat(found).double().numpy() if found else np.zeros(0)
        return p

    def holds(self, verdict: Array, whole: Whole, lines: tuple[Array, Array]) -> Array:
        """Probability that grasps hold when played, shape (N,); asked only where `holding` is.

        Args:
            verdict: What the network gave them, shape (N,).
            whole: The object that they are on.
            lines: Middles between the jaws and directions of closing, both (N, 3), base frame.
        """
        assert self._holding is not None
        return self._holding.probability(verdict, whole.features(*lines))

    def everywhere(self, view: Prepared, depths: Array) -> tuple[Array, Array]:
        """Probabilities (Z, A, P) at the object's P pixels, and the angles (A,) that they are of.

        Pixels come row by row; what is judged is their corner (u - 0.5, v - 0.5).

        Raises:
            BadInput: The network takes aligned crops, it cannot judge a whole image at once.
        """
        network = self._network
        if not isinstance(network, FcGqCnn) or network.angles == 1:
            raise BadInput(f"{self.card.variant} judges crops; the policy fc needs an fc-gqcnn")
        with torch.inference_mode():
            logits = network.dense(
                torch.as_tensor(view.depth).float(),
                torch.as_tensor(depths).float(),
                torch.as_tensor(view.mask),
            )
            p: Array = torch.sigmoid(logits).double().numpy()
        return p, bin_angles(network.angles).double().numpy()
