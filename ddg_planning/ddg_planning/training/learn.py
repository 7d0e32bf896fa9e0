"""Learning a large evaluative model from shards: one process, or several under torchrun."""

import math
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as dist

from ddg_planning.training import shards, weights
from ddg_planning.training.batches import batches, whole
from ddg_planning.training.events import EventLog
from ddg_planning.training.measure import calibrate, measured
from ddg_planning.training.networks import Judge
from ddg_planning.training.score import load

LIBRARIES = ("torch", "torchvision", "pyarrow", "safetensors")


@dataclass(frozen=True)
class LearnSettings:
    """How it is learned; part of the card.

    Attributes:
        seed: Of starts, order and augmentation.
        epochs: Most passes over the data.
        patience: Passes without a better validation loss after which it stops.
        scenes: Images per step and process.
        grasps: Grasps per image and step.
        rate: Largest step of AdamW; reached in the first pass, then falling to 0.
        decay: Weight decay.
        smooth: Labels are moved this far towards 1/2: the outcome of some grasps is chance.
        minutes: Begins no pass after so many minutes; 0 for no limit.
        about: A line for the card.
    """

    seed: int = 0
    epochs: int = 60
    patience: int = 10
    scenes: int = 16
    grasps: int = 16
    rate: float = 5e-4
    decay: float = 2e-2
    smooth: float = 0.02
    minutes: float = 0.0
    about: str = ""


class Run:
    """Where this process stands among several, and its device."""

    def __init__(self) -> None:
        """Join the others that torchrun started, if it did."""
        self.rank = int(os.environ.get("RANK", 0))
        self.world = int(os.environ.get("WORLD_SIZE", 1))
        cuda = torch.cuda.is_available()
        local = int(os.environ.get("LOCAL_RANK", 0))
        self.device = torch.device("cuda", local) if cuda else torch.device("cpu")
        self.half = torch.bfloat16 if cuda else None
        if self.world > 1:
            dist.init_process_group("nccl" if cuda else "gloo")

    def together(self, model: nn.Module) -> nn.Module:
        """The model, its gradients shared by all processes."""
        if self.world == 1:
            return model
        ids = [self.device.index] if self.device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(model, device_ids=ids)

    def mean(self, value: float) -> float:
        """Mean over all processes."""
        if self.world == 1:
            return value
        total = torch.tensor(value, device=self.device)
        dist.all_reduce(total)
        return float(total) / self.world


def learn(
    variant: str,
    training: Sequence[Path],
    validation: Sequence[Path],
    out: Path,
    s: LearnSettings,
) -> dict[str, Any]:
    """Learn, stop when the validation data says so, calibrate, measure, write; returns the card.

    A run that was interrupted goes on from its last pass, kept beside `out`.

    Raises:
        ValueError: Shards of different kinds, or validation on objects that are trained on.
    """
    about = shards.about([*training, *validation])
    both = shards.objects(training) & shards.objects(validation)
    if both:
        raise ValueError(f"{min(both)!r} is in training and validation data")
    run = Run()
    torch.manual_seed(s.seed)
    model = Judge(variant, about["numbers"])
    _statistics(model, training)
    model.to(run.device)
    best = out.with_suffix(".best")
    _train(model, training, validation, best, out, run, s)
    return _finish(best, out, validation, about, s, run) if run.rank == 0 else {}


