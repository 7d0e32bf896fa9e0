"""`ddg teach worth`: what the scores of each grasp type are worth, measured on training objects."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from ddg_cli.countdown import Countdown
from ddg_cli.report import Report
from ddg_cli.teach.trying import Job, TryingSettings, try_scene
from ddg_core.description import config_folder
from ddg_core.errors import BadInput
from ddg_core.settings import load, to_tree
from ddg_planning.generate.assemble import FinishSettings
from ddg_planning.generate.worth import fit_worth
from ddg_planning.store import GenerationSettings
from ddg_sim.rollout.many import Cluster, for_seeds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ddg_cli.teach.trying import Attempt

ALL = 1000  # types tried per scene, at most


@dataclass(frozen=True)
class Tried:
    """A grasp that was tried, and what it scored before it was worth anything.

    Attributes:
        label: Type of its model, and variant.
        product: Log of the product of experts.
        held: It held.
        scene: Seed of the scene that it was tried in.
    """

    label: str
    product: float
    held: bool
    scene: int


def worth(model: str, scenes: int, seed: int, cluster: Cluster, out: Path | None) -> Report:
    """Try the best grasp of every type and variant in scenes of the training split, and fit.

    It goes by what scores are worth so far, where that decides what is searched (GM2): once more
    tells whether that was so.

    Args:
        model: "gm1" or "gm2".
        scenes: How many.
        seed: Of the first scene.
        cluster: Where to work.
        out: Where to keep what was tried, a JSON line each; scenes that it has are not tried again.

    Raises:
        BadInput: `out` was made with other settings, or a line of it is of something else.
    """
    generation = load(config_folder() / "generation.yaml", GenerationSettings)
    generation = replace(generation, model=model)
    used = generation.gm2.worth if model == "gm2" else generation.generator.finish.worth
    job = pickle.dumps(Job(generation, TryingSettings(grasps=ALL, found=0)))
    made_by = {"made_by": hashlib.sha256(json.dumps(to_tree(generation)).encode()).hexdigest()}
    tried = _take_up(out, made_by) if out else []
    kept = {one.scene for one in tried}
    seeds = [scene for scene in range(seed, seed + scenes) if scene not in kept]
    shown = Countdown("teach worth")
    for done, (_, attempts) in enumerate(for_seeds(try_scene, job, seeds, cluster), start=1):
        new = [unworthed(attempt, FinishSettings(worth=used)) for attempt in attempts]
        tried += new
        if out:
            _keep([asdict(one) for one in new], out)
        shown.show(done, len(seeds))
    return report(sorted(tried, key=lambda one: (one.scene, one.label)), model)


def unworthed(attempt: Attempt, used: FinishSettings) -> Tried:
    """What was tried, with the log of the product that its score was made of."""
    offset, slope = used.worth_of(attempt.label)
    return Tried(attempt.label, (attempt.score - offset) / slope, attempt.held, attempt.scene)


def _keep(lines: Sequence[dict[str, Any]], out: Path) -> None:
    with out.open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


def _take_up(out: Path, made_by: dict[str, str]) -> list[Tried]:
    """What was kept; begins a file if there is none. Its first line tells the settings."""
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        _keep([made_by], out)
    first, *lines = out.read_text().splitlines() or [""]
    if first != json.dumps(made_by):
        raise BadInput(f"{out}: was made with another generator or settings; take another --out")
    tried = []
    for number, line in enumerate(lines, start=2):
        try:
            tried.append(Tried(**json.loads(line)))
        except (TypeError, ValueError) as error:
            raise BadInput(f"{out}, line {number}: not a grasp that was tried") from error
    return tried


def report(tried: Sequence[Tried], model: str) -> Report:
    """Fit to what was tried; lines for `config/generation.yaml`, and how often each type held."""
    kinds = [one.label for one in tried]
    products = np.array([one.product for one in tried])
    held = np.array([one.held for one in tried], dtype=bool)
    found = fit_worth(kinds, products, held, np.array([one.scene for one in tried]))
    rounded = {kind: [round(a, 2), round(b, 4)] for kind, (a, b) in found.items()}
    counted, well = Counter(kinds), Counter(one.label for one in tried if one.held)
    counts = {kind: {"held": well[kind], "tried": counted[kind]} for kind in found}
    where = "generator: finish: worth" if model == "gm1" else "gm2: worth"
    lines = [f"{kind:<20} held {c['held']} of {c['tried']}" for kind, c in counts.items()]
    text = yaml.safe_dump(rounded, default_flow_style=None, sort_keys=True)
    lines += [f"into config/generation.yaml, {where}:", text]
    return Report({"model": model, "worth": rounded, "types": counts}, "\n".join(lines))
