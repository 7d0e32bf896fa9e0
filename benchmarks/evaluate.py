"""How fast grasps are judged: per second once a view is encoded, and from image to ranked."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import torch

from ddg_cli.stopwatch import fastest_s
from ddg_core.description import config_folder, load_hand
from ddg_core.grasp import Grasp
from ddg_core.hand import Hand
from ddg_core.settings import load
from ddg_core.transforms import exp
from ddg_core.view import ObjectView
from ddg_perception.perceive import PerceptionSettings, perceive
from ddg_planning.evaluate.evaluator import WEIGHTS, Evaluator
from ddg_planning.evaluate.volume import Volume
from ddg_planning.store import taught

GRASPS = 1000


def seen() -> ObjectView:
    """The view of the benchmark of the generator."""
    path = Path(__file__).with_name("generate.py")
    spec = importlib.util.spec_from_file_location("bench_generate", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    view: ObjectView = module.bottle_view()
    return view


def candidates(view: ObjectView, hand: Hand, n: int) -> list[Grasp]:
    """Taught grasps put at random places around the object."""
    rng = np.random.default_rng(0)
    models = taught(hand)
    middle = view.cloud.points.mean(axis=0)
    twists = np.concatenate([rng.normal(0.0, 0.05, (n, 3)), rng.uniform(-2, 2, (n, 3))], axis=1)
    T = exp(twists)
    T[:, :3, 3] += middle + T[:, :3, 2] * -0.12
    chosen = [models[i] for i in rng.integers(len(models), size=n)]
    return [
        Grasp(T[i] @ model.T_grasp_wrist, model.joints, hand.name, model.kind, 0.0)
        for i, model in enumerate(chosen)
    ]


def run() -> dict[str, float]:
    """Measure on two threads; each figure's name ends with its unit."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        return _measure()
    finally:
        torch.set_num_threads(threads)


def _measure() -> dict[str, float]:
    hand = load_hand("svh")
    evaluator = Evaluator(WEIGHTS / "em-s.safetensors", hand)
    perception = load(config_folder() / "perception.yaml", PerceptionSettings)
    view = seen()
    assert view.image is not None
    image, grasps = view.image, candidates(view, hand, GRASPS)
    volume = Volume(view, evaluator.card.volume)
    judge_s = fastest_s(lambda: evaluator.judge(volume, grasps))
    return {
        "encode_s": fastest_s(lambda: Volume(view, evaluator.card.volume)),
        f"judge_{GRASPS}_s": judge_s,
        "grasps_per_s": GRASPS / judge_s,
        f"image_to_ranked_{GRASPS}_s": fastest_s(
            lambda: evaluator(perceive(image, perception, rng=np.random.default_rng(0)), grasps)
        ),
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