def _train(
    model: Judge,
    training: Sequence[Path],
    validation: Sequence[Path],
    best: Path,
    out: Path,
    run: Run,
    s: LearnSettings,
) -> None:
    """Pass after pass until the validation loss falls no more; the best weights go to `best`."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=s.rate, weight_decay=s.decay)
    state = out.with_suffix(".state")
    log = EventLog(out.with_suffix(".log")) if run.rank == 0 else None
    told: dict[str, Any] = {"epoch": 0, "best": None, "since": 0, "variant": model.variant}
    if state.exists():
        told = weights.go_on(state, model, optimiser)
        if told["variant"] != model.variant:
            raise ValueError(f"{state}: is of {told['variant']}; take another --out")
    together, began = run.together(model), time.monotonic()
    while told["epoch"] < s.epochs and told["since"] < s.patience:
        if s.minutes and told["epoch"] and time.monotonic() - began > 60.0 * s.minutes:
            break
        mean = run.mean(_pass(together, optimiser, training, told["epoch"], run, s))
        logits, held, _ = predicted(model, validation, run)
        value = run.mean(float(_loss(logits, held)))
        better = told["best"] is None or value < told["best"]
        told |= {"epoch": told["epoch"] + 1, "since": 0 if better else told["since"] + 1}
        told["best"] = value if better else told["best"]
        if log is not None:
            print(f"epoch {told['epoch']}: loss {mean:.4f}, validation {value:.4f}", flush=True)
            log.scalar("loss/training", mean, told["epoch"])
            log.scalar("loss/validation", value, told["epoch"])
            if better:
                card = {"variant": model.variant, "numbers": len(model.mean)}
                weights.write(best, model, card)
            weights.keep(state, model, optimiser, told)


def _pass(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    paths: Sequence[Path],
    epoch: int,
    run: Run,
    s: LearnSettings,
) -> float:
    """One pass over the shards; returns the mean loss."""
    model.train()
    seed = 1_000_000 * s.seed + 1_000 * epoch + run.rank
    rng = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)  # of the dropout, so that a run that goes on ends alike
    mine = paths[run.rank :: run.world]
    steps = min(len(paths[r :: run.world]) for r in range(run.world)) * -(
        -shards.SCENES // s.scenes
    )
    total, count = 0.0, 0
    for step, batch in enumerate(batches(mine, s.scenes, s.grasps, rng)):
        if run.world > 1 and step >= steps:
            break  # all processes must take as many steps
        for group in optimiser.param_groups:
            group["lr"] = s.rate * _share(epoch + step / max(steps, 1), s.epochs)
        there = batch.to(run.device)
        with torch.autocast(run.device.type, run.half, enabled=run.half is not None):
            logits = model(there.images, there.scene, there.grasps)
        loss = _loss(logits.float(), there.held, s.smooth)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        total, count = total + float(loss.detach()), count + 1
    return total / max(count, 1)


def _share(epoch: float, epochs: int) -> float:
    """Share of the full rate: up over the first pass, down to 0 along a cosine."""
    return min(epoch + 0.05, 1.0) * 0.5 * (1.0 + math.cos(math.pi * min(epoch / epochs, 1.0)))


def _loss(logits: Tensor, held: Tensor, smooth: float = 0.0) -> Tensor:
    wanted = (held * (1.0 - 2.0 * smooth) + smooth).expand_as(logits)
    return nn.functional.binary_cross_entropy_with_logits(logits, wanted)


@torch.inference_mode()
def predicted(model: Judge, paths: Sequence[Path], run: Run) -> tuple[Tensor, Tensor, Tensor]:
    """Logits (heads, N), outcomes (N,) and scenes (N,) of all planned grasps in shards."""
    model.eval()
    logits, held, seeds = [], [], []
    for batch, scenes in whole(paths, 1):
        planned = scenes[0].planned
        there = batch.to(run.device)
        with torch.autocast(run.device.type, run.half, enabled=run.half is not None):
            found = model(there.images, there.scene, there.grasps)
        logits.append(found.float().cpu()[:, planned])
        held.append(batch.held[planned])
        seeds.append(torch.full((int(planned.sum()),), scenes[0].seed))
    return torch.cat(logits, dim=1), torch.cat(held), torch.cat(seeds)


def _statistics(model: Judge, paths: Sequence[Path]) -> None:
    """Mean and spread of the training grasps' numbers."""
    numbers = torch.cat([scene.grasps for path in paths for scene in shards.read(path)])
    model.mean.copy_(numbers.mean(dim=0))
    model.std.copy_(numbers.std(dim=0) + 1e-3)


def _finish(
    best: Path,
    out: Path,
    validation: Sequence[Path],
    about: dict[str, Any],
    s: LearnSettings,
    run: Run,
) -> dict[str, Any]:
    """Calibrate the best weights, measure them, and write them with their card."""
    model, told = load(best)
    model.to(run.device)
    logits, held, seeds = predicted(model, validation, run)
    calibrate(model, logits.clone(), held.clone())
    card = {
        **about,
        "version": weights.VERSION,
        "variant": told["variant"],
        "training": asdict(s),
        "metrics": measured(model, logits, held, seeds),
        "software": {name: metadata.version(name) for name in LIBRARIES},
        "about": s.about,
    }
    weights.write(out, model, card)
    for path in (best, best.with_name(f"{best.name}.sha256"), out.with_suffix(".state")):
        path.unlink()
    return card
