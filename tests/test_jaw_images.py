"""Grasps in depth images: where they are in space, what is cropped, what noise and holes do."""

from dataclasses import replace

import numpy as np
import pytest
from jaw_scenes import ABOVE, CAMERA, OBLIQUE, PLACE, UP, box_on_table

from ddg_core.camera import Camera
from ddg_core.errors import BadInput, Failed
from ddg_core.outcome import Outcome
from ddg_core.transforms import apply, inverse
from ddg_core.view import DepthImage
from ddg_planning.parallel_jaw.crops import NoiseSettings, aligned, correlated, noisy
from ddg_planning.parallel_jaw.image_grasp import ImageGrasps, to_image, to_space
from ddg_planning.parallel_jaw.prepare import PrepareSettings, fill, holes, prepare
from ddg_planning.parallel_jaw.sample_image import (
    ImageSampling,
    antipodal_on_image,
    deepest,
    random_on_image,
)

BAR = np.array([0.06, 0.015, 0.03])  # half sizes: 3 cm wide, 6 cm high
FINE = PrepareSettings(focal=287.0)
STROKE = 0.085


def sampled(view, n=200, seed=0, **settings):
    floor = deepest(view, UP, 0.0, 0.012)
    chosen = ImageSampling(**settings)
    return antipodal_on_image(view, STROKE, floor, chosen, n=n, rng=np.random.default_rng(seed))


def test_a_grasp_in_the_image_is_the_same_in_space_and_back():
    rng = np.random.default_rng(0)
    image = DepthImage(np.ones((480, 640)), replace(CAMERA, fy=520.0), OBLIQUE)
    grasps = ImageGrasps(
        rng.uniform([100, 100], [540, 380], (50, 2)),
        rng.uniform(-np.pi / 2, np.pi / 2, 50),
        rng.uniform(0.5, 0.8, 50),
        rng.uniform(0.01, 0.08, 50),
    )
    centres, axes = to_space(grasps, image, UP)
    np.testing.assert_allclose(axes @ UP, 0.0, atol=1e-12)  # the line is level
    np.testing.assert_allclose(np.linalg.norm(axes, axis=1), 1.0)
    again = to_image(centres, axes, grasps.widths, image)
    for key in ("pixels", "angles", "depths", "widths"):
        np.testing.assert_allclose(getattr(again, key), getattr(grasps, key), atol=1e-9)
    # The angle is that of the projected line, not of the line itself.
    points = apply(inverse(OBLIQUE), np.concatenate([centres - 1e-5 * axes, centres + 1e-5 * axes]))
    ends = image.camera.project(points).reshape(2, 50, 2)
    line = ends[1] - ends[0]
    np.testing.assert_allclose(np.arctan2(line[:, 1], line[:, 0]), grasps.angles, atol=1e-5)


def test_scaling_keeps_points_where_they_are():
    image, mask = box_on_table(BAR)
    view = prepare(image, mask, PrepareSettings())
    assert view.depth.shape == (120, 160)
    assert view.camera.fx == view.camera.fy == 143.5
    both = [
        np.median(camera.deproject(depth, chosen)[:, :2], axis=0)
        for camera, depth, chosen in (
            (CAMERA, image.depth, mask),
            (view.camera, view.depth, view.mask),
        )
    ]
    np.testing.assert_allclose(both[0], both[1], atol=0.002)
    assert view.depth[view.mask].min() == pytest.approx(0.64, abs=1e-6)
    assert view.mask.sum() == pytest.approx(mask.sum() / 16, rel=0.1)


@pytest.mark.parametrize("yaw", [0.0, 0.4, 1.3])
def test_the_jaws_line_is_the_middle_row_of_a_crop(yaw):
    """The bar lies across the line: a crop shows it standing, whatever its yaw."""
    image, mask = box_on_table(BAR, yaw)
    view = prepare(image, mask, PrepareSettings())
    across = np.array([[-np.sin(yaw), np.cos(yaw), 0.0]])
    grasp = to_image(PLACE[None] + 0.03 * UP, across, np.array([0.03]), view.scaled)
    crop = aligned(view.depth, grasp.pixels, grasp.angles)[0]
    high = crop < 0.67
    assert high[:, 15:17].sum() > 40  # it runs from top to bottom (12 cm are 27 pixels at 0.64 m)
    assert high[15:17].sum() == pytest.approx(2 * 0.03 / 0.64 * 143.5, abs=4.0)
    rows, columns = np.nonzero(high)
    assert abs(rows.mean() - 15.5) < 0.6
    assert abs(columns.mean() - 15.5) < 0.6
    turned = aligned(view.depth, grasp.pixels, grasp.angles + np.pi)[0]
    np.testing.assert_allclose(turned, crop[::-1, ::-1], atol=1e-9)


