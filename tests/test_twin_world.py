"""The twin without ROS: it tracks, it stalls as real drives do, it repeats itself exactly."""

import types
from dataclasses import replace

import numpy as np
import pytest

from ddg_core.description import load_cell, load_hand
from ddg_core.errors import BadInput
from ddg_core.transforms import compose, from_xyz_rpy
from ddg_core.waiting import wait_until
from ddg_sim.objects.load import load_object
from ddg_sim.twin.controller import Ending, GoalEnd
from ddg_sim.twin.pace import Pace
from ddg_sim.twin.settings import TwinSettings
from ddg_sim.twin.spawn import SpawnRequest
from ddg_sim.twin.trajectory import ResultCode, TrajectoryGoal
from ddg_sim.twin.twin import Twin


def make_twin() -> Twin:
    cell = load_cell()
    return Twin(cell, load_hand(cell.hand), TwinSettings())


@pytest.fixture
def twin() -> Twin:
    return make_twin()


def arm_goal(twin: Twin, by, duration: float = 1.5) -> TrajectoryGoal:
    zero = np.zeros((1, 7))
    return TrajectoryGoal(
        twin.arm_controller.joints.names,
        np.array([duration]),
        (twin.home + by)[None],
        zero,
        zero,
    )


def finger_goal(twin: Twin, to: dict[str, float], duration: float = 1.0, **kwargs):
    prefix = twin.hand.settings.joint_prefix
    names = tuple(prefix + name for name in to)
    return TrajectoryGoal(names, np.array([duration]), np.array([list(to.values())]), **kwargs)


def play(twin: Twin, controller, goal: TrajectoryGoal, seconds: float) -> list[GoalEnd]:
    ends: list[GoalEnd] = []
    controller.accept(goal, twin.time, ends.append)
    twin.advance(twin.time + seconds)
    return ends


def state(twin: Twin) -> np.ndarray:
    return np.concatenate([twin.data.qpos, twin.data.qvel, twin.data.ctrl])


def test_the_arm_tracks_a_trajectory_within_half_a_degree(twin):
    errors = []
    arm = twin.world.qpos(twin.cell.arm.joint_names)
    twin.watch(
        100.0, lambda: errors.append(twin.arm_controller.progress.desired - twin.data.qpos[arm])
    )
    by = np.array([0.6, 0.4, -0.3, 0.4, -0.5, 0.5, 0.9])
    ends = play(twin, twin.arm_controller, arm_goal(twin, by), 2.0)
    assert [end.ending for end in ends] == [Ending.SUCCEEDED]
    assert len(errors) == 200
    assert np.degrees(np.abs(errors).max()) < 0.5
    assert np.degrees(np.abs(twin.data.qpos[arm] - twin.home - by).max()) < 0.05


def test_the_arm_stays_when_it_is_cancelled(twin):
    ends: list[GoalEnd] = []
    twin.arm_controller.accept(arm_goal(twin, 0.4), twin.time, ends.append)
    twin.advance(twin.time + 0.75)
    arm = twin.world.qpos(twin.cell.arm.joint_names)
    there = twin.data.qpos[arm].copy()
    twin.arm_controller.cancel()
    twin.advance(twin.time + 1.0)
    assert [end.ending for end in ends] == [Ending.CANCELLED]
    assert np.degrees(np.abs(twin.data.qpos[arm] - there).max()) < 1.5
    assert np.abs(twin.data.qvel[twin.world.dofs(twin.cell.arm.joint_names)]).max() < 1e-3


def test_couplings_hold_while_the_fingers_close(twin):
    closed = dict(zip(twin.hand.joint_names, twin.hand.settings.poses["closed"], strict=True))
    open_spread = {name: 0.6 * value for name, value in closed.items()}
    play(twin, twin.hand_controller, finger_goal(twin, open_spread), 1.5)
    driven = twin.data.qpos[twin.world.hand_qpos]
    moving = twin.data.qpos[twin.world.qpos(twin.hand.moving_joint_names)]
    np.testing.assert_allclose(moving, twin.hand.expand(driven), atol=0.02)


