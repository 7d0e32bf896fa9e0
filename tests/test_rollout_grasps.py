"""The free-floating hand and its judge: what must hold holds, what cannot hold fails."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from ddg_core.description import load_hand
from ddg_core.errors import BadInput
from ddg_core.grasp import Grasp
from ddg_core.outcome import Outcome
from ddg_core.shapes import Box
from ddg_core.transforms import compose
from ddg_sim.judge import Judge, JudgeSettings, refuse_ties, tilt_and_yaw, touching
from ddg_sim.model.objects import PlacedObject
from ddg_sim.objects.assemble import assemble
from ddg_sim.objects.sim_object import SimObject
from ddg_sim.objects.solids import mesh_of, stack
from ddg_sim.rollout.motion import MotionSettings, close, lift, segment_times, way_in
from ddg_sim.rollout.simulate import (
    GraspResult,
    GraspSimulation,
    SimulationSettings,
    simulate_grasp,
)

HAND = load_hand("svh")
SIDE = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]])  # palm to +x, thumb on top
CENTRE = np.array([0.55, 0.0, 0.065])


def make_can(mass: float = 0.25) -> SimObject:
    part = stack([(0.033, 0.0), (0.033, 0.13)])
    return assemble("can", mesh_of(part), [part], mass)


def power(
    can: SimObject, *, shift: tuple[float, float] = (0.0, 0.0), closed: str = "closed"
) -> Grasp:
    """Wrap the hand around a standing can from the side."""
    grip = CENTRE - SIDE @ np.array([0.0, 0.055 + shift[0], 0.125 + shift[1]])
    at = compose(SIDE, grip)
    back = compose(SIDE, grip - 0.08 * SIDE[:, 1])
    open_, shut = HAND.pose("opposed"), HAND.pose(closed)
    press = HAND.clip(shut + 0.25) if closed == "closed" else shut
    return Grasp(
        np.stack([back, at, at, at]), np.stack([open_, open_, shut, press]), "svh", "power", 0.0
    )


def simulation(
    can: SimObject, *, friction: float = 1.0, mass: float | None = None
) -> GraspSimulation:
    T = can.resting(can.upright)
    T[:2, 3] += CENTRE[:2]
    placed = PlacedObject(can, T, friction=friction, mass=mass)
    return GraspSimulation(HAND, placed, SimulationSettings())


def tries(
    count: int, *, friction: float = 1.0, mass: float | None = None, closed: str = "closed"
) -> list[GraspResult]:
    can = make_can()
    sim = simulation(can, friction=friction, mass=mass)
    shifts = [np.random.default_rng(seed).uniform(-0.003, 0.003, 2) for seed in range(count)]
    return [sim.run(power(can, shift=(a, b), closed=closed)) for a, b in shifts]


CASES = [
    pytest.param(3, id="3 seeds"),
    pytest.param(20, id="20 seeds", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("count", CASES)
def test_a_power_grasp_around_a_can_at_friction_one_holds(count: int) -> None:
    for result in tries(count):
        assert result.held, result
        assert result.numbers["shift"] < 0.03
        assert result.numbers["time_held"] > 1.0
        assert result.numbers["most_rise"] == pytest.approx(0.2, abs=0.03)


@pytest.mark.parametrize("count", CASES)
@pytest.mark.parametrize(
    "how",
    [{"closed": "opposed"}, {"friction": 1e-3}, {"mass": 10.0}],
    ids=["open", "slippery", "heavy"],
)
def test_an_open_hand_no_friction_and_too_much_weight_fail(
    how: dict[str, float], count: int
) -> None:
    for result in tries(count, **how):  # type: ignore[arg-type]
        assert not result.held
        assert result.outcome in (Outcome.NOT_HELD, Outcome.DROPPED, Outcome.SLIPPED)


@pytest.mark.parametrize("count", CASES)
def test_two_fingers_on_one_side_fail(count: int) -> None:
    can = make_can()
    sim = simulation(can)
    curled = HAND.pose("open").copy()
    names = list(HAND.joint_names)
    for name in ("Index_Finger_Distal", "Middle_Finger_Distal"):
        curled[names.index(name)] = 0.7
    for seed in range(count):
        offset = np.random.default_rng(seed).uniform(-0.003, 0.003)
        grip = CENTRE - SIDE @ np.array([0.0, 0.055 + offset, 0.17])
        T = np.stack([compose(SIDE, grip)] * 4)
        T[0, :3, 3] -= 0.08 * SIDE[:, 1]
        joints = np.stack([0 * curled, 0 * curled, curled, HAND.clip(curled * 1.5)])
        result = sim.run(Grasp(T, joints, "svh", "push", 0.0))
        assert result.lifted, "the fingers should touch the can"
        assert not result.held


def test_a_hand_that_goes_through_the_table_is_not_played() -> None:
    can = make_can()
    grasp = power(can)
    low = grasp.T_base_wrist.copy()
    low[:, 2, 3] = 0.02
    result = simulation(can).run(replace(grasp, T_base_wrist=low))
    assert result.outcome is Outcome.ALL_IN_COLLISION
    assert result.steps == 0


def test_what_stands_under_the_object_counts_as_table() -> None:
    can = make_can()
    T = can.resting(can.upright)
    T[:3, 3] += [0.55, 0.0, 0.09]
    tower = Box(compose(np.eye(3), [0.55, 0.0, 0.045]), np.array([0.05, 0.05, 0.045]))
    statics = {
        "pedestal": tower,
        "table": Box(compose(np.eye(3), [0.5, 0, -0.05]), np.array([1, 1, 0.05])),
    }
    result = simulate_grasp(HAND, can, T, power(can), statics=statics)
    assert result.outcome is Outcome.ALL_IN_COLLISION


def test_the_friction_drawn_for_the_object_is_what_acts() -> None:
    can = make_can()
    for friction in (0.3, 0.9):
        sim = simulation(can, friction=friction)
        seen: list[float] = []

        def note(data: mujoco.MjData, sim: GraspSimulation = sim, seen: list[float] = seen) -> None:
            bodies = sim.world.model.geom_bodyid[data.contact.geom]
            mine = (bodies == sim.world.body("object")).any(axis=1)
            seen.extend(data.contact.friction[mine, 0])

        sim.run(power(can), on_step=note)
        assert len(seen) > 1000
        np.testing.assert_allclose(seen, friction)


def test_the_same_grasp_ends_the_same_twice_and_after_others() -> None:
    can = make_can()
    sim = simulation(can)
    first = sim.run(power(can))
    sim.run(power(can, closed="opposed"))
    assert sim.run(power(can)) == first == simulation(can).run(power(can))


def test_an_object_that_is_tied_to_something_is_refused() -> None:
    can = make_can()
    for tie in ("weld", "motor"):
        spec = mujoco.MjSpec()
        body = spec.worldbody.add_body(name="object")
        body.add_freejoint().name = "object"
        body.add_geom(size=[0.1, 0, 0])
        if tie == "weld":
            spec.add_equality(
                name="glue",
                type=mujoco.mjtEq.mjEQ_WELD,
                name1="object",
                objtype=mujoco.mjtObj.mjOBJ_BODY,
            )
        else:
            spec.add_actuator(name="glue", trntype=mujoco.mjtTrn.mjTRN_JOINT, target="object")
        with pytest.raises(BadInput, match="glue"):
            refuse_ties(spec.compile(), 1)
    world = simulation(can).world
    Judge(world, JudgeSettings())
    world.model.body_gravcomp[world.body("object")] = 1.0
    with pytest.raises(BadInput, match="gravity compensation"):
        Judge(world, JudgeSettings())


def test_weight_of_the_object_is_what_the_table_carries() -> None:
    sim = simulation(make_can())
    for _ in range(50):
        mujoco.mj_step(sim.world.model, sim.data)
    assert touching(sim.world, sim.data).others == ("table",)
    assert not touching(sim.world, sim.data).links


@pytest.mark.parametrize(("tilt", "yaw"), [(0.0, 0.5), (0.3, 0.0), (0.2, -1.2)])
def test_tilt_and_yaw_of_a_turn_are_told_apart(tilt: float, yaw: float) -> None:
    c, s, ct, st = np.cos(yaw), np.sin(yaw), np.cos(tilt), np.sin(tilt)
    R = np.array([[1, 0, 0], [0, ct, -st], [0, st, ct]]) @ np.array(
        [[c, -s, 0], [s, c, 0], [0, 0, 1]]
    )
    np.testing.assert_allclose(tilt_and_yaw(R), (tilt, yaw), atol=1e-12)


@pytest.mark.parametrize("tilted", [False, True])
def test_a_known_motion_in_the_hand_is_what_the_judge_reports(tilted: bool) -> None:
    can = make_can()
    sim = simulation(can)
    assert sim.run(power(can)).held
    world, data = sim.world, sim.data
    judge = Judge(world, JudgeSettings())
    judge.update(data)
    body, T = world.body("object"), world.pose(data, "object")
    com = data.xipos[body].copy()
    turn = Rotation.from_rotvec([0.2, 0.0, 0.0] if tilted else [0.0, 0.0, 0.2]).as_matrix()
    moved = compose(turn @ T[:3, :3], com + turn @ (T[:3, 3] - com) + [0.006, 0.0, 0.008])
    world.place(data, moved)
    mujoco.mj_kinematics(world.model, data)  # contacts stay as they were
    data.time += 0.5
    judge.update(data)
    numbers = judge.verdict().numbers
    expected = {"shift": 0.01, "turn": 0.2, "tilt": 0.2 * tilted, "yaw": 0.2 * (not tilted)}
    expected |= {"time_held": 0.5, "most_rise": 0.008}
    for name, value in expected.items():
        assert numbers[name] == pytest.approx(value, abs=1e-9), name


def test_commands_pass_through_the_waypoints_within_their_speeds() -> None:
    grasp, settings = power(make_can()), MotionSettings()
    dt = 0.002
    times = segment_times(grasp, settings)
    played = close(grasp, settings, dt)
    assert len(played) * dt == pytest.approx(times.sum() + settings.press_time, abs=2 * dt)
    np.testing.assert_allclose(played.T_base_wrist[-1], grasp.T_base_wrist[-1], atol=1e-9)
    np.testing.assert_allclose(played.joints[-1], grasp.joints[-1], atol=1e-9)
    speed = np.linalg.norm(np.diff(played.T_base_wrist[:, :3, 3], axis=0), axis=1) / dt
    assert speed.max() <= settings.wrist_speed * 1.001
    assert np.abs(np.diff(played.joints, axis=0)).max() / dt <= settings.finger_speed * 1.001
    up = lift(grasp.T_base_wrist[-1], grasp.joints[-1], settings, dt)
    assert up.T_base_wrist[-1, 2, 3] - grasp.T_base_wrist[-1, 2, 3] == pytest.approx(0.2)
    points = way_in(grasp, 0.01)
    np.testing.assert_allclose(points.T_base_wrist[-1], grasp.T_base_wrist[1], atol=1e-9)
    assert np.linalg.norm(np.diff(points.T_base_wrist[:, :3, 3], axis=0), axis=1).max() <= 0.0101


def test_the_second_judge_agrees_on_a_firm_grasp_and_on_a_slippery_one() -> None:
    can = make_can()
    T = can.resting(can.upright)
    T[:2, 3] += CENTRE[:2]
    settings = SimulationSettings(six_directions=True)
    firm = simulate_grasp(HAND, can, T, power(can), settings, friction=1.0)
    assert firm.six_directions is True
    assert firm.pull_shift < 0.05
    loose = simulate_grasp(HAND, can, T, power(can), settings, friction=1e-3)
    assert loose.six_directions is not True
