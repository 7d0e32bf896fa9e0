"""How many labels change at half the time step: of physics that is fine enough, few.

The set: in scenes with training objects, all random grasps that held and as many that were lifted
and did not hold, so that half of the labels are successes and none is a plain miss.
"""

from ddg_core.description import load_hand
from ddg_core.grasp import Grasp
from ddg_core.statistics import wilson
from ddg_sim.dataset.halve import halved
from ddg_sim.rollout.near_surface import NearSurfaceSettings, near_surface
from ddg_sim.rollout.rollout import RolloutSettings, open_scene
from ddg_sim.rollout.view import draw_view

LABELS, _GRASPS = 500, 12


def run(labels: int = LABELS) -> dict[str, float]:
    """Try the grasps of the first scenes at both steps, until there are so many labels."""
    settings = RolloutSettings()
    before: list[bool] = []
    after: list[bool] = []
    seed = 0
    while len(before) < labels:
        chosen = _choose(seed, settings, (labels - len(before)) // 2)
        if chosen:
            finer = open_scene(seed, halved(settings)).simulation
            before += [held for _, held in chosen]
            after += [finer.run(grasp).held for grasp, _ in chosen]
        seed += 1
    changed = [a != b for a, b in zip(before, after, strict=True)]
    low, high = wilson(sum(changed), len(changed))
    return {
        "labels": float(len(before)),
        "scenes": float(seed),
        "held_share": sum(before) / len(before),
        "held_share_at_half_step": sum(after) / len(after),
        "changed_share": sum(changed) / len(changed),
        "changed_share_wilson_low": low,
        "changed_share_wilson_high": high,
    }


def _choose(seed: int, settings: RolloutSettings, most: int) -> list[tuple[Grasp, bool]]:
    """Of one scene, up to `most` grasps that held and as many that were lifted and did not."""
    opened = open_scene(seed, settings)
    view = draw_view(opened.simulation, opened.scene, settings.view, rng=opened.seen)
    hand = load_hand(settings.hand)
    grasps = near_surface(view, hand, NearSurfaceSettings(), n=_GRASPS, rng=opened.asked)
    results = [(grasp, opened.simulation.run(grasp)) for grasp in grasps]
    held = [(grasp, True) for grasp, result in results if result.held]
    failed = [(grasp, False) for grasp, result in results if result.lifted and not result.held]
    count = min(len(held), len(failed), most)
    return held[:count] + failed[:count]
