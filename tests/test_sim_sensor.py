import time
from itertools import pairwise

import numpy as np
import pytest

from ddg_core.camera import Camera
from ddg_core.errors import BadInput
from ddg_sim.sensor import (
    DepthMap,
    NoiseStore,
    SensorSettings,
    draw_noise,
    measure,
    project_pattern,
    structured_light,
)

CAMERA = Camera(640, 480, 574.0, 574.0, 319.5, 239.5)
PERFECT = SensorSettings(noise=0.0, step=1e-3)


def wall(z: float) -> DepthMap:
    return np.full((480, 640), z, dtype=np.float32)


def post(z: float, behind: float) -> DepthMap:
    """A plate in columns 300 to 399 in front of a wall."""
    depth = wall(behind)
    depth[:, 300:400] = z
    return depth


def test_a_wall_is_measured_with_the_noise_of_its_disparity() -> None:
    z = 0.8
    measured = structured_light(wall(z), CAMERA, SensorSettings(), rng=np.random.default_rng(0))
    assert np.isfinite(measured).mean() > 0.99
    disparity = 574.0 * 0.075 / measured[np.isfinite(measured)]
    truth = 574.0 * 0.075 / z
    assert disparity.mean() == pytest.approx(truth, abs=0.01)
    expected = np.hypot(0.075, 0.125 / np.sqrt(12))  # noise and rounding
    assert disparity.std() == pytest.approx(expected, rel=0.1)
    steps = disparity / 0.125
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-3)


def test_stored_noise_is_like_noise_that_is_drawn_and_no_two_images_are_alike() -> None:
    settings = SensorSettings()
    store = NoiseStore(CAMERA, settings, rng=np.random.default_rng(1))
    drawn = draw_noise((480, 640), settings, rng=np.random.default_rng(2))
    pieces = [store.piece() for _ in range(4)]
    for piece in pieces:
        assert piece.shape == (480, 640)
        assert piece.std() == pytest.approx(settings.noise, rel=0.02)
        beside = np.corrcoef(piece[:, 1:].ravel(), piece[:, :-1].ravel())[0, 1]
        assert beside == pytest.approx(
            np.corrcoef(drawn[:, 1:].ravel(), drawn[:, :-1].ravel())[0, 1], abs=0.02
        )
    for one, other in pairwise(pieces):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.05
    pattern = project_pattern(wall(0.8), CAMERA, settings)
    assert (measure(pattern, settings, pieces[0]) != measure(pattern, settings, pieces[1])).any()


def test_the_error_grows_with_the_square_of_depth() -> None:
    spread = []
    for z in (0.5, 1.0, 2.0):
        measured = structured_light(wall(z), CAMERA, SensorSettings(), rng=np.random.default_rng(1))
        spread.append(np.nanstd(measured))
    assert spread[1] / spread[0] == pytest.approx(4.0, rel=0.2)
    assert spread[2] / spread[1] == pytest.approx(4.0, rel=0.2)


def test_a_plate_shadows_the_wall_on_the_side_away_from_the_projector() -> None:
    near, far = 0.5, 1.0
    measured = structured_light(post(near, far), CAMERA, PERFECT, rng=np.random.default_rng(0))
    shadow = np.isnan(measured[240])
    width = 574.0 * 0.075 * (1 / near - 1 / far)  # difference of the disparities: 43 pixels
    left, right = shadow[200:300].sum(), shadow[400:500].sum()
    assert left == pytest.approx(width, abs=6)
    assert right <= 5
    assert not shadow[305:395].any()


def test_a_narrow_plate_far_in_front_lets_the_pattern_pass_on_both_sides() -> None:
    depth = wall(1.5)
    depth[:, 300:310] = 0.5
    lit = np.isfinite(structured_light(depth, CAMERA, PERFECT, rng=np.random.default_rng(0))[240])
    assert lit[285:295].all()  # between plate and its shadow, 57 pixels further left
    assert not lit[246:250].any()


def test_a_slanted_wall_does_not_shadow_itself() -> None:
    depth = np.broadcast_to(np.linspace(0.5, 1.2, 640, dtype=np.float32), (480, 640)).copy()
    for slanted in (depth, depth[:, ::-1].copy()):
        measured = structured_light(slanted, CAMERA, PERFECT, rng=np.random.default_rng(0))
        inner = measured[:, 90:-5]
        assert np.isfinite(inner).mean() > 0.999
        np.testing.assert_allclose(inner, slanted[:, 90:-5], atol=1e-3)


def test_nothing_and_too_near_and_too_far_have_no_reading() -> None:
    depth = wall(1.0)
    depth[:100], depth[100:200], depth[200:300] = np.nan, 0.2, 3.0
    measured = structured_light(depth, CAMERA, SensorSettings(), rng=np.random.default_rng(0))
    assert np.isnan(measured[:300]).all()
    assert np.isfinite(measured[310:, 100:600]).all()


def test_same_seed_same_image_and_the_truth_is_left_alone() -> None:
    depth = post(0.5, 1.0)
    before = depth.copy()
    a, b, c = (
        structured_light(depth, CAMERA, SensorSettings(), rng=np.random.default_rng(seed))
        for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c, equal_nan=True)
    np.testing.assert_array_equal(depth, before)


def test_an_image_of_another_size_is_refused() -> None:
    with pytest.raises(BadInput, match="the camera has 640x480"):
        structured_light(wall(1.0)[:100], CAMERA, SensorSettings(), rng=np.random.default_rng(0))


def test_it_keeps_up_with_a_camera() -> None:
    rng = np.random.default_rng(0)
    depth, settings = post(0.5, 1.0), SensorSettings()
    took = []
    for _ in range(5):
        began = time.process_time()
        structured_light(depth, CAMERA, settings, rng=rng)
        took.append(time.process_time() - began)
    assert min(took) < 1 / 15
