"""Learns the networks of two jaws from judged grasps, after Dex-Net 2.0."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from ddg_core.arrays import Array, BoolArray, IntArray
from ddg_core.errors import BadInput
from ddg_planning.evaluate.calibration import average_precision, roc_auc
from ddg_planning.parallel_jaw.checkpoint import Network, build
from ddg_planning.parallel_jaw.crops import NoiseSettings, noisy
from ddg_planning.parallel_jaw.examples import JawExamples
from ddg_planning.parallel_jaw.fc_gqcnn import FcSettings, angle_bins

Told = Callable[[int, float, float], None]  # epoch, validation loss, validation accuracy
_PORTION = 1024  # crops judged at once
_RECALLS = (0.5, 0.8, 0.9)


@dataclass(frozen=True)
class JawTrainSettings:
    """How it is learned. Part of a checkpoint.

    Attributes:
        seed: Of starts, order and noise.
        epochs: Passes over the data; the weights of the best one are kept.
        batch: Examples per step.
        rate: Largest step of AdamW: it rises to this and falls to nothing over all epochs.
        decay: Weight decay.
        noise: What is added to the crops.
    """

    seed: int = 0
    epochs: int = 4
    batch: int = 128
    rate: float = 0.002
    decay: float = 1e-3
    noise: NoiseSettings = field(default_factory=NoiseSettings)

    def __post_init__(self) -> None:
        """Refuse to learn nothing."""
        if min(self.epochs, self.batch) < 1 or self.rate <= 0.0:
            raise ValueError("epochs, batch and rate must be positive")


def train(
    examples: JawExamples,
    validation: JawExamples,
    network: FcSettings | None,
    settings: JawTrainSettings,
    told: Told = lambda *_: None,
) -> tuple[Network, dict[str, Any]]:
    """Learn from examples; keep the epoch that is best on the validation data, and measure it.

    Each example teaches its own angle alone. The same examples, settings and number of threads
    give the same weights.

    Raises:
        BadInput: All examples, or all of the validation data, ended alike.
    """
    for name, part in (("training", examples), ("validation", validation)):
        if not len(part) or part.good.all() or not part.good.any():
            raise BadInput(f"the {name} data holds only grasps that ended alike")
    rng = np.random.default_rng(settings.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        model = build(network)
        model.learn_statistics(torch.as_tensor(examples.crops), torch.as_tensor(examples.depths))
        optimiser = torch.optim.AdamW(model.parameters(), weight_decay=settings.decay)
        steps = settings.epochs * -(-len(examples) // settings.batch)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.rate, total_steps=steps)
        best, kept = np.inf, copy.deepcopy(model.state_dict())
        for epoch in range(settings.epochs):
            model.train()
            order = rng.permutation(len(examples))
            for start in range(0, len(order), settings.batch):
                rows = order[start : start + settings.batch]
                _step(model, optimiser, examples.at(rows), settings.noise, rng)
                schedule.step()
            p = predict(model, validation)
            loss = log_loss(p, validation.good)
            told(epoch, loss, float(np.mean((p > 0.5) == validation.good)))
            if loss < best:
                best, kept = loss, copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)
    model.eval()
    return model, measure(predict(model, validation), validation.good)


def predict(model: Network, examples: JawExamples) -> Array:
    """Probability that each example's grasp holds, shape (N,)."""
    model.eval()
    found = []
    with torch.inference_mode():
        for start in range(0, len(examples), _PORTION):
            part = examples.at(np.arange(start, min(start + _PORTION, len(examples))))
            logits = model(torch.as_tensor(part.crops), torch.as_tensor(part.depths))
            bins = angle_bins(torch.as_tensor(part.angles), model.angles)
            found.append(torch.sigmoid(logits[torch.arange(len(part)), bins]))
    p: Array = torch.cat(found).double().numpy()
    return p


def measure(p: Array, good: BoolArray) -> dict[str, Any]:
    """What predictions (N,) are worth: accuracy, average precision, precision at recall."""
    ranked = good[np.argsort(-p, kind="stable")]
    hits: IntArray = np.cumsum(ranked, dtype=np.int64)
    precision = hits / np.arange(1, len(ranked) + 1)
    return {
        "grasps": len(good),
        "positives": float(good.mean()),
        "accuracy": float(np.mean((p > 0.5) == good)),
        "majority": float(max(good.mean(), 1.0 - good.mean())),
        "average_precision": average_precision(p, good),
        "roc_auc": roc_auc(p, good),
        "log_loss": log_loss(p, good),
        "precision_at_recall": {
            f"{recall:.0%}": float(precision[_first(hits, recall * good.sum())])
            for recall in _RECALLS
            if good.any()
        },
    }


def log_loss(p: Array, good: BoolArray) -> float:
    """Mean negative logarithm of the probability of what happened."""
    return float(-np.log(np.clip(np.where(good, p, 1.0 - p), 1e-7, 1.0)).mean())


def _first(hits: IntArray, wanted: float) -> int:
    return int(np.argmax(hits >= wanted))


def _step(
    model: Network,
    optimiser: torch.optim.Optimizer,
    batch: JawExamples,
    noise: NoiseSettings,
    rng: np.random.Generator,
) -> None:
    clean, told, turned = (x.astype(np.float64) for x in (batch.crops, batch.depths, batch.angles))
    crops, depths = noisy(clean, told, noise, rng=rng)
    crops, angles = flipped(crops, turned, rng=rng)
    logits = model(torch.as_tensor(crops).float(), torch.as_tensor(depths).float())
    own = logits[torch.arange(len(batch)), angle_bins(torch.as_tensor(angles), model.angles)]
    loss = functional.binary_cross_entropy_with_logits(own, torch.as_tensor(batch.good).float())
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()


def flipped(crops: Array, angles: Array, *, rng: np.random.Generator) -> tuple[Array, Array]:
    """Crops (N, S, S) mirrored left-right and up-down, each with probability 1/2, and their angles.

    Both together are the paper's half turn. A mirror turns the sign of the jaws' angle.
    """
    sideways, upside = rng.random((2, len(crops))) < 0.5
    crops = np.where(sideways[:, None, None], crops[:, :, ::-1], crops)
    crops = np.where(upside[:, None, None], crops[:, ::-1], crops)
    return crops, np.where(sideways ^ upside, -angles, angles)
