"""How likely a grasp holds when it is played: the crop's verdict, and where on the object it is.

GQ-CNN learns a computed label from a crop. Whether a grasp holds also depends on what the crop
does not show, and on what the computation leaves out; a small network learns that from played ones.
"""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ddg_core.arrays import Array, BoolArray
from ddg_core.errors import BadInput
from ddg_core.settings import parse
from ddg_planning.evaluate.weights import fill, read_weights, software, write_weights
from ddg_planning.parallel_jaw.whole import FEATURES

VERSION = 1  # of features and network together
_LEAST = 1e-6  # probability that is none
_FAR = 5.0  # features count no further from their mean, in standard deviations


@dataclass(frozen=True, eq=False)
class Played:
    """N grasps that were played, each as one view shows it.

    Attributes:
        verdict: What GQ-CNN gave them, shape (N,).
        features: `FEATURES`, shape (N, 10).
        good: Whether they held, shape (N,).
        image, object: Names of the view and of the object, shape (N,).
    """

    verdict: Array
    features: Array
    good: BoolArray
    image: NDArray[np.str_]
    object: NDArray[np.str_]

    def at(self, rows: BoolArray) -> "Played":
        """Those in `rows`."""
        return Played(*(getattr(self, f.name)[rows] for f in fields(self)))


@dataclass(frozen=True)
class HoldingSettings:
    """Sizes, and how it is learned. Part of the file.

    Attributes:
        seed: Of starts and order.
        members: Networks whose mean is the answer.
        width: Of their two hidden layers.
        epochs: Passes over the data.
        batch: Examples per step.
        rate: Largest step of AdamW: it rises to this and falls to nothing over all epochs.
        decay: Weight decay.
    """

    seed: int = 0
    members: int = 5
    width: int = 32
    epochs: int = 12
    batch: int = 512
    rate: float = 0.005
    decay: float = 1e-3

    def __post_init__(self) -> None:
        """Refuse to learn nothing."""
        if min(self.members, self.width, self.epochs, self.batch) < 1 or self.rate <= 0.0:
            raise ValueError("members, width, epochs, batch and rate must be positive")


@dataclass(frozen=True)
class HoldingCard:
    """What the weights are and where they come from.

    Attributes:
        version: Of features and network; another version cannot be used.
        judge: SHA-256 of the weights of the network whose verdict is an input.
        settings: Sizes, and how it was learned.
        data: What it was trained on: content hashes, grasps.
        metrics: What was measured on the held-out data.
        software: Versions of the libraries that shaped it.
    """

    version: int
    judge: str
    settings: HoldingSettings
    data: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    software: dict[str, str] = field(default_factory=dict)


class Holding(nn.Module):
    """A few small networks on the log odds of the verdict and the `FEATURES` of the whole."""

    mean: Tensor
    std: Tensor

    def __init__(self, settings: HoldingSettings) -> None:
        """Draw the weights from torch's generator."""
        super().__init__()
        inputs, width = 1 + len(FEATURES), settings.width
        self.members = nn.ModuleList(
            nn.Sequential(
                nn.Linear(inputs, width),
                nn.ReLU(),
                nn.Linear(width, width),
                nn.ReLU(),
                nn.Linear(width, 1),
            )
            for _ in range(settings.members)
        )
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("std", torch.ones(inputs))

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (N, members) for inputs (N, 11)."""
        normal = torch.clamp((inputs - self.mean) / self.std, -_FAR, _FAR)
        return torch.cat([member(normal) for member in self.members], dim=1)

    def probability(self, verdict: Array, features: Array) -> Array:
        """How likely grasps hold, shape (N,), from `verdict` (N,) and `features` (N, 10)."""
        with torch.inference_mode():
            logits = self(torch.as_tensor(_inputs(verdict, features)))
            p: Array = torch.sigmoid(logits).mean(dim=1).double().numpy()
        return p


def train(played: Played, settings: HoldingSettings) -> Holding:
    """Learn from played grasps; the same data and settings give the same weights.

    Raises:
        BadInput: All ended alike.
    """
    if not len(played.good) or played.good.all() or not played.good.any():
        raise BadInput("the training data holds only grasps that ended alike")
    x = torch.as_tensor(_inputs(played.verdict, played.features))
    y = torch.as_tensor(played.good).float()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        model = Holding(settings)
        model.mean.copy_(x.mean(dim=0))
        model.std.copy_(x.std(dim=0) + 1e-6)
        optimiser = torch.optim.AdamW(model.parameters(), weight_decay=settings.decay)
        steps = settings.epochs * -(-len(x) // settings.batch)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.rate, total_steps=steps)
        for _ in range(settings.epochs):
            for rows in torch.split(torch.randperm(len(x)), settings.batch):
                wanted = y[rows, None].expand(-1, settings.members)
                loss = functional.binary_cross_entropy_with_logits(model(x[rows]), wanted)
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                schedule.step()
    return model.eval()


def write(path: Path, model: Holding, judge: str, settings: HoldingSettings, **told: Any) -> str:
    """Write weights with their card (`data`, `metrics`); returns their hash."""
    card = HoldingCard(VERSION, judge, settings, software=software(), **told)
    return write_weights(path, model, card)


def read(path: Path, judge: str) -> tuple[Holding, str]:
    """Read what `write` wrote, and its hash.

    Raises:
        BadInput: It is damaged, or goes with another network than `judge` (SHA-256).
    """
    tensors, tree, digest = read_weights(path, "judge of played grasps", VERSION)
    card = parse(tree, HoldingCard, path.name)
    if card.judge != judge:
        raise BadInput(
            f"{path}: goes with the network {card.judge[:12]}, this is {judge[:12]}; learn it anew"
        )
    model = Holding(card.settings)
    fill(path, model, tensors)
    return model, digest


def beside(weights: Path) -> Path:
    """Where what goes with a network's weights is looked for."""
    return weights.with_name(weights.name.removesuffix(".safetensors") + ".holding.safetensors")


def _inputs(verdict: Array, features: Array) -> NDArray[np.float32]:
    """What the network sees, shape (N, 11): log odds of the verdict (N,), features (N, 10)."""
    p = np.clip(verdict, _LEAST, 1.0 - _LEAST)
    return np.column_stack([np.log(p / (1.0 - p)), features]).astype(np.float32)
