"""Autonomous training: what is transferred and holds in physics becomes a demonstration."""

from __future__ import annotations

import pickle
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ddg_cli.teach.trying import Attempt, Job, TryingSettings, try_scene
from ddg_core.description import config_folder
from ddg_core.errors import BadInput
from ddg_core.hand import Hand
from ddg_core.settings import load
from ddg_planning.generate.demonstration import load_demonstration
from ddg_planning.generate.gm2 import Gm2, LearnSettings, compress, learn_member
from ddg_planning.generate.merge import Member
from ddg_planning.store import GenerationSettings
from ddg_sim.rollout.many import Cluster, for_seeds


@dataclass(frozen=True)
class AutoSettings:
    """How long to train.

    Attributes:
        scenes: Per round.
        rounds: After each all demonstrations are compressed anew, and the next goes by them.
        per_type: Demonstrations found per type, at most; one per type and kind of object.
        trying: What is tried.
        learning: How demonstrations become a model.
    """

    scenes: int = 60
    rounds: int = 2
    per_type: int = 8
    trying: TryingSettings = field(default_factory=TryingSettings)
    learning: LearnSettings = field(default_factory=LearnSettings)

    def __post_init__(self) -> None:
        """Refuse to do nothing."""
        if min(self.scenes, self.rounds, self.per_type) < 1:
            raise ValueError("scenes, rounds and per_type must be at least 1")


def taught_members(folder: Path, hand: Hand, settings: LearnSettings) -> tuple[Member, ...]:
    """Learn all demonstrations of a folder, by file name.

    Raises:
        BadInput: There is none, or one cannot be used.
    """
    paths = sorted(folder.glob("*.npz"))
    if not paths:
        raise BadInput(f"{folder}: holds no demonstration (*.npz)")
    return tuple(
        learn_member(load_demonstration(path), hand, settings, taught=True) for path in paths
    )


def train(
    taught: Sequence[Member],
    hand: Hand,
    out: Path,
    settings: AutoSettings,
    *,
    seed: int,
    cluster: Cluster,
    keep: Path | None = None,
) -> Gm2:
    """Try, learn from what holds, compress; again and again.

    Args:
        taught: Where it begins.
        hand: The hand.
        out: File that the model is written to after every round.
        settings: How long, and how.
        seed: Of the first scene.
        cluster: Where to work.
        keep: Folder for the demonstrations that were found, whole; None keeps what was learned.
    """
    about = {
        "made_by": "ddg teach auto",
        "objects": f"catalogue split {settings.trying.rollout.split!r}",
        "scenes": f"{settings.rounds} rounds of {settings.scenes} from seed {seed}",
    }
    model = compress(taught, settings.learning, about)
    model.save(out)
    generation = load(config_folder() / "generation.yaml", GenerationSettings)
    generation = replace(generation, model="gm2", models=str(out.resolve()))
    found: Counter[tuple[str, str]] = Counter()
    for round_ in range(settings.rounds):
        job = pickle.dumps(Job(generation, settings.trying))
        first = seed + round_ * settings.scenes
        tried = for_seeds(try_scene, job, range(first, first + settings.scenes), cluster)
        # Which worker is done first must not decide what is learned.
        attempts = [a for _, scene in sorted(tried, key=lambda s: s[0]) for a in scene]
        members = _learned(model.members, attempts, hand, settings, found, keep)
        model = compress(members, settings.learning, about)
        model.save(out)
        held = sum(attempt.held for attempt in attempts)
        print(
            f"round {round_ + 1}: {held} of {len(attempts)} held, {len(members)} demonstrations "
            f"in {len(set(model.exemplars.tolist()))} groups",
            file=sys.stderr,
            flush=True,
        )
    return model


def _learned(
    members: Sequence[Member],
    attempts: Sequence[Attempt],
    hand: Hand,
    settings: AutoSettings,
    found: Counter[tuple[str, str]],
    keep: Path | None,
) -> list[Member]:
    """Members with what was tried counted, and with what was found."""
    tried = Counter(attempt.exemplar for attempt in attempts)
    held = Counter(attempt.exemplar for attempt in attempts if attempt.held)
    known = [
        replace(m, tried=m.tried + tried[m.model.id], held=m.held + held[m.model.id])
        for m in members
    ]
    for attempt in attempts:
        demonstration = attempt.demonstration
        if demonstration is None:
            continue
        kind = demonstration.kind
        of_kind = sum(count for (k, _), count in found.items() if k == kind)
        if found[kind, attempt.family] or of_kind >= settings.per_type:
            continue
        try:
            member = learn_member(demonstration, hand, settings.learning, taught=False)
        except BadInput:  # it slid until the hand touched too little
            continue
        found[kind, attempt.family] += 1
        known.append(member)
        if keep is not None:
            scene = demonstration.provenance["scene"]
            demonstration.save(keep / f"{kind}_{attempt.family}_{scene}.npz")
    return known
