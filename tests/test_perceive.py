"""Laws of perception, in scenes of primitives whose truth is known."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from ddg_core.camera import Camera
from ddg_core.errors import BadInput, Failed, SettingsError
from ddg_core.kinematics import read_urdf
from ddg_core.outcome import Outcome
from ddg_core.settings import load
from ddg_core.shapes import Box, Capsule
from ddg_core.transforms import compose, from_xyz_rpy, look_at
from ddg_core.view import DepthImage, Plane
from ddg_perception.perceive import PerceptionSettings, perceive, segment_cloud, segment_image
from ddg_perception.robot_body import on_robot, posed_shapes
from ddg_perception.support import SupportSettings, find_support
from ddg_perception.synthetic import level_slab, render

CAMERA = Camera(320, 240, 287.0, 287.0, 159.5, 119.5)
T_BASE_CAMERA = look_at([0.80, 0.45, 0.58], [0.55, 0.0, 0.05])
SETTINGS = PerceptionSettings()
TABLE = level_slab(0.0, 2.0)


def ball(x, y, z, radius):
    return np.eye(4), Capsule([x, y, z], [x, y, z], radius)


def box(x, y, z, *size):
    return compose(np.eye(3), [x, y, z]), Box(np.eye(4), np.array(size) / 2)


def see(*shapes, table=TABLE):
    return render([table, *shapes], CAMERA, T_BASE_CAMERA)


def segment(image, **keywords):
    return segment_image(image, SETTINGS, rng=np.random.default_rng(0), **keywords)


def outcome_of(action):
    with pytest.raises(Failed) as caught:
        action()
    return caught.value.outcome


def structured_light(image, rng, sigma=0.075, baseline=0.075):
    """Disparity noise and quantisation to 1/8 pixel, as a PrimeSense has them."""
    disparity = image.camera.fx * 2 * baseline / image.depth  # of the full-resolution sensor
    disparity = np.round((disparity + rng.normal(0, sigma, disparity.shape)) * 8) / 8
    depth = image.camera.fx * 2 * baseline / disparity
    depth[rng.random(depth.shape) < 0.01] = np.nan
    return dataclasses.replace(image, depth=depth)


@pytest.fixture(scope="module")
def ball_view():
    return see(ball(0.55, 0.0, 0.05, 0.05))


def test_the_points_of_a_ball_lie_on_the_ball(ball_view):
    found = segment(ball_view)
    assert len(found.points) > 500
    radius = np.linalg.norm(found.points - [0.55, 0.0, 0.05], axis=1)
    np.testing.assert_allclose(radius, 0.05, atol=1e-4)
    np.testing.assert_array_equal(found.mask.sum(), len(found.points))
    assert abs(found.table.offset) < 1e-4
    assert found.table.normal[2] > 0.9999
    np.testing.assert_allclose(found.viewpoint, [0.80, 0.45, 0.58])


def test_the_view_of_a_ball_has_its_normals_and_curvature(ball_view):
    view = perceive(ball_view, SETTINGS, rng=np.random.default_rng(0))
    outward = (view.cloud.points - [0.55, 0.0, 0.05]) / 0.05
    cosine = (outward * view.cloud.normals).sum(axis=1)
    assert np.median(cosine) > 0.999
    np.testing.assert_allclose(np.median(view.cloud.curvatures, axis=0), 20.0, rtol=0.05)


def test_it_is_the_same_object_wherever_the_base_is(ball_view):
    T = from_xyz_rpy([0.2, -0.3, 0.0], [0.0, 0.0, 0.8])
    moved = dataclasses.replace(ball_view, T_base_camera=T @ ball_view.T_base_camera)
    np.testing.assert_array_equal(segment(moved).mask, segment(ball_view).mask)


def test_a_table_nobody_told_of_is_found():
    table = level_slab(0.16, 2.0)
    found = segment(see(ball(0.55, 0.0, 0.20, 0.04), table=table))
    assert found.table.offset == pytest.approx(0.16, abs=1e-3)
    assert found.points[:, 2].min() > 0.161


def test_the_hinted_table_wins_over_a_larger_floor():
    small = box(0.55, 0.0, -0.01, 0.5, 0.5, 0.02)
    found = segment(see(small, ball(0.55, 0.0, 0.04, 0.04), table=level_slab(-0.5, 4.0)))
    assert found.table.offset == pytest.approx(0.0, abs=1e-3)


def test_a_flat_thing_of_seven_millimetres_is_an_object():
    found = segment(see(box(0.55, 0.0, 0.0035, 0.06, 0.03, 0.007)))
    np.testing.assert_allclose(np.median(found.points[:, 2]), 0.007, atol=1e-3)


def test_on_a_pedestal_only_the_object_is_taken():
    pedestal = box(0.55, 0.0, 0.045, 0.16, 0.16, 0.09)
    found = segment(see(pedestal, ball(0.55, 0.0, 0.115, 0.025)))
    assert found.table.offset == pytest.approx(0.09, abs=2e-3)
    radius = np.linalg.norm(found.points - [0.55, 0.0, 0.115], axis=1)
    np.testing.assert_allclose(radius, 0.025, atol=1e-3)
    assert len(found.obstacles) > 20  # the pedestal itself


KNOWN = PerceptionSettings(support=SupportSettings(heights=(0.09,)))


@pytest.mark.parametrize("side", [0.07, 0.12])
def test_on_a_known_pedestal_what_hangs_over_its_edge_is_object_too(side):
    pedestal = box(0.55, 0.0, 0.045, side, side, 0.09)
    bar = box(0.55, 0.0, 0.1, 0.03, 0.24, 0.02)
    found = segment_image(see(pedestal, bar), KNOWN, rng=np.random.default_rng(0))
    assert found.table.offset == pytest.approx(0.09, abs=2e-3)
    assert np.ptp(found.points[:, 1]) > 0.22
    assert found.points[:, 2].min() > 0.085
    marked = segment_image(see(pedestal, bar), KNOWN, mask=found.mask, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(marked.mask, found.mask)
    assert marked.table.offset == pytest.approx(0.09, abs=2e-3)
    assert len(marked.obstacles) > 20


def test_what_hangs_down_beside_a_known_pedestal_is_object_too():
    bar = (from_xyz_rpy([0.55, 0.0, 0.1], [0.12, 0.0, 0.0]), Box(np.eye(4), [0.015, 0.13, 0.008]))
    pedestal = box(0.55, 0.0, 0.045, 0.08, 0.08, 0.09)
    found = segment_image(see(pedestal, bar), KNOWN, rng=np.random.default_rng(0))
    assert found.table.offset == pytest.approx(0.09, abs=2e-3)
    assert np.ptp(found.points[:, 1]) > 0.23
    assert found.points[:, 2].min() < 0.088


def test_what_hides_the_top_of_a_known_pedestal_and_hangs_over_it_is_cut_from_it():
    pedestal = box(0.55, 0.0, 0.045, 0.08, 0.08, 0.09)
    found = segment_image(
        see(pedestal, box(0.55, 0.0, 0.1, 0.085, 0.16, 0.02)), KNOWN, rng=np.random.default_rng(0)
    )
    assert found.table.offset == pytest.approx(0.09, abs=2e-3)
    assert found.points[:, 2].min() > 0.085


def test_a_pot_with_a_lid_at_the_height_of_a_pedestal_is_one_thing():
    pot, lid, knob = (
        ball(0.55, 0.0, 0.03, 0.06),
        box(0.55, 0.0, 0.085, 0.07, 0.07, 0.01),
        ball(0.55, 0.0, 0.105, 0.015),
    )
    found = segment_image(see(pot, lid, knob), KNOWN, rng=np.random.default_rng(0))
    assert found.table.offset == pytest.approx(0.0, abs=1e-3)
    assert found.points[:, 2].min() < 0.03


def test_a_thing_thinner_than_the_noise_of_a_pixel_is_seen():
    image = see(box(0.55, 0.0, 0.002, 0.10, 0.06, 0.004))
    truth = segment(image).mask
    found = segment(structured_light(image, np.random.default_rng(2)))
    assert truth.sum() > 400
    assert (found.mask & truth).sum() > 0.75 * truth.sum()


def test_what_hides_a_known_pedestal_stands_on_it():
    plate = (np.eye(4), Capsule([0.55, 0.0, 0.115], [0.55, 0.0, 0.115], 0.025))
    found = segment_image(
        see(box(0.55, 0.0, 0.045, 0.02, 0.02, 0.09), plate), KNOWN, rng=np.random.default_rng(0)
    )
    assert found.table.offset == pytest.approx(0.09, abs=2e-3)


@pytest.mark.parametrize("height", [0.12, 0.20])
def test_a_tall_thing_is_not_cut_at_the_height_of_a_pedestal(height):
    shape = (np.eye(4), Capsule([0.55, 0.0, 0.04], [0.55, 0.0, height - 0.04], 0.04))
    for thing in (shape, box(0.55, 0.0, height / 2, 0.06, 0.08, height)):
        found = segment_image(see(thing), KNOWN, rng=np.random.default_rng(0))
        assert found.table.offset == pytest.approx(0.0, abs=1e-3)
        assert found.points[:, 2].min() < 0.02


@pytest.mark.parametrize("height", [0.087, 0.0925, 0.0935, 0.1])
def test_a_box_as_high_as_a_pedestal_is_not_one(height):
    camera = Camera(640, 480, 574.0, 574.0, 319.5, 239.5)
    block = box(0.61, -0.035, height / 2, 0.075, 0.073, height)
    image = structured_light(
        render([TABLE, block], camera, T_BASE_CAMERA), np.random.default_rng(0)
    )
    found = segment_image(image, KNOWN, rng=np.random.default_rng(0))
    assert found.table.offset == pytest.approx(0.0, abs=1e-3)
    assert found.points[:, 2].min() < 0.02


def see_from_above(*shapes):
    camera = Camera(640, 480, 574.0, 574.0, 319.5, 239.5)
    above = look_at([0.55, 0.0, 0.70], [0.55, 0.0, 0.0], (1.0, 0.0, 0.0))
    return structured_light(render([TABLE, *shapes], camera, above), np.random.default_rng(0))


@pytest.mark.parametrize("height", [0.088, 0.0925])
def test_from_above_a_box_as_high_as_a_pedestal_is_not_one(height):
    image = see_from_above(box(0.61, -0.035, height / 2, 0.057, 0.055, height))
    found = segment_image(image, KNOWN, rng=np.random.default_rng(0))
    assert found.table.offset == pytest.approx(0.0, abs=1e-3)


def test_from_above_the_top_of_a_known_pedestal_is_no_part_of_what_lies_on_it():
    pedestal = box(0.55, 0.0, 0.045, 0.08, 0.08, 0.09)
    bar = box(0.55, 0.0, 0.0935, 0.015, 0.16, 0.007)
    image = see_from_above(pedestal, bar)
    found = segment_image(image, KNOWN, rng=np.random.default_rng(0))
    assert found.table.offset == pytest.approx(0.09, abs=2e-3)
    assert np.mean(np.abs(found.points[:, 0] - 0.55) < 0.011) > 0.95
    assert np.ptp(found.points[:, 1]) > 0.14


def test_a_few_stray_points_below_the_edge_of_a_known_pedestal_change_nothing():
    x, y = (grid.ravel() for grid in np.meshgrid(*[np.linspace(-0.04, 0.04, 60)] * 2))
    top = np.column_stack([x, y, np.full(len(x), 0.09)])
    bar = np.column_stack([0.2 * x, 2.0 * y, np.full(len(x), 0.10)])
    stray = np.array([[0.055, 0.002 * k, 0.07] for k in range(8)])
    table, settings = Plane(np.array([0.0, 0.0, 1.0]), 0.0), SupportSettings(heights=(0.09,))
    for few in (stray[:0], stray):
        cluster = np.vstack([top[np.abs(x) > 0.008], bar, few])
        support = find_support(cluster, cluster, table, 0.005, settings)
        assert support is not None
        assert support.plane.offset == pytest.approx(0.09)


def see_well(*shapes):
    """As finely and with as much noise as the evaluations see."""
    camera = Camera(640, 480, 574.0, 574.0, 319.5, 239.5)
    image = render([TABLE, *shapes], camera, T_BASE_CAMERA)
    return structured_light(image, np.random.default_rng(0))


ON_IT = {
    "leaves strips of the top": ([0.55, 0.0, 0.11], [0.03, 0.12, 0.04]),
    "hides the near half of it": ([0.565, 0.02, 0.105], [0.05, 0.05, 0.03]),
    "is taller than that": ([0.55, 0.0, 0.15], [0.03, 0.03, 0.12]),
    "is thin and covers most": ([0.55, 0.0, 0.094], [0.05, 0.13, 0.008]),
}


@pytest.mark.parametrize(("middle", "size"), ON_IT.values(), ids=ON_IT.keys())
def test_a_known_pedestal_is_told_by_its_walls_where_the_object(middle, size):
    pedestal = box(0.55, 0.0, 0.045, 0.06, 0.06, 0.09)
    image = see_well(pedestal, box(*middle, *size))
    found = segment_image(image, KNOWN, rng=np.random.default_rng(0))
    assert found.table.offset == pytest.approx(0.09, abs=2e-3)
    off = np.abs(found.points - middle) - np.array(size) / 2
    assert np.mean(off.max(axis=1) < 0.005) > 0.97
    assert (np.ptp(found.points, axis=0)[:2] > 0.8 * np.array(size[:2])).all()


def test_ends_that_hang_beside_a_known_pedestal_are_one_thing_with_what_lies_on_it():
    """Thin things are hardly seen where they lie on it, which parts their ends from them."""
    pedestal = box(0.55, 0.0, 0.045, 0.06, 0.06, 0.09)
    handle = box(0.55, 0.0, 0.095, 0.02, 0.03, 0.01)
    ends = [box(0.55, y, 0.08, 0.03, 0.05, 0.004) for y in (-0.075, 0.075)]
    found = segment_image(see_well(pedestal, handle, *ends), KNOWN, rng=np.random.default_rng(0))
    assert np.ptp(found.points[:, 1]) > 0.18
    assert found.table.offset == pytest.approx(0.09, abs=2e-3)
    assert found.points[:, 2].min() > 0.07
    table = segment_image(
        see_well(pedestal, handle, *(box(0.55, y, 0.04, 0.03, 0.05, 0.08) for y in (-0.09, 0.09))),
        KNOWN,
        near=np.array([0.55, 0.0, 0.1]),
        rng=np.random.default_rng(0),
    )
    assert np.ptp(table.points[:, 1]) < 0.05, "what stands on the table is another thing"


def test_a_mug_a_little_higher_than_a_pedestal_is_one_thing():
    """Of its lower part the near wall is seen, of its rim all: it seems to hang over."""
    wall = [
        box(0.55 + 0.04 * np.cos(a), 0.04 * np.sin(a), 0.051, 0.006, 0.006, 0.102)
        for a in np.arange(0, 2 * np.pi, 0.1)
    ]
    found = segment_image(see_well(*wall), KNOWN, rng=np.random.default_rng(0))
    assert found.table.offset == pytest.approx(0.0, abs=1e-3)
    assert found.points[:, 2].min() < 0.01


def test_a_low_ridge_on_a_large_top_is_not_cut_from_its_box():
    ridge = box(0.55, 0.02, 0.064, 0.10, 0.08, 0.008)
    image = see_well(box(0.55, 0.0, 0.03, 0.16, 0.20, 0.06), ridge)
    found = segment_image(image, KNOWN, rng=np.random.default_rng(0))
    assert found.table.offset == pytest.approx(0.0, abs=1e-3)
    assert np.ptp(found.points[:, 1]) > 0.19


def test_from_above_a_plate_that_hides_a_known_pedestal_stands_on_it():
    rim = [
        box(0.55 + x, y, 0.1, 0.01 + abs(y) * 1.6, 0.01 + abs(x) * 1.6, 0.02)
        for x, y in ((0.08, 0.0), (-0.08, 0.0), (0.0, 0.08), (0.0, -0.08))
    ]
    image = see_from_above(
        box(0.55, 0.0, 0.045, 0.08, 0.08, 0.09), box(0.55, 0.0, 0.091, 0.16, 0.16, 0.002), *rim
    )
    found = segment_image(image, KNOWN, rng=np.random.default_rng(0))
    assert found.table.offset == pytest.approx(0.09, abs=2e-3)


def test_a_box_and_a_cup_are_no_pedestals():
    only = segment(see(box(0.55, 0.0, 0.06, 0.16, 0.16, 0.12)))
    assert only.table.offset == pytest.approx(0.0, abs=1e-3)
    walls = [
        box(0.55 + 0.08 * np.cos(a), 0.08 * np.sin(a), 0.03, 0.03, 0.03, 0.06)
        for a in np.arange(0, 2 * np.pi, 0.2)
    ]
    cup = segment(see(box(0.55, 0.0, 0.005, 0.14, 0.14, 0.01), *walls))
    assert cup.table.offset == pytest.approx(0.0, abs=1e-3)


def test_the_largest_the_nearest_and_the_masked_object():
    image = see(ball(0.50, 0.10, 0.05, 0.05), ball(0.58, -0.12, 0.03, 0.03))
    assert segment(image).points[:, 1].mean() > 0.05
    near = segment(image, near=np.array([0.6, -0.1, 0.0]))
    assert near.points[:, 1].mean() < -0.05
    assert len(near.obstacles) > 20  # the other ball
    np.testing.assert_array_equal(segment(image, mask=near.mask).mask, near.mask)


def test_what_the_image_border_cuts_is_not_the_object():
    image = see(ball(0.55, 0.0, 0.03, 0.03), ball(0.72, -0.10, 0.09, 0.09))
    narrow = Camera(250, 240, 287.0, 287.0, 89.5, 119.5)  # its left border cuts the large ball
    for blank in (0, 10):  # some sensors leave a band of the image empty
        depth = image.depth[:, 70:].copy()
        depth[:, :blank] = np.nan
        found = segment(DepthImage(depth, narrow, T_BASE_CAMERA))
        np.testing.assert_allclose(found.points.mean(axis=0)[:2], [0.55, 0.0], atol=0.03)


def test_sensor_noise_does_not_change_what_is_found(ball_view):
    rng = np.random.default_rng(7)
    view = perceive(structured_light(ball_view, rng), SETTINGS, rng=rng)
    radius = np.linalg.norm(view.cloud.points - [0.55, 0.0, 0.05], axis=1)
    assert np.median(radius) == pytest.approx(0.05, abs=1e-3)
    assert np.percentile(np.abs(radius - 0.05), 95) < 0.005
    np.testing.assert_allclose(np.median(view.cloud.curvatures, axis=0), 20.0, rtol=0.35)


def test_flying_pixels_are_left_out(ball_view):
    depth = ball_view.depth.copy()
    mask = segment(ball_view).mask
    edge = mask ^ np.roll(mask, 1, axis=1)
    edge[:, 0] = False
    depth[edge] -= 0.04  # hanging in the air between ball and camera
    found = segment(dataclasses.replace(ball_view, depth=depth))
    assert edge.sum() > 50
    assert (found.mask & edge).sum() < 0.2 * edge.sum()


def test_the_robots_own_body_is_not_an_object():
    arm = (np.eye(4), Capsule([0.35, -0.25, 0.10], [0.52, -0.02, 0.14], 0.05))
    image = see(arm, ball(0.62, 0.06, 0.03, 0.03))
    assert segment(image).points[:, 0].mean() < 0.55  # without joint states it takes the arm
    found = segment(image, robot=[arm])
    np.testing.assert_allclose(found.points.mean(axis=0)[:2], [0.62, 0.06], atol=0.02)
    assert not on_robot(found.obstacles, [arm], 0.015).any()
    assert outcome_of(lambda: segment(see(arm), robot=[arm])) == Outcome.NO_CLOUD


def test_link_shapes_follow_the_joints():
    tree = read_urdf("""<robot name="one"><link name="root"/><link name="tip"><collision>
        <origin xyz="0.5 0 0"/><geometry><sphere radius="0.1"/></geometry></collision></link>
        <joint name="j" type="revolute"><parent link="root"/><child link="tip"/>
        <axis xyz="0 0 1"/><limit lower="-3" upper="3" velocity="1" effort="1"/></joint></robot>""")
    T_base_root = compose(np.eye(3), [0.0, 0.0, 1.0])
    shapes = posed_shapes(tree, ["j"], np.array([np.pi / 2]), T_base_root)
    points = np.array([[0.0, 0.5, 1.0], [0.5, 0.0, 1.0], [0.0, 0.62, 1.0]])
    np.testing.assert_array_equal(on_robot(points, shapes, 0.0), [True, False, False])
    np.testing.assert_array_equal(on_robot(points, shapes, 0.03), [True, False, True])


def test_a_bare_table_an_empty_and_a_blind_view_give_no_cloud():
    blind = np.full((CAMERA.height, CAMERA.width), np.nan)
    assert outcome_of(lambda: segment(see())) == Outcome.NO_CLOUD
    for depth in (blind, np.zeros_like(blind), np.full_like(blind, np.inf), -np.ones_like(blind)):
        image = DepthImage(depth, CAMERA, T_BASE_CAMERA)
        assert outcome_of(lambda image=image: segment(image)) == Outcome.NO_CLOUD
    one = blind.copy()
    one[100, 100] = 0.7
    image = DepthImage(one, CAMERA, T_BASE_CAMERA)
    assert outcome_of(lambda: segment(image)) == Outcome.NO_CLOUD


def test_an_empty_mask_says_so(ball_view):
    nothing = np.zeros(ball_view.depth.shape, bool)
    assert outcome_of(lambda: segment(ball_view, mask=nothing)) == Outcome.EMPTY_MASK
    hole = segment(ball_view).mask
    holed = dataclasses.replace(ball_view, depth=np.where(hole, np.nan, ball_view.depth))
    assert outcome_of(lambda: segment(holed, mask=hole)) == Outcome.EMPTY_MASK


def test_bad_input_is_named(ball_view):
    millimetres = dataclasses.replace(ball_view, depth=ball_view.depth * 1000)
    with pytest.raises(BadInput, match="millimetres"):
        segment(millimetres)
    with pytest.raises(BadInput, match=r"mask: 3x2 pixels, .*the camera has 320x240"):
        segment(ball_view, mask=np.ones((2, 3), bool))
    with pytest.raises(BadInput, match="near: expected one finite point"):
        segment(ball_view, near=np.array([0.0, np.nan, 0.0]))


def test_a_cloud_tells_the_same_as_its_image(ball_view):
    points = CAMERA.deproject(ball_view.depth) @ T_BASE_CAMERA[:3, :3].T + T_BASE_CAMERA[:3, 3]
    points = np.vstack([points, np.full((5, 3), np.nan)])
    found = segment_cloud(points, T_BASE_CAMERA[:3, 3], SETTINGS, rng=np.random.default_rng(0))
    radius = np.linalg.norm(found.points - [0.55, 0.0, 0.05], axis=1)
    np.testing.assert_allclose(radius, 0.05, atol=1e-3)
    assert len(found.points) > 500
    assert found.image is None


def test_a_cloud_of_the_object_alone_stands_on_its_lowest_point(ball_view):
    points = segment(ball_view).points + np.array([0.0, 0.0, 0.3])
    found = segment_cloud(points, np.ones(3), SETTINGS, rng=np.random.default_rng(0))
    assert len(found.points) == len(points)
    assert found.table.offset == pytest.approx(points[:, 2].min(), abs=1e-9)


@pytest.mark.parametrize("points", [np.zeros((0, 3)), np.ones((1, 3)), np.full((99, 3), np.nan)])
def test_a_cloud_of_almost_nothing_is_no_cloud(points):
    rng = np.random.default_rng(0)
    assert outcome_of(lambda: segment_cloud(points, np.ones(3), SETTINGS, rng=rng)) == (
        Outcome.NO_CLOUD
    )


def test_a_cloud_in_millimetres_or_of_another_shape_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(BadInput, match="millimetres"):
        segment_cloud(rng.uniform(0, 500, (999, 3)), np.ones(3), SETTINGS, rng=rng)
    with pytest.raises(BadInput, match=r"points: expected shape \(\*, 3\)"):
        segment_cloud(np.ones((9, 2)), np.ones(3), SETTINGS, rng=rng)


def test_same_seed_same_view(ball_view):
    first = perceive(ball_view, SETTINGS, rng=np.random.default_rng(5))
    second = perceive(ball_view, SETTINGS, rng=np.random.default_rng(5))
    np.testing.assert_array_equal(first.cloud.points, second.cloud.points)
    np.testing.assert_array_equal(first.cloud.frames, second.cloud.frames)


def test_the_settings_file_is_read_strictly(tmp_path):
    file = Path(__file__).parents[1] / "config" / "perception.yaml"
    assert load(file, PerceptionSettings).support.heights == (0.09,)
    wrong = tmp_path / "perception.yaml"
    wrong.write_text("segment: {margn: 0.1}")
    with pytest.raises(SettingsError, match=r"unknown key 'margn'; did you mean 'margin'\?"):
        load(wrong, PerceptionSettings)
    wrong.write_text("depth: {nearest: 3.0}")
    with pytest.raises(SettingsError, match=r"nearest must be in \(0, 2.5\), got 3.0"):
        load(wrong, PerceptionSettings)
