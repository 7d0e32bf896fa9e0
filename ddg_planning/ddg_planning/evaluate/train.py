"""Learns EM-S: members one after the other, each stopped when the validation data says so."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ddg_core.arrays import Array, BoolArray, IntArray
from ddg_core.errors import BadInput
from ddg_planning.evaluate.calibration import (
    average_precision,
    calibrate,
    calibration_error,
    first_of_each,
    reliability,
    roc_auc,
    threshold,
)
from ddg_planning.evaluate.examples import Examples
from ddg_planning.evaluate.features import Features
from ddg_planning.evaluate.network import EmS, Member, NetworkSettings

Told = Callable[[int, int, float], None]  # member, epoch, validation loss


@dataclass(frozen=True)
class TrainSettings:
    """How it is learned; part of a checkpoint.

    Attributes:
        seed: Of starts, order and noise.
        epochs: Most passes over the data.
        patience: Passes without a better validation loss after which a member stops.
        scenes: Scenes per step; all grasps of a scene are in one step.
        rate: Largest step of AdamW, reached after 15 % of all steps, then falling to 0.
        decay: Weight decay.
        noise: Standard deviation of what is added to the normalised features.
        smooth: Labels are moved this far towards 1/2: the outcome of some grasps is chance.
        order: Weight of the loss that asks for held grasps above lost ones of the same scene.
        precision: Stated precision of the reported threshold.
        apart: Kinds of grasps that train but do not validate: no planner proposes them.
    """

    seed: int = 0
    epochs: int = 25
    patience: int = 8
    scenes: int = 12
    rate: float = 1.5e-3
    decay: float = 1e-2
    noise: float = 0.1
    smooth: float = 0.02
    order: float = 0.5
    precision: float = 0.9
    apart: tuple[str, ...] = ("near_surface",)

    def __post_init__(self) -> None:
        """Refuse to learn nothing."""
        if min(self.epochs, self.patience, self.scenes) < 1 or self.rate <= 0.0:
            raise ValueError("epochs, patience, scenes and rate must be positive")


def train(
    examples: Examples,
    validation: Examples,
    network: NetworkSettings,
    settings: TrainSettings,
    told: Told = lambda *_: None,
    begin: EmS | None = None,
) -> tuple[EmS, dict[str, Any]]:
    """Learn from examples; stop early, calibrate and measure on the validation data.

    Deterministic: the same examples, settings and number of threads give the same weights.

    Args:
        examples: What is learned from.
        validation: Judged grasps on other objects.
        network: Sizes.
        settings: How it is learned.
        told: Told the validation loss after each pass.
        begin: What was learned before: it goes on from there, with its statistics (its sizes must
            be `network`); None begins anew.

    Raises:
        BadInput: All examples, or all of the validation data, ended alike.
    """
    planned = validation.at(~np.isin(validation.kind, settings.apart))
    for name, part in (("training", examples), ("validation", planned)):
        if part.held.all() or not part.held.any():
            raise BadInput(f"the {name} data holds only grasps that ended alike")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        model = EmS(
            examples.links.shape[1], examples.links.shape[2], examples.whole.shape[1], network
        )
        if begin is None:
            model.learn_statistics(examples.features)
        else:
            model.load_state_dict(begin.state_dict())
        seen, unseen = model.normalised(examples.features), model.normalised(planned.features)
        for number, member in enumerate(model.members):
            assert isinstance(member, Member)
            _learn(
                member,
                (seen, examples),
                (unseen, torch.as_tensor(planned.held).float()),
                settings,
                lambda epoch, loss, n=number: told(n, epoch, loss),  # type: ignore[misc]
            )
    model.eval()
    with torch.inference_mode():
        logits = model.logits(planned.features)
    calibrate(model, logits.clone(), torch.as_tensor(planned.held))
    p, std = (x.double().numpy() for x in model.judged(logits))
    return model, metrics(p, std, planned.held, planned.scene, settings.precision)


def _learn(
    member: Member,
    examples: tuple[Features, Examples],
    validation: tuple[Features, Tensor],
    s: TrainSettings,
    told: Callable[[int, float], None],
) -> None:
    features, judged = examples
    held = torch.as_tensor(judged.held).float()
    scenes = torch.as_tensor(np.unique(judged.scene, return_inverse=True)[1])
    rows = [
        torch.as_tensor(np.flatnonzero(scenes.numpy() == i)) for i in range(int(scenes.max()) + 1)
    ]
    steps = s.epochs * max(len(rows) // s.scenes, 1)
    optimiser = torch.optim.AdamW(member.parameters(), lr=s.rate, weight_decay=s.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, s.rate, total_steps=steps + 1, pct_start=0.15
    )
    best, kept, since = np.inf, copy.deepcopy(member.state_dict()), 0
    for epoch in range(s.epochs):
        member.train()
        order = torch.randperm(len(rows)).tolist()
        for start in range(0, max(len(rows) - s.scenes + 1, 1), s.scenes):
            batch = torch.cat([rows[i] for i in order[start : start + s.scenes]])
            links, whole = features.links[batch], features.whole[batch]
            logits = member(
                links + s.noise * torch.randn_like(links),
                whole + s.noise * torch.randn_like(whole),
            )
            optimiser.zero_grad()
            _loss(logits, held[batch], scenes[batch], s).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
        member.eval()
        with torch.no_grad():
            loss = float(_cross_entropy(member(*_pair(validation[0])), validation[1]))
        told(epoch, loss)
        since += 1
        if loss < best:
            best, kept, since = loss, copy.deepcopy(member.state_dict()), 0
        if since >= s.patience:
            break
    member.load_state_dict(kept)


def _pair(features: Features) -> tuple[Tensor, Tensor]:
    return features.links, features.whole


def _loss(logits: Tensor, held: Tensor, scenes: Tensor, s: TrainSettings) -> Tensor:
    loss = _cross_entropy(logits, held * (1.0 - 2.0 * s.smooth) + s.smooth)
    if s.order > 0.0:
        pairs = (scenes[:, None] == scenes) & (held[:, None] > held)
        ahead = (logits[:, None] - logits)[pairs]
        loss = loss + s.order * torch.nn.functional.softplus(-ahead).sum() / (len(ahead) + 1)
    return loss


_cross_entropy = torch.nn.functional.binary_cross_entropy_with_logits


def metrics(
    p: Array, std: Array, held: BoolArray, scenes: IntArray, precision: float
) -> dict[str, Any]:
    """How good predictions are: over all grasps, and over the best of each scene."""
    best = first_of_each(p, scenes)
    names = [str(scene) for scene in scenes[best]]
    sure = threshold(p[best], held[best], names, precision, rng=np.random.default_rng(0))
    return {
        "grasps": len(p),
        "held": float(held.mean()),
        "auc": roc_auc(p, held),
        "average_precision": average_precision(p, held),
        "ece": calibration_error(p, held),
        "log_loss": float(-np.where(held, np.log(p + 1e-9), np.log(1.0 - p + 1e-9)).mean()),
        "std_mean": float(std.mean()),
        "reliability": reliability(p, held),
        "scenes": len(best),
        "best_held": float(held[best].mean()),
        "best_predicted": float(p[best].mean()),
        "best_ece": calibration_error(p[best], held[best]),
        "any_holds": float(np.mean([held[scenes == s].any() for s in np.unique(scenes)])),
        "precision": precision,
        "threshold": sure,
    }
