"""How fast grasps of two jaws are planned: by each policy as it ships, and the networks alone.

Medians. The networks alone have weights that nobody taught: time does not depend on them.
"""

import json
from dataclasses import replace

import numpy as np
import torch

from ddg_cli.stopwatch import median_s
from ddg_core.camera import Camera
from ddg_core.description import load_hand
from ddg_core.shapes import Box
from ddg_core.transforms import compose, look_at
from ddg_core.view import ObjectView
from ddg_perception.perceive import PerceptionSettings, perceive
from ddg_perception.synthetic import level_slab, render
from ddg_planning.parallel_jaw.checkpoint import VARIANTS, build
from ddg_planning.parallel_jaw.fc_gqcnn import FcGqCnn, FcSettings
from ddg_planning.parallel_jaw.follow import Follower, FollowSettings, sighting
from ddg_planning.parallel_jaw.policy import DexnetSettings, JawPlanner, Policy
from ddg_planning.parallel_jaw.prepare import PrepareSettings, prepare

THREADS = 2
DEPTHS = 16
POLICIES: tuple[Policy, ...] = ("cem", "best", "fc", "centred", "antipodal", "random")


def view_from_above() -> ObjectView:
    """A bar of 12 x 3 x 6 cm on a table, from 0.7 m above."""
    bar = Box(compose(np.eye(3), [0.55, 0.0, 0.03]), np.array([0.06, 0.015, 0.03]))
    camera = Camera(640, 480, 574.0, 574.0, 319.5, 239.5)
    T_base_camera = look_at([0.45, 0.0, 0.69], [0.55, 0.0, 0.0])
    image = render([level_slab(0.0, 1.0), (np.eye(4), bar)], camera, T_base_camera)
    return perceive(image, PerceptionSettings(), rng=np.random.default_rng(0))


def run() -> dict[str, float]:
    """Measure on two threads; each figure's name ends with its unit."""
    threads = torch.get_num_threads()
    try:
        return _planners() | _networks()
    finally:
        torch.set_num_threads(threads)


def _planners() -> dict[str, float]:
    """From image and mask to ranked grasps; `whole` takes every pixel for the object's."""
    hand, view, figures = load_hand("parallel_gripper"), view_from_above(), {}
    whole = replace(view, mask=np.ones((480, 640), dtype=bool))
    for policy in POLICIES:
        planner = JawPlanner(hand, DexnetSettings(policy=policy, threads=THREADS, heights=DEPTHS))
        figures[f"plan_{policy}_s"] = _plan_s(planner, view)
        if policy == "fc":
            figures["plan_fc_whole_s"] = _plan_s(planner, whole)
            figures["again_fc_s"] = _again(planner, view)
    return figures


def _plan_s(planner: JawPlanner, view: ObjectView) -> float:
    return median_s(lambda: planner(view, n=100, rng=np.random.default_rng(0)))


def _again(planner: JawPlanner, view: ObjectView) -> float:
    """Planning again about the target on the way in, from a new view to a corrected grasp."""
    follower = Follower(planner, FollowSettings())
    grasp = planner(view, n=1, rng=np.random.default_rng(0))[0]
    before = sighting(view)
    return median_s(lambda: follower(view, grasp, before, rng=np.random.default_rng(0)))


def _networks() -> dict[str, float]:
    """The whole image at once, and the networks of crops."""
    torch.set_num_threads(THREADS)
    view = view_from_above()
    assert view.image is not None
    assert view.mask is not None
    image = torch.as_tensor(prepare(view.image, view.mask, PrepareSettings()).depth).float()
    depths = torch.linspace(0.6, 0.7, DEPTHS)
    all_places = torch.ones_like(image, dtype=torch.bool)
    figures: dict[str, float] = {}
    with torch.inference_mode():
        for literal in (False, True):
            network = FcGqCnn(FcSettings(angles=16, literal=literal)).eval()
            name = "literal" if literal else "fc"
            figures[f"whole_image_{name}_s"] = median_s(
                lambda network=network: network.dense(image, depths, all_places)  # type: ignore[misc]
            )
        figures["grasps_of_whole_image"] = float(DEPTHS * 16 * image.numel())
        crops, at = torch.rand(250, 32, 32), torch.rand(250)
        for variant in ("gqcnn-small", "gqcnn"):
            judge = build(VARIANTS[variant]).eval()
            seconds = median_s(lambda judge=judge: judge(crops, at))  # type: ignore[misc]
            figures[f"{variant}_crops_per_s"] = len(crops) / seconds
    return figures


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
