"""How well objects are told from what they stand on, in scenes of the catalogue's validation split.

Of each scene's random view the pixels that perception takes for the object are compared with those
that show it; the truth is for this judge only. An object counts as told apart where at least 80 %
of its pixels are found and at least 80 % of what is found is the object's.
"""

import json
import sys

import numpy as np

from ddg_cli.evaluate.success import rollout_of
from ddg_core.description import config_folder
from ddg_core.errors import DdgError
from ddg_core.settings import load
from ddg_perception.perceive import PerceptionSettings, segment_image
from ddg_sim.rollout.rollout import open_scene
from ddg_sim.rollout.view import draw_view

SCENES = 400
ENOUGH = 0.8


def run() -> dict[str, float]:
    """Measure; shares in [0, 1], by what the object stands on."""
    settings = rollout_of("validation")
    perception = load(config_folder() / "perception.yaml", PerceptionSettings)
    found: dict[str, list[tuple[float, float]]] = {"table": [], "pedestal": []}
    for seed in range(SCENES):
        opened = open_scene(seed, settings)
        view = draw_view(opened.simulation, opened.scene, settings.view, rng=opened.seen)
        shares = 0.0, 0.0
        try:
            seen = segment_image(view.image, perception, rng=opened.seen)
        except DdgError as error:
            print(f"scene {seed}: {error}", file=sys.stderr)
        else:
            assert seen.mask is not None, "an image was given"
            both = np.count_nonzero(seen.mask & view.mask)
            shares = both / np.count_nonzero(view.mask), both / np.count_nonzero(seen.mask)
        found["pedestal" if "pedestal" in opened.scene.statics else "table"].append(shares)
    figures = {}
    for name, all_shares in found.items():
        recall, precision = np.array(all_shares).T
        figures[f"{name}_scenes"] = float(len(recall))
        figures[f"{name}_told_apart"] = float((np.minimum(recall, precision) >= ENOUGH).mean())
        figures[f"{name}_recall"] = float(recall.mean())
        figures[f"{name}_precision"] = float(precision.mean())
    return figures


if __name__ == "__main__":
    print(json.dumps(run()))
