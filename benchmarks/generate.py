"""How fast grasps are proposed: scored candidates over all types, and how time grows with them.

Wall time is what a user waits; where other programs share the machine, look at processor time.
"""

import json
import re
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from ddg_core.camera import Camera
from ddg_core.description import config_folder, load_hand
from ddg_core.settings import load
from ddg_core.shapes import Capsule
from ddg_core.transforms import look_at
from ddg_core.view import FeatureCloud, ObjectView
from ddg_perception.perceive import PerceptionSettings, perceive
from ddg_perception.synthetic import level_slab, render
from ddg_planning.store import GenerationSettings, load_generator

REPEATS = 3
MODELS = ("gm1", "gm2")


def bottle_view() -> ObjectView:
    """One view of an upright capsule, 15 cm tall and 6.4 cm across, on a table."""
    body = np.eye(4), Capsule(np.array([0.55, 0.0, 0.032]), np.array([0.55, 0.0, 0.118]), 0.032)
    camera = Camera(640, 480, 574.0, 574.0, 319.5, 239.5)
    image = render(
        [level_slab(0.0, 1.0), body], camera, look_at([0.80, 0.45, 0.58], [0.55, 0, 0.05])
    )
    return perceive(image, PerceptionSettings(), rng=np.random.default_rng(0))


def thinned(view: ObjectView, points: int) -> ObjectView:
    """The view with at most so many points."""
    chosen = np.random.default_rng(0).permutation(len(view.cloud))[:points]
    cloud = view.cloud
    return replace(
        view,
        cloud=FeatureCloud(cloud.points[chosen], cloud.frames[chosen], cloud.curvatures[chosen]),
    )


def fastest(view: ObjectView, settings: GenerationSettings, candidates: int) -> tuple[float, float]:
    """Shortest wall and processor time of a warm request in several, in [s].

    The shortest, because a neighbour's work is not ours.
    """
    search = replace(settings.generator.search, candidates=candidates)
    hand = load_hand("svh")
    generator = load_generator(
        hand, replace(settings, generator=replace(settings.generator, search=search), threads=2)
    )
    wall, work = [], []
    for seed in range(REPEATS + 1):
        began, worked = time.perf_counter(), time.process_time()
        generator(view, n=100, rng=np.random.default_rng(seed))
        wall.append(time.perf_counter() - began)
        work.append(time.process_time() - worked)
    return min(wall[1:]), min(work[1:])


def run() -> dict[str, float]:
    """Measure on two threads; each figure's name ends with its unit."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        return _measure()
    finally:
        torch.set_num_threads(threads)


def _measure() -> dict[str, float]:
    stored = load(config_folder() / "generation.yaml", GenerationSettings)
    view, usual = bottle_view(), stored.generator.search.candidates
    figures: dict[str, float] = {}
    for model in MODELS:
        settings = replace(stored, model=model)
        for n in (usual // 2, usual, 2 * usual, 4 * usual):
            figures |= _named(f"{model}_candidates_{n}", fastest(view, settings, n))
        for points in (500, 1000, 2000, len(view.cloud)):
            times = fastest(thinned(view, points), settings, usual)
            figures |= _named(f"{model}_cloud_points_{points}", times)
        types = load_generator(load_hand("svh"), settings).kinds
        figures[f"{model}_candidates_per_s"] = usual / figures[f"{model}_candidates_{usual}_s"]
        figures[f"{model}_types"] = float(len(types))
    return figures


def _named(what: str, times: tuple[float, float]) -> dict[str, float]:
    return {f"{what}_s": times[0], f"{what}_processor_s": times[1]}


def draw(figures: dict[str, float], path: Path) -> None:
    """Draw how time grows with candidates and with points of the cloud."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 3.6), layout="constrained")
    for place, what in enumerate(("candidates", "cloud_points"), start=1):
        axes = figure.add_subplot(1, 2, place)
        for model in MODELS:
            for ending, label in (("_s", "wall"), ("_processor_s", "processor")):
                found = {
                    int(match[1]): seconds
                    for name, seconds in figures.items()
                    if (match := re.fullmatch(rf"{model}_{what}_(\d+){ending}", name))
                }
                axes.plot(list(found), list(found.values()), marker="o", label=f"{model}, {label}")
        axes.set(xlabel=what.replace("_", " "), ylabel="time [s]", xlim=(0, None), ylim=(0, None))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=4)
    FigureCanvasAgg(figure)
    figure.savefig(path)


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
