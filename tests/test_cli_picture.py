"""The picture shows the object, and the hand where the grasp has it."""

import dataclasses

import numpy as np
import pytest

from ddg_cli.picture import PANEL, draw, hand_shapes
from ddg_core.camera import Camera
from ddg_core.description import load_hand
from ddg_core.grasp import Grasp
from ddg_core.shapes import Capsule
from ddg_core.transforms import apply, compose, inverse, look_at
from ddg_perception.perceive import PerceptionSettings, perceive
from ddg_perception.synthetic import level_slab, render

CAMERA = Camera(320, 240, 287.0, 287.0, 159.5, 119.5)
T_BASE_CAMERA = look_at([0.80, 0.45, 0.58], [0.55, 0.0, 0.05])
CENTRE, UP = np.array([0.55, 0.0, 0.05]), np.array([0.0, 0.0, 1.0])


@pytest.fixture(scope="module")
def view():
    ball = (np.eye(4), Capsule(CENTRE, CENTRE, 0.05))
    image = render([level_slab(0.0, 1.0), ball], CAMERA, T_BASE_CAMERA)
    return perceive(image, PerceptionSettings(), rng=np.random.default_rng(0))


@pytest.fixture(scope="module")
def grasp():
    hand = load_hand("svh")
    T = compose(np.diag([1.0, -1.0, -1.0]), CENTRE + UP * 0.2)
    away = compose(T[:3, :3], T[:3, 3] + UP * 0.1)
    joints = hand.pose("open")
    return Grasp(
        np.stack([away, T, T, T]), np.stack([joints] * 4), "svh", "pinch", 0.0, contacts=[CENTRE]
    )


def share(picture, test):
    """Share of pixels of the left panel whose red, green, blue pass."""
    pixels = np.asarray(picture).astype(int)[: PANEL[1], : PANEL[0]]
    return test(*np.moveaxis(pixels, 2, 0)).mean()


def orange(r, g, b):
    return (r > g + 15) & (g > b + 15)


def blue(r, g, b):
    return (b > r + 40) & (b > g + 20)


def red(r, g, b):
    return (r > 180) & (g < 60) & (b < 60)


def test_the_object_and_the_hand_are_in_it(view, grasp):
    hand = load_hand("svh")
    alone, held = draw(view, hand, None), draw(view, hand, grasp, "pinch")
    assert alone.size == held.size
    assert share(alone, orange) == pytest.approx(view.mask.mean(), abs=0.01)
    assert share(alone, blue) == 0.0
    assert share(held, blue) > 0.01
    assert share(alone, red) == 0.0
    assert share(held, red) > 0.0


def test_the_hand_is_where_its_links_project_to(view, grasp):
    hand = load_hand("svh")
    panel = np.asarray(draw(view, hand, grasp)).astype(int)
    shapes = hand_shapes(hand, grasp.T_base_wrist[-2], grasp.joints[-2])
    centres = np.array([apply(T, s.bounds().mean(axis=0)[None])[0] for T, s in shapes])
    pixels = CAMERA.project(apply(inverse(T_BASE_CAMERA), centres))
    u, v = (2.0 * pixels + 0.5).round().astype(int).T  # the panel is twice the image
    r, _, b = panel[v, u].T
    assert len(shapes) > 5
    assert (b > r).mean() > 0.8


def test_a_bare_cloud_is_drawn_as_its_viewpoint_sees_it(view, grasp):
    bare = dataclasses.replace(view, image=None, mask=None)
    picture = draw(bare, load_hand("svh"), grasp)
    assert share(picture, orange) > 0.005
    assert share(picture, blue) > 0.005
