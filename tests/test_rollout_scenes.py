"""Scenes and views: drawn by seed, honest to the object, and the rollout over them pure."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from ddg_cli.evaluate.success import rollout_of
from ddg_core.arrays import Array, IntArray
from ddg_core.description import load_hand
from ddg_core.grasp import Grasp
from ddg_core.settings import parse, to_tree
from ddg_core.transforms import apply, compose, inverse
from ddg_sim.objects.catalogue import split
from ddg_sim.objects.load import load_object
from ddg_sim.objects.sim_object import scaled
from ddg_sim.rollout.near_surface import NearSurfaceSettings, near_surface
from ddg_sim.rollout.rollout import RolloutSettings, open_scene, rollout
from ddg_sim.rollout.scene import SceneSettings, draw_scene, place
from ddg_sim.rollout.simulate import GraspSimulation, SimulationSettings
from ddg_sim.rollout.view import SceneView, ViewSettings, draw_view, true_depth
from ddg_sim.sensor import SensorSettings

HAND = load_hand("svh")
EASY = RolloutSettings(objects=("can_000", "box_001", "bottle_002"))


def test_low_objects_stand_on_a_pedestal_and_high_ones_on_the_table() -> None:
    for name, low in (("plate_001", True), ("can_001", False)):
        item = load_object(name)
        scene = place(item, item.upright, SceneSettings(), yaw=0.3, friction=0.7, mass=0.2)
        assert ("pedestal" in scene.statics) is low
        assert scene.support_height == (0.09 if low else 0.0)
        bottom = apply(scene.placed.T_base_object, item.contact_vertices)[:, 2].min()
        assert bottom == pytest.approx(scene.support_height)
        sim = GraspSimulation(HAND, scene.placed, SimulationSettings(), statics=scene.statics)
        np.testing.assert_allclose(sim.T_base_object, scene.placed.T_base_object, atol=2e-3)
        assert sim.lowest == pytest.approx(bottom, abs=1e-3)


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_scenes_of_blends_are_of_their_split_and_of_nothing_else(part: str) -> None:
    names = rollout_of(f"blends-{part}").names
    assert len(names) > 300
    assert {split(name) for name in names} == {part}
    assert all(name.startswith("blend_") for name in names)


def test_draws_stay_in_their_ranges_and_poses_come_by_their_probability() -> None:
    settings = SceneSettings(mass=(0.8, 1.2), scale=(0.95, 1.05))
    item, ups = load_object("box_000"), []
    for seed in range(60):
        scene = draw_scene("box_000", settings, rng=np.random.default_rng(seed))
        placed = scene.placed
        assert 0.5 <= placed.friction <= 1.0
        assert placed.mass is not None
        assert 0.8 * item.mass <= placed.mass <= min(1.2 * item.mass, 0.5)
        assert 0.95 <= scene.scale <= 1.05
        ups.append(np.abs(placed.T_base_object[2, :3]).argmax())
    chances = [
        item.stable_probabilities[np.abs(item.stable_rotations[:, 2]).argmax(axis=1) == axis].sum()
        for axis in range(3)
    ]
    np.testing.assert_allclose(np.bincount(ups, minlength=3) / 60, chances, atol=0.2)


def test_a_larger_object_keeps_its_mass_and_gains_inertia_by_the_square() -> None:
    item = load_object("mug_001")
    large = scaled(item, 1.1)
    np.testing.assert_allclose(large.extents, 1.1 * item.extents)
    np.testing.assert_allclose(large.inertia, 1.21 * item.inertia)
    assert large.mass == item.mass
    assert scaled(item, 1.0) is item


def test_true_depth_lies_on_the_object_and_on_the_table() -> None:
    item = load_object("ball_001")
    scene = place(item, item.upright, SceneSettings(), yaw=0.0, friction=0.7, mass=0.06)
    sim = GraspSimulation(HAND, scene.placed, SimulationSettings(), statics=scene.statics)
    seen = draw_view(sim, scene, ViewSettings(), rng=np.random.default_rng(5))
    camera, T = seen.image.camera, seen.image.T_base_camera
    depth, mask = true_depth(sim, scene.statics, camera, T)
    points = apply(T, camera.deproject(depth, mask))
    centre = apply(sim.T_base_object, item.com[None])[0]
    radii = np.linalg.norm(points - centre, axis=1)
    np.testing.assert_allclose(radii, item.extents[0] / 2, atol=3e-4)
    rest = apply(T, camera.deproject(depth, ~mask & np.isfinite(depth)))
    np.testing.assert_allclose(rest[:, 2], 0.0, atol=1e-9)
    noisy = apply(T, camera.deproject(seen.image.depth, seen.mask))
    spread = np.linalg.norm(noisy - centre, axis=1) - item.extents[0] / 2
    assert 1e-4 < spread.std() < 4e-3


def test_cameras_stand_where_they_are_asked_to_and_see_the_object() -> None:
    item = load_object("can_001")
    scene = place(item, item.upright, SceneSettings(), yaw=0.0, friction=0.7, mass=0.2)
    sim = GraspSimulation(HAND, scene.placed, SimulationSettings(), statics=scene.statics)
    for seed in range(5):
        view = draw_view(sim, scene, ViewSettings(), rng=np.random.default_rng(seed))
        assert np.count_nonzero(view.mask) >= 250
        T = view.image.T_base_camera
        elevation = np.arcsin(-T[2, 2])
        assert 0.64 <= elevation <= 1.04
        reach = np.linalg.norm(T[:3, 3] - apply(sim.T_base_object, item.com[None])[0])
        assert 0.3 < reach < 0.9


def test_a_badly_calibrated_camera_is_believed_elsewhere() -> None:
    item = load_object("can_001")
    scene = place(item, item.upright, SceneSettings(), yaw=0.0, friction=0.7, mass=0.2)
    sim = GraspSimulation(HAND, scene.placed, SimulationSettings(), statics=scene.statics)
    right, wrong = (
        draw_view(sim, scene, ViewSettings(calibration=std), rng=np.random.default_rng(1))
        for std in (0.0, 0.01)
    )
    moved = wrong.image.T_base_camera[:3, 3] - right.image.T_base_camera[:3, 3]
    assert 1e-3 < np.linalg.norm(moved) < 0.05
    np.testing.assert_array_equal(wrong.mask, right.mask)


def from_above(view: SceneView, rng: np.random.Generator) -> list[Grasp]:
    """Two grasps from above at the middle of what is seen, hand turned at random."""
    points = apply(
        view.image.T_base_camera, view.image.camera.deproject(view.image.depth, view.mask)
    )
    top = points.mean(axis=0)
    shut = HAND.pose("closed")
    joints = np.stack([HAND.pose("opposed")] * 2 + [shut, HAND.clip(shut + 0.25)])
    grasps = []
    for yaw in rng.uniform(-np.pi, np.pi, 2):
        R = np.array([[np.cos(yaw), np.sin(yaw), 0], [np.sin(yaw), -np.cos(yaw), 0], [0, 0, -1.0]])
        T = np.stack([compose(R, top + np.array([0, 0, h])) for h in (0.25, 0.15, 0.15, 0.15)])
        grasps.append(Grasp(T, joints, "svh", "top", 0.0))
    return grasps


def test_same_seed_same_record_and_the_scene_does_not_depend_on_the_grasps() -> None:
    a, b = rollout(11, from_above, EASY), rollout(11, from_above, EASY)
    assert a.results == b.results
    np.testing.assert_array_equal(a.views[0].image.depth, b.views[0].image.depth)
    np.testing.assert_array_equal(a.grasps[0].T_base_wrist, b.grasps[0].T_base_wrist)
    none = rollout(11, lambda view, rng: [], EASY)
    assert none.results == ()
    assert (none.object, none.friction) == (a.object, a.friction)
    np.testing.assert_array_equal(none.views[0].image.depth, a.views[0].image.depth)
    assert rollout(12, lambda view, rng: [], EASY).friction != a.friction


def test_every_scene_is_kept_and_takes_its_object_from_the_split() -> None:
    names = {rollout(seed, lambda view, rng: [], replace(EASY)).object for seed in range(8)}
    assert names <= set(EASY.objects)
    assert len(names) > 1
    assert {split(name) for name in RolloutSettings(split="test").names} == {"test"}


def test_settings_survive_the_round_trip_through_a_file() -> None:
    settings = RolloutSettings(views=2, view=ViewSettings(sensor=SensorSettings(noise=0.1)))
    assert parse(to_tree(settings), RolloutSettings, "rollout.yaml") == settings


def test_poses_at_rest_are_where_the_model_has_them() -> None:
    item = load_object("box_001")
    scene = place(item, item.upright, SceneSettings(), yaw=1.0, friction=0.7, mass=0.2)
    sim = GraspSimulation(HAND, scene.placed, SimulationSettings(), statics=scene.statics)
    np.testing.assert_allclose(
        inverse(sim.T_base_object) @ sim.world.pose(sim.at_rest(), "object"), np.eye(4), atol=1e-9
    )


def test_a_falling_object_gains_no_energy() -> None:
    item = load_object("box_001")
    scene = place(item, item.upright, SceneSettings(), yaw=0.4, friction=0.7, mass=0.2)
    sim = GraspSimulation(HAND, scene.placed, SimulationSettings(), statics=scene.statics)
    model, data, body = sim.world.model, sim.at_rest(), sim.world.body("object")
    T = sim.T_base_object.copy()
    T[:3, :3] = T[:3, :3] @ compose_tilt(0.5)
    T[2, 3] += 0.10
    sim.world.place(data, T)
    energies, velocity = [], np.zeros(6)
    for _ in range(750):
        mujoco.mj_step(model, data)
        mujoco.mj_forward(model, data)
        mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_BODY, body, velocity, 1)
        spin, speed = velocity[:3], velocity[3:]
        moving = 0.2 * speed @ speed + model.body_inertia[body] @ spin**2
        energies.append(0.2 * 9.81 * data.xipos[body][2] + moving / 2)
    assert energies[0] - energies[-1] > 0.1 * energies[0]  # it fell and came to rest
    assert np.diff(energies).max() < 0.02 * energies[0]
    assert max(energies) <= energies[0] * 1.01


def compose_tilt(angle: float) -> Array:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])


def test_what_touches_hardly_sinks_in() -> None:
    depths: list[float] = []
    for seed in range(3):
        opened = open_scene(seed, EASY)
        sim = opened.simulation
        view = draw_view(sim, opened.scene, EASY.view, rng=opened.seen)
        thing = sim.world.body("object")
        bodies = np.array(sim.world.model.geom_bodyid)

        def note(data: mujoco.MjData, bodies: IntArray = bodies, thing: int = thing) -> None:
            mine = (bodies[data.contact.geom] == thing).any(axis=1)
            depths.extend(-data.contact.dist[mine])

        for grasp in near_surface(view, HAND, NearSurfaceSettings(), n=3, rng=opened.asked):
            sim.run(grasp, on_step=note)
    assert len(depths) > 1000
    assert np.quantile(depths, 0.99) < 2e-3
