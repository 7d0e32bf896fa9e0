"""A target that moves on the way in: what is planned, what is played, what is not followed."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from motion_fixtures import cell_robot, cluttered, top_grasp
from stage import Stage

from ddg_core.errors import Failed
from ddg_core.grasp import Grasp
from ddg_core.outcome import Outcome
from ddg_core.transforms import compose, from_xyz_rpy
from ddg_execution.follow import FollowSettings, plan_following, strays
from ddg_execution.motion.embedded import EmbeddedPlanner, EmbeddedSettings
from ddg_execution.motion.port import NoPath, Scene
from ddg_execution.motion.timing import SpeedSettings
from ddg_execution.phases import PHASES, Phase
from ddg_execution.plan import ExecutionSettings, plan_execution

ROBOT = cell_robot()
SETTINGS = FollowSettings(hands=("svh",))
BY = np.array([0.02, -0.03, 0.0])
PLANNED = top_grasp(z=0.22)


def shifted(grasp: Grasp, by: np.ndarray) -> Grasp:
    return replace(grasp, T_base_wrist=compose(np.eye(3), by) @ grasp.T_base_wrist)


class Seer:
    """A lookout that has seen where the object went when it is asked."""

    def __init__(self, target: Grasp | None = None) -> None:
        self.target, self.planned = target, PLANNED
        self.eye = np.array([0.7, 0.0, 0.68])
        self.told: list[tuple[Grasp, str]] = []
        self.looked: list[np.ndarray] = []
        self.stage = Stage()

    def begin(self, grasp: Grasp) -> None:
        self.planned = grasp
        self.looked.append(self.stage.arm.at)

    def end(self) -> Grasp:
        self.looked.append(self.stage.arm.at)
        return self.target or self.planned

    def settle(self, grasp: Grasp, why: str) -> None:
        self.told.append((grasp, why))

    def follow(self, grasp: Grasp = PLANNED) -> tuple[Phase, ...]:
        self.asked: list[tuple[Grasp, Scene]] = []

        def plan(grasp: Grasp, scene: Scene) -> tuple[Phase, ...]:
            self.asked.append((grasp, scene))
            return plan_execution(
                grasp,
                self.stage.arm.at,
                scene,
                planner=EmbeddedPlanner(ROBOT, EmbeddedSettings()),
                robot=ROBOT,
                settings=ExecutionSettings(),
                speed=SpeedSettings(),
                rng=np.random.default_rng(2),
            )

        return plan_following(grasp, cluttered(), plan, self, SETTINGS)

    def wrists(self) -> np.ndarray:
        """Where the wrist was at the end of each motion of the arm, shape (N, 4, 4)."""
        return ROBOT.arm.forward(np.stack([t.positions[-1] for t in self.stage.arm.played]))


def off(seer: Seer) -> np.ndarray:
    """Where the wrist was, from the grasp, when the looking began and ended, shape (2, 3)."""
    at: np.ndarray = ROBOT.arm.forward(np.stack(seer.looked))[:, :3, 3]
    return at - PLANNED.T_base_wrist_grasp[:3, 3]


def test_a_target_that_stays_is_grasped_as_planned_from_where_the_camera_sees_it():
    seer = Seer()
    phases = seer.follow()
    played = seer.stage.play(phases)
    assert played.execution.outcome == Outcome.OK, played.execution.message
    aside = SETTINGS.aside  # away from the camera, which is farther from the robot
    np.testing.assert_allclose(off(seer)[:, 2], [SETTINGS.start, SETTINGS.near], atol=1e-3)
    np.testing.assert_allclose(off(seer)[:, 0], [-aside, -0.4 * aside], atol=1e-3)
    np.testing.assert_allclose(off(seer)[:, 1], 0.0, atol=1e-3)
    assert len(seer.asked) == 1
    assert seer.told == [(PLANNED, "")]
    assert tuple(dict(played.execution.timings_s)) == PHASES == tuple(seer.stage.reported)
    assert played.arm is not None
    at = ROBOT.arm.forward(played.arm)
    np.testing.assert_allclose(at, PLANNED.T_base_wrist_grasp, atol=1e-4)
    assert seer.stage.shares == sorted(seer.stage.shares)


def test_a_target_that_moved_is_grasped_where_it_is_and_its_points_go_along():
    seer = Seer(shifted(PLANNED, BY))
    played = seer.stage.play(seer.follow())
    assert played.execution.outcome == Outcome.OK, played.execution.message
    assert tuple(seer.stage.reported) == PHASES
    assert played.arm is not None
    at = ROBOT.arm.forward(played.arm)
    np.testing.assert_allclose(at, seer.target.T_base_wrist_grasp, atol=1e-4)
    assert seer.told == [(seer.target, "")]
    (_, first), (grasp, second) = seer.asked
    assert grasp is seer.target
    np.testing.assert_allclose(second.object_points - first.object_points, BY * np.ones((800, 1)))
    np.testing.assert_array_equal(second.obstacles, first.obstacles)


def test_every_motion_begins_where_the_last_one_ended_and_passes_the_guard():
    seer = Seer(shifted(PLANNED, BY))
    seer.stage.play(seer.follow())
    motions = seer.stage.arm.played  # each of them passed the guard, or it would not be there
    assert len(motions) >= 6
    for before, after in itertools.pairwise(motions):
        np.testing.assert_allclose(after.positions[0], before.positions[-1], atol=1e-9)
        assert np.abs([before.velocities[-1], after.velocities[0]]).max() < 1e-9


def test_where_the_new_target_has_no_way_the_planned_one_is_grasped():
    into_the_table = shifted(PLANNED, np.array([0.0, 0.0, -0.09]))
    seer = Seer(into_the_table)
    played = seer.stage.play(seer.follow())
    assert played.execution.outcome == Outcome.OK, played.execution.message
    ((done, why),) = seer.told
    assert done is PLANNED
    assert "straight approach" in why
    assert played.arm is not None
    at = ROBOT.arm.forward(played.arm)
    np.testing.assert_allclose(at, PLANNED.T_base_wrist_grasp, atol=1e-4)


def test_where_there_is_no_room_it_begins_nearer_or_goes_as_it_was_told():
    def plan(least: float):
        def one(grasp: Grasp, _: Scene) -> tuple[Phase, ...]:
            asked.append(
                round(float(grasp.T_base_wrist[0, 2, 3] - grasp.T_base_wrist[-1, 2, 3]), 3)
            )
            if asked[-1] > least:
                raise NoPath("no room")
            return (Phase("approach", (None,) * len(grasp.T_base_wrist)),)  # type: ignore[arg-type]

        return one

    asked: list[float] = []
    begun = plan_following(PLANNED, Scene(), plan(0.25), Seer(), SETTINGS)
    assert asked == [0.3, 0.21]
    assert len(begun) == 3
    asked.clear()
    assert len(plan_following(PLANNED, Scene(), plan(0.15), Seer(), SETTINGS)) == 1
    assert asked == [0.3, 0.21, 0.1]
    with pytest.raises(NoPath):
        plan_following(PLANNED, Scene(), plan(0.05), Seer(), SETTINGS)


@pytest.mark.parametrize("part", [1, 2, 3, 4])
@pytest.mark.parametrize("reason", [Outcome.CANCELLED, Outcome.STOPPED])
def test_an_interruption_stops_both_controllers_in_every_part_of_the_approach(reason, part):
    seer = Seer(shifted(PLANNED, BY))
    arm = seer.stage.arm
    phases = seer.follow()
    played = seer.stage.play(phases, lambda: reason if len(arm.played) >= part else None)
    assert (played.execution.outcome, played.execution.phase) == (reason, "approach")
    assert arm.cancelled
    assert seer.stage.hand.cancelled
    assert len(arm.played) == part


def test_controllers_that_fall_silent_while_it_looks_abort():
    seer = Seer()
    phases, begin = seer.follow(), seer.begin

    def silent(grasp: Grasp) -> None:
        begin(grasp)
        seer.stage.arm.silent_after = seer.stage.clock.now + 0.2

    seer.begin = silent  # type: ignore[method-assign]
    played = seer.stage.play(phases)
    assert played.execution.outcome == Outcome.CONTROLLER_ABORTED
    assert seer.told == []


def test_the_whole_approach_is_permitted_once():
    seer, asked = Seer(shifted(PLANNED, BY)), []
    seer.stage.play(seer.follow(), permit=lambda phase: bool(asked.append(phase) or True))
    assert tuple(asked) == PHASES


def test_what_a_lookout_cannot_say_ends_the_execution():
    seer = Seer()
    phases = seer.follow()

    def lost() -> Grasp:
        raise Failed(Outcome.INTERNAL, "lost it")

    seer.end = lost  # type: ignore[method-assign]
    ended = seer.stage.play(phases).execution
    assert (ended.outcome, ended.phase) == (Outcome.INTERNAL, "approach")
    assert seer.stage.arm.cancelled


def test_a_target_far_off_or_turned_away_is_not_followed():
    assert strays(shifted(PLANNED, BY), PLANNED, SETTINGS) == ""
    assert "0.150 m" in strays(shifted(PLANNED, np.array([0.15, 0.0, 0.0])), PLANNED, SETTINGS)
    T = PLANNED.T_base_wrist @ from_xyz_rpy((0.0, 0.0, 0.0), (0.0, 0.0, 1.5))
    assert "1.50 rad" in strays(replace(PLANNED, T_base_wrist=T), PLANNED, SETTINGS)


@pytest.mark.parametrize(
    "wrong",
    [
        {"near": 0.3},
        {"near": 0.0},
        {"reach": 0.0},
        {"turn": -1.0},
        {"period": 0.0},
        {"aside": -0.1},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=r"near|positive"):
        FollowSettings(**wrong)