def test_a_crop_at_the_border_goes_on_as_the_border():
    depth = np.arange(12.0).reshape(3, 4)
    crop = aligned(depth, np.array([[0.0, 0.0]]), np.zeros(1))[0]
    assert crop.shape == (32, 32)
    assert crop[0, 0] == 0.0
    assert crop[-1, -1] == 11.0


def test_noise_is_that_of_the_paper():
    rng = np.random.default_rng(0)
    field = correlated((400, 32, 32), 2.0**0.5, rng=rng)
    assert field.std() == pytest.approx(1.0, abs=0.02)
    near = (field[:, :, 1:] * field[:, :, :-1]).mean()
    assert near == pytest.approx(np.exp(-1.0 / 4.0), abs=0.03)
    assert abs(np.mean(field[0] * field[1])) < 0.1
    crops, depths = np.full((4000, 32, 32), 0.7), np.full(4000, 0.72)
    seen, told = noisy(crops, depths, NoiseSettings(share=0.0), rng=rng)
    assert seen.mean(axis=(1, 2)).std() == pytest.approx(0.7 * 1000**-0.5, rel=0.05)
    np.testing.assert_allclose(told / seen[:, 0, 0], 0.72 / 0.7)
    seen, _ = noisy(crops[:800], depths[:800], NoiseSettings(shape=1e12, share=0.5), rng=rng)
    spread = seen.std(axis=(1, 2))
    assert np.mean(spread > 1e-6) == pytest.approx(0.5, abs=0.06)
    assert spread[spread > 1e-3].mean() == pytest.approx(0.005, rel=0.05)


def test_antipodal_pairs_cross_the_bar_and_close_below_its_top():
    for yaw in (0.0, 0.7):
        image, mask = box_on_table(BAR, yaw)
        view = prepare(image, mask, FINE)
        grasps = sampled(view)
        assert len(grasps) == 200
        centres, axes = to_space(grasps, view.scaled, UP)
        across = np.array([-np.sin(yaw), np.cos(yaw), 0.0])
        turned = np.degrees(np.arccos(np.minimum(np.abs(axes @ across), 1.0)))
        assert np.median(turned) < 25.0
        assert turned.max() < 2.0 * np.degrees(np.arctan(0.8)) + 5.0
        np.testing.assert_allclose(np.median(grasps.widths), 0.03, atol=0.006)
        assert centres[:, 2].max() <= 0.06 - 0.002 + 1e-6
        assert centres[:, 2].min() >= 0.012 - 1e-6


def test_at_a_low_bar_the_jaws_stop_above_the_table():
    view = prepare(*box_on_table(np.array([0.06, 0.015, 0.01])), FINE)
    centres, _ = to_space(sampled(view), view.scaled, UP)
    assert centres[:, 2].min() == pytest.approx(0.012)
    assert centres[:, 2].max() <= 0.018 + 1e-6


def test_across_a_hollow_the_jaws_close_below_its_rim_not_below_its_bottom():
    image, mask = box_on_table(np.array([0.03, 0.03, 0.04]))
    _, inside = box_on_table(np.array([0.025, 0.025, 0.04]))
    hollow = DepthImage(np.where(inside, 0.695, image.depth), CAMERA, ABOVE)
    view = prepare(hollow, mask, FINE)
    grasps = sampled(view)
    centres, _ = to_space(grasps, view.scaled, UP)
    assert np.mean(grasps.widths > 0.05) > 0.2  # the others pinch a wall
    assert centres[:, 2].min() >= 0.08 - 0.041
    assert centres[:, 2].max() <= 0.08 - 0.001


def test_an_object_wider_than_the_stroke_has_no_pair_across():
    image, mask = box_on_table(np.array([0.05, 0.05, 0.03]))
    with pytest.raises(Failed, match=r"within 0.085 m") as failure:
        sampled(prepare(image, mask, FINE), friction=0.2)
    assert failure.value.outcome is Outcome.NO_CANDIDATE


