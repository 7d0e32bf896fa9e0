"""How long perception takes: a 640x480 view of a table, an arm and three objects, on one core."""

import json
import os

import numpy as np

from ddg_cli.stopwatch import fastest_s
from ddg_core.camera import Camera
from ddg_core.shapes import Box, Capsule
from ddg_core.transforms import compose, look_at
from ddg_perception.perceive import PerceptionSettings, features, segment_image
from ddg_perception.robot_body import PosedShape
from ddg_perception.synthetic import level_slab, render

REPEATS = 15


def capsule(a: tuple[float, ...], b: tuple[float, ...], radius: float) -> PosedShape:
    """Return a capsule between two points of the base frame, in [m]."""
    return np.eye(4), Capsule(np.array(a), np.array(b), radius)


def scene() -> tuple[list[PosedShape], list[PosedShape]]:
    """Return the shapes of the world and those of the robot, in the base frame."""
    robot = [capsule((0.0, 0.1 * k, 0.2), (0.35, 0.1 * k - 0.2, 0.35), 0.06) for k in range(-1, 3)]
    world = [
        level_slab(0.0, 1.0),
        capsule((0.55, 0.0, 0.05), (0.55, 0.0, 0.12), 0.05),
        (compose(np.eye(3), [0.45, 0.22, 0.04]), Box(np.eye(4), np.array([0.04, 0.03, 0.04]))),
        capsule((0.62, -0.2, 0.03), (0.62, -0.2, 0.03), 0.03),
    ]
    return world, robot


def run() -> dict[str, float]:
    """Measure on one core; each figure's name ends with its unit."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        return _measure()
    finally:
        os.sched_setaffinity(0, allowed)


def _measure() -> dict[str, float]:
    world, robot = scene()
    camera = Camera(640, 480, 574.0, 574.0, 319.5, 239.5)
    image = render([*world, *robot], camera, look_at([0.80, 0.45, 0.58], [0.55, 0.0, 0.05]))
    settings = PerceptionSettings()

    def segment() -> object:
        return segment_image(image, settings, robot=robot, rng=np.random.default_rng(0))

    segmented = segment_image(image, settings, robot=robot, rng=np.random.default_rng(0))
    view = features(segmented, settings)
    segment_ms, features_ms = (
        1e3 * fastest_s(work, repeats=REPEATS)
        for work in (segment, lambda: features(segmented, settings))
    )
    return {
        "segment_ms": segment_ms,
        "features_ms": features_ms,
        "total_ms": segment_ms + features_ms,
        "object_pixels": float(len(segmented.points)),
        "feature_points": float(len(view.cloud)),
    }


if __name__ == "__main__":
    print(json.dumps(run()))
