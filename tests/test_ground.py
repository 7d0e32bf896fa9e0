"""What the object stands on: free space beside a pedestal is seen, nothing else is believed."""

import numpy as np
import planning_world as world
import pytest
import torch

from ddg_core.camera import Camera
from ddg_core.shapes import Box
from ddg_core.transforms import compose, look_at
from ddg_core.view import DepthImage
from ddg_perception.synthetic import level_slab, render
from ddg_planning.generate.ground import Ground, GroundSettings

CAMERA = Camera(320, 240, 287.0, 287.0, 159.5, 119.5)
TOP = 0.09
PEDESTAL = Box(compose(np.eye(3), [0.55, 0.0, TOP / 2]), np.array([0.03, 0.03, TOP / 2]))
T_BASE_LOCAL = compose(np.eye(3), [0.55, 0.0, TOP])
STRIP = np.array([[-0.08, -0.01, 0.004], [0.08, 0.01, 0.004]])  # corners of what lies on it, local


def seen(*boxes: Box) -> DepthImage:
    pose = look_at(world.EYE, [0.55, 0.0, 0.08])
    return render([level_slab(0.0, 1.0), *((np.eye(4), box) for box in boxes)], CAMERA, pose)


def ground(image: DepthImage | None, settings: GroundSettings | None = None) -> Ground:
    return Ground(image, T_BASE_LOCAL, STRIP, settings or GroundSettings())


def height(found: Ground, *point: float) -> float:
    return float(found.height(torch.tensor([point]))[0])


def test_beside_a_pedestal_the_hand_may_go_below_its_top() -> None:
    found = ground(seen(PEDESTAL))
    assert not found.plane
    assert height(found, 0.06, 0.0, -0.02) == pytest.approx(0.03, abs=0.008)  # to the pedestal
    assert height(found, 0.07, 0.05, -0.06) > 0.01
    assert height(found, 0.0, 0.0, -0.01) < 0.0
    assert height(found, 0.0, 0.0, 0.02) == pytest.approx(0.02, abs=0.004)


def test_where_nothing_is_seen_to_be_free_the_support_is_a_plane() -> None:
    table = Box(compose(np.eye(3), [0.55, 0.0, TOP / 2]), np.array([0.5, 0.5, TOP / 2]))
    blind = ground(None), ground(seen(PEDESTAL), GroundSettings(depth=0.0)), ground(seen(table))
    for found in blind:
        assert found.plane
        assert height(found, 0.06, 0.0, -0.02) == pytest.approx(-0.02)
    # Beyond the grid as well: nobody has looked there.
    assert height(ground(seen(PEDESTAL)), 0.30, 0.0, -0.02) == pytest.approx(-0.02)


def test_nothing_that_is_there_is_taken_for_free() -> None:
    found, rng = ground(seen(PEDESTAL)), np.random.default_rng(0)
    points = rng.uniform([-0.12, -0.08, -0.12], [0.12, 0.08, 0.0], (4000, 3))
    at = points + T_BASE_LOCAL[:3, 3]
    solid = np.minimum(PEDESTAL.signed_distance(at), at[:, 2]) < -0.004
    free = found.height(torch.as_tensor(points, dtype=torch.float32)).numpy() > 0.0
    assert not (free & solid).any()
    assert free[~solid].mean() > 0.6