def test_open_jaws_come_down_only_where_there_is_room():
    image, mask = box_on_table(np.array([0.03, 0.03, 0.03]))
    x, y, _ = apply(ABOVE, CAMERA.deproject(image.depth, np.ones_like(mask))).T - PLACE[:, None]
    walls = ((np.abs(x) > 0.037) & (np.abs(y) < 0.06)).reshape(mask.shape)
    between = DepthImage(np.where(walls, 0.64, image.depth), CAMERA, ABOVE)
    for scene, least in ((image, 0.95), (between, 0.0)):
        view = prepare(scene, mask, FINE)
        _, axes = to_space(sampled(view, friction=0.3), view.scaled, UP)
        assert len(axes) > 20
        assert least <= np.abs(axes[:, 0]).max() <= max(least + 0.05, 0.3)


def test_pairs_are_bounded_and_the_same_seed_gives_the_same_grasps():
    view = prepare(*box_on_table(BAR), FINE)
    few = sampled(view, edges=40, n=10_000)
    assert 0 < len(few) <= 40 * 39 // 2
    np.testing.assert_array_equal(sampled(view, seed=3).pixels, sampled(view, seed=3).pixels)
    assert (sampled(view, seed=3).pixels != sampled(view, seed=4).pixels).any()
    assert len(sampled(view, n=9, heights=3)) == 9


def test_random_grasps_lie_on_the_object():
    view = prepare(*box_on_table(BAR), FINE)
    floor = deepest(view, UP, 0.0, 0.012)
    grasps = random_on_image(view, floor, ImageSampling(), n=300, rng=np.random.default_rng(0))
    u, v = np.rint(grasps.pixels).astype(int).T
    assert view.mask[v, u].mean() > 0.9
    assert np.ptp(grasps.angles) > 3.0


def test_without_edges_or_object_it_says_so():
    image, mask = box_on_table(BAR)
    flat = DepthImage(np.full((480, 640), 0.7), CAMERA, ABOVE)
    with pytest.raises(Failed, match="no edges on the object") as failure:
        sampled(prepare(flat, mask, FINE))
    assert failure.value.outcome is Outcome.NO_CANDIDATE
    with pytest.raises(Failed, match="the object has 0 pixels") as failure:
        prepare(image, np.zeros_like(mask), FINE)
    assert failure.value.outcome is Outcome.EMPTY_MASK


def test_millimetres_and_wrong_intrinsics_are_named():
    image, mask = box_on_table(BAR)
    with pytest.raises(BadInput, match="median of 700: these are millimetres"):
        prepare(DepthImage(1000.0 * image.depth, CAMERA, ABOVE), mask, FINE)
    for wrong, what in (
        (Camera(640, 480, 5.74, 5.74, 319.5, 239.5), "fx = 5.74 pixels"),
        (Camera(640, 480, 574.0, 574e3, 319.5, 239.5), "fy = 5.74e[+]05 pixels"),
        (Camera(640, 480, 574.0, 574.0, 0.0, 239.5), "cx = 0 is not near"),
    ):
        with pytest.raises(BadInput, match=what):
            prepare(DepthImage(image.depth, wrong, ABOVE), mask, FINE)
    with pytest.raises(BadInput, match="320x240 pixels, the camera has 640x480"):
        prepare(image, mask[::2, ::2], FINE)


def test_holes_are_filled_with_what_lies_behind_and_counted():
    image, mask = box_on_table(BAR)
    holed = np.array(image.depth)
    edge = np.flatnonzero(mask[240])[-1]
    holed[:, edge - 1 : edge + 12] = np.nan  # a shadow along the right side
    assert holes(DepthImage(holed, CAMERA, ABOVE)) == pytest.approx(13 / 640)
    assert np.isfinite(prepare(DepthImage(holed, CAMERA, ABOVE), mask, FINE).depth).all()
    filled = fill(holed, np.isfinite(holed))
    assert np.isfinite(filled).all()
    np.testing.assert_allclose(filled[240, edge : edge + 12], 0.7)
    nothing = np.full_like(holed, np.nan)
    nothing[100, 200] = 0.5
    np.testing.assert_array_equal(fill(nothing, np.isfinite(nothing)), 0.5)
    with pytest.raises(Failed, match="100% of the depth image") as failure:
        prepare(DepthImage(nothing, CAMERA, ABOVE), mask, FINE)
    assert failure.value.outcome is Outcome.NO_CLOUD


def test_jaws_stay_above_what_the_object_stands_on():
    view = prepare(*box_on_table(BAR, T_base_camera=OBLIQUE), FINE)
    depth = deepest(view, UP, 0.02, 0.01)
    points = apply(OBLIQUE, view.camera.deproject(depth))
    np.testing.assert_allclose(points[:, 2], 0.03, atol=1e-9)
