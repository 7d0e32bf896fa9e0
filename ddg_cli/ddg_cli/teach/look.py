"""The whole surface of an object: seen from all around by the twin's camera, joined and thinned."""

import numpy as np

from ddg_core.arrays import Array
from ddg_core.camera import Camera
from ddg_core.hand import Hand
from ddg_core.transforms import look_at
from ddg_core.view import DepthImage, FeatureCloud
from ddg_perception.perceive import PerceptionSettings, perceive
from ddg_planning.teach.surface import joined
from ddg_sim.model.build import floating_hand
from ddg_sim.model.objects import PlacedObject
from ddg_sim.objects.sim_object import SimObject
from ddg_sim.rollout.watch import hand_away
from ddg_sim.twin.render import Painter

CAMERA = Camera(640, 480, 574.0, 574.0, 319.5, 239.5)
NOISE = 0.0005  # of a reading, in [m]


def whole_surface(
    item: SimObject, T_base_object: Array, hand: Hand, *, rng: np.random.Generator
) -> FeatureCloud:
    """Look at an object on the table from sixteen places and join what is seen."""
    placed = PlacedObject(item, T_base_object)
    world = floating_hand(hand, [placed])
    middle = T_base_object[:3, 3] + T_base_object[:3, :3] @ item.com
    painter = Painter(
        world.model, CAMERA, look_at(middle + np.array([0.6, 0.0, 0.3]), middle), shadow=0
    )
    qpos = hand_away(world, placed)
    clouds = []
    try:
        for elevation in np.radians([15.0, 50.0]):
            for azimuth in np.arange(8) * np.pi / 4:
                level = np.cos(elevation)
                eye = middle + 0.6 * np.array(
                    [np.cos(azimuth) * level, np.sin(azimuth) * level, np.sin(elevation)]
                )
                painter.seen_from = T_base_camera = look_at(eye, middle)
                painter.show(qpos)
                depth = painter.depth().astype(float)
                depth = depth + NOISE * rng.standard_normal(depth.shape)
                image = DepthImage(depth, CAMERA, T_base_camera)
                clouds.append(perceive(image, PerceptionSettings(), rng=rng).cloud)
    finally:
        painter.close()
    return joined(clouds)
