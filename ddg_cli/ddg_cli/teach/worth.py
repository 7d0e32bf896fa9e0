"""`ddg teach worth`: what the scores of each grasp type are worth, measured on training objects."""

from __future__ import annotations

import pickle
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import yaml

from ddg_cli.countdown import Countdown
from ddg_cli.report import Report
from ddg_cli.teach.trying import Job, TryingSettings, try_scene
from ddg_core.description import config_folder
from ddg_core.settings import load
from ddg_planning.generate.assemble import FinishSettings
from ddg_planning.generate.worth import fit_worth
from ddg_planning.store import GenerationSettings
from ddg_sim.rollout.many import Cluster, for_seeds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ddg_cli.teach.trying import Attempt

ALL = 1000  # types tried per scene, at most


def worth(model: str, scenes: int, seed: int, cluster: Cluster) -> Report:
    """Try the best grasp of every type and variant in scenes of the training split, and fit.

    It goes by what scores are worth so far, where that decides what is searched (GM2): once more
    tells whether that was so.

    Args:
        model: "gm1" or "gm2".
        scenes: How many.
        seed: Of the first scene.
        cluster: Where to work.
    """
    generation = load(config_folder() / "generation.yaml", GenerationSettings)
    generation = replace(generation, model=model)
    used = generation.gm2.worth if model == "gm2" else generation.generator.finish.worth
    job = pickle.dumps(Job(generation, TryingSettings(grasps=ALL, found=0)))
    shown, attempts = Countdown("teach worth"), []
    tried = for_seeds(try_scene, job, range(seed, seed + scenes), cluster)
    for done, (_, some) in enumerate(tried, start=1):
        attempts += some
        shown.show(done, scenes)
    attempts.sort(key=lambda a: (a.scene, a.label))
    return report(attempts, FinishSettings(worth=used), model)


def report(attempts: Sequence[Attempt], used: FinishSettings, model: str) -> Report:
    """Fit to what was tried; lines for `config/generation.yaml`, and how often each type held.

    Args:
        attempts: Grasps that were tried, with what their scores were taken to be worth.
        used: What that was: it tells the log of the product.
        model: "gm1" or "gm2".
    """
    kinds = [attempt.label for attempt in attempts]
    offsets, slopes = np.array([used.worth_of(kind) for kind in kinds]).T
    held = np.array([attempt.held for attempt in attempts], dtype=bool)
    scores = (np.array([attempt.score for attempt in attempts]) - offsets) / slopes
    scenes = np.array([attempt.scene for attempt in attempts])
    found = fit_worth(kinds, scores, held, scenes)
    rounded = {kind: [round(a, 2), round(b, 3)] for kind, (a, b) in found.items()}
    tried, well = Counter(kinds), Counter(a.label for a in attempts if a.held)
    counts = {kind: {"held": well[kind], "tried": tried[kind]} for kind in found}
    where = "generator: finish: worth" if model == "gm1" else "gm2: worth"
    lines = [f"{kind:<20} held {c['held']} of {c['tried']}" for kind, c in counts.items()]
    text = yaml.safe_dump(rounded, default_flow_style=None, sort_keys=True)
    lines += [f"into config/generation.yaml, {where}:", text]
    return Report({"model": model, "worth": rounded, "types": counts}, "\n".join(lines))