class TestFingersOnAnObject:
    """A can stuck in honey before the palm, and the fingers close around it."""

    FIST = types.MappingProxyType(
        {
            "Thumb_Opposition": 0.95,
            "Thumb_Flexion": 0.95,
            "Index_Finger_Proximal": 0.79,
            "Index_Finger_Distal": 1.3,
            "Middle_Finger_Proximal": 0.79,
            "Middle_Finger_Distal": 1.3,
        }
    )

    @pytest.fixture
    def gripping(self, twin: Twin) -> Twin:
        twin.spawn(SpawnRequest(load_object("can"), seed=3, mass=0.5))
        twin.world.model.opt.gravity[:] = 0.0
        twin.world.model.dof_damping[-6:] = 1e4
        T = twin.world.pose(twin.data, twin.hand.settings.wrist_link)
        twin.world.place(twin.data, T @ from_xyz_rpy([-0.053, 0.06, 0.14], [0.0, np.pi / 2, 0.0]))
        return twin

    def test_they_stall_which_violates_the_goal_tolerance_and_they_go_on_pressing(self, gripping):
        ends = play(gripping, gripping.hand_controller, finger_goal(gripping, self.FIST), 2.0)
        assert [end.code for end in ends] == [ResultCode.GOAL_TOLERANCE_VIOLATED]
        assert "Right_Hand_" in ends[0].message
        body = gripping.world.body("object")
        geoms = [c.geom for c in gripping.data.contact]
        touching = gripping.world.model.geom_bodyid[np.array(geoms)]
        fingers = {other for pair in touching if body in pair for other in pair} - {body}
        assert len(fingers & set(gripping.world.hand_bodies)) >= 2
        force = np.abs(gripping.data.actuator_force[gripping.world.hand_ctrl])
        limit = np.array(gripping.hand.settings.max_effort)
        assert (force > 0.5 * limit).any()
        assert (force <= limit + 1e-9).all()

    def test_the_same_goal_without_a_tolerance_is_success(self, gripping):
        names = [gripping.hand.settings.joint_prefix + name for name in self.FIST]
        goal = finger_goal(gripping, self.FIST, goal_tolerance=dict.fromkeys(names, -1.0))
        ends = play(gripping, gripping.hand_controller, goal, 2.0)
        assert [end.ending for end in ends] == [Ending.SUCCEEDED]


def test_a_reset_gives_the_identical_state(twin):
    twin.spawn(SpawnRequest(load_object("can"), seed=1))
    twin.reset()
    first, then = state(twin), twin.time
    ends = play(twin, twin.arm_controller, arm_goal(twin, 0.3), 0.7)
    assert not np.allclose(state(twin), first)
    twin.reset()
    np.testing.assert_array_equal(state(twin), first)
    assert twin.time > then
    assert [end.ending for end in ends] == [Ending.ABORTED]


def test_the_same_requests_give_the_same_states_bit_by_bit():
    ends = []
    for _ in range(2):
        twin = make_twin()
        twin.spawn(SpawnRequest(load_object("mug"), seed=7))
        play(twin, twin.arm_controller, arm_goal(twin, 0.2), 0.6)
        ends.append(state(twin))
    np.testing.assert_array_equal(ends[0], ends[1])


def test_a_spawned_object_rests_in_its_area_and_the_robot_does_not_notice(twin):
    play(twin, twin.arm_controller, arm_goal(twin, 0.3), 0.5)  # on its way
    before = twin.joint_state
    x, y = twin.settings.spawn.x, twin.settings.spawn.y
    for seed in range(3):
        spawned = twin.spawn(SpawnRequest(load_object("bottle"), seed=seed))
        T = spawned.T_base_object
        com = T[:3, :3] @ spawned.placement.placed.item.com + T[:3, 3]
        assert x[0] - 0.05 < com[0] < x[1] + 0.05
        assert y[0] - 0.05 < com[1] < y[1] + 0.05
        np.testing.assert_array_equal(twin.joint_state.position, before.position)
        np.testing.assert_array_equal(twin.joint_state.velocity, before.velocity)
    twin.advance(twin.time + 1.0)
    np.testing.assert_allclose(twin.object_pose(), spawned.T_base_object, atol=1e-3)


def test_low_objects_stand_on_a_pedestal(twin):
    heights = set()
    for seed, name in enumerate(["box", "bottle", "knife", "can"]):
        item = load_object(name)
        spawned = twin.spawn(SpawnRequest(item, seed=seed))
        stands = spawned.placement.pedestal is not None
        R = spawned.placement.placed.T_base_object[:3, :3]
        assert stands == (item.height(R) < twin.settings.spawn.low + 1e-6)
        bottom = (item.contact_vertices @ spawned.T_base_object[:3, :3].T)[:, 2].min()
        np.testing.assert_allclose(
            bottom + spawned.T_base_object[2, 3],
            twin.settings.spawn.pedestal if stands else 0.0,
            atol=1e-3,
        )
        heights.add(stands)
    assert heights == {True, False}


def test_an_object_that_falls_off_the_table_is_refused_and_the_world_stays(twin):
    twin.spawn(SpawnRequest(load_object("can"), seed=1))
    before = state(twin)
    beside = compose(np.eye(3), [0.5, 0.9, 0.1])
    with pytest.raises(BadInput, match="can_000: the object does not"):
        twin.spawn(SpawnRequest(load_object("can"), seed=1, T_base_object=beside))
    np.testing.assert_array_equal(state(twin), before)


def test_the_same_seed_gives_the_same_pose_wherever_the_robot_is(twin):
    request = SpawnRequest(load_object("mug"), seed=3)
    first = twin.spawn(request).T_base_object
    play(twin, twin.arm_controller, arm_goal(twin, 0.2), 0.4)
    np.testing.assert_array_equal(twin.spawn(request).T_base_object, first)


def test_an_object_is_not_put_into_the_robot(twin):
    down = np.array([0.0, 1.4, 0.0, 0.0, 0.0, 0.3, 0.0])
    ends = play(twin, twin.arm_controller, arm_goal(twin, down, 2.0), 3.0)
    assert ends, "the hand leans on the table"
    wrist = twin.world.pose(twin.data, twin.hand.settings.wrist_link)
    settings = replace(
        twin.settings,
        spawn=replace(twin.settings.spawn, x=(wrist[0, 3],) * 2, y=(wrist[1, 3],) * 2),
    )
    twin.settings = settings
    before = state(twin)
    with pytest.raises(BadInput, match="the robot is in the way with"):
        twin.spawn(SpawnRequest(load_object("can"), seed=0))
    np.testing.assert_array_equal(state(twin), before)


def test_somebody_moves_the_object_and_it_stays_there_until_a_reset(twin):
    twin.move_object(np.eye(4))  # nothing is there yet
    there = twin.spawn(SpawnRequest(load_object("can_000"), 3)).T_base_object
    twin.advance(twin.time + 0.1)
    twin.move_object(compose(np.eye(3), [0.0, 0.03, 0.0]) @ there)
    twin.advance(twin.time + 0.5)
    np.testing.assert_allclose(
        twin.object_pose()[:3, 3] - there[:3, 3], [0.0, 0.03, 0.0], atol=2e-3
    )
    twin.reset()
    np.testing.assert_allclose(twin.object_pose(), there, atol=1e-9)


def test_friction_and_mass_are_as_asked(twin):
    spawned = twin.spawn(SpawnRequest(load_object("can"), seed=1, mass=0.3, friction=0.6))
    assert spawned.mass == 0.3
    body = twin.world.body("object")
    assert twin.world.model.body_mass[body] == pytest.approx(0.3)
    twin.advance(twin.time + 0.1)
    contacts = [c for c in twin.data.contact if body in twin.world.model.geom_bodyid[list(c.geom)]]
    assert contacts
    assert all(c.friction[0] == pytest.approx(0.6) for c in contacts)


class Clockwork:
    """A simulation without physics."""

    def __init__(self) -> None:
        self.time = 0.0

    def advance(self, until: float) -> None:
        self.time = until


def test_simulated_time_keeps_up_with_the_clock_and_pauses():
    wall, clockwork = [0.0], Clockwork()
    pace = Pace(clockwork, factor=5.0, tick=0.001, clock=lambda: wall[0])
    pace.start()
    for now in (0.05, 0.10, 0.15):
        wall[0] = now
        wait_until(lambda: clockwork.time >= 4.99 * wall[0], what="simulated time", timeout=30.0)
        assert clockwork.time == pytest.approx(5.0 * now)
    pace.paused = True
    pace.ask(lambda: None).result(timeout=30.0)
    wall[0] = 0.20
    for _ in range(20):
        held = pace.ask(lambda: pace._simulation.time).result(timeout=30.0)
        assert held == pytest.approx(0.75)
    pace.stop()


def test_what_a_request_raises_reaches_the_one_who_asked():
    pace = Pace(Clockwork(), factor=1.0, tick=0.01)
    pace.start()

    def refuse() -> None:
        raise BadInput("no")

    with pytest.raises(BadInput, match="no"):
        pace.ask(refuse).result(timeout=30.0)
    pace.stop()
