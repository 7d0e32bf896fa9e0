"""A trajectory controller does with a goal what the real drivers do."""

import numpy as np
import pytest

from ddg_core.errors import DdgError
from ddg_sim.twin.controller import (
    ControlledJoints,
    ControllerSettings,
    Ending,
    GoalEnd,
    TrajectoryController,
)
from ddg_sim.twin.trajectory import Curve, GoalRejected, ResultCode, TrajectoryGoal

DT = 0.004
NAMES = ("shoulder", "elbow", "finger")


def make(*, partial: bool = True, tolerance: float = 0.01, path: float = 0.0):
    joints = ControlledJoints(NAMES, np.tile([-2.0, 2.0], (3, 1)), np.full(3, 1.5))
    settings = ControllerSettings(partial, tolerance, goal_time=0.2, path_tolerance=path)
    controller = TrajectoryController(joints, settings)
    controller.hold(np.zeros(3))
    return controller


def goal(to=(0.5, -0.5, 0.2), *, names=NAMES, duration=1.0, **kwargs) -> TrajectoryGoal:
    to = np.atleast_2d(np.asarray(to, float))
    kwargs.setdefault("times", np.linspace(0.0, duration, len(to) + 1)[1:])
    return TrajectoryGoal(joint_names=names, positions=to, **kwargs)


class Plant:
    """Joints that are where they are commanded to be, up to a wall."""

    def __init__(self, controller: TrajectoryController, wall: float = np.inf) -> None:
        self.controller, self.wall = controller, wall
        self.now, self.position = 0.0, np.zeros(3)
        self.trace: list[np.ndarray] = []
        self.ends: list[GoalEnd] = []

    def accept(self, wanted: TrajectoryGoal) -> None:
        self.controller.accept(wanted, self.now, self.ends.append)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / DT)):
            self.now += DT
            command = self.controller.update(self.now, DT, self.position)
            self.trace.append(command)
            self.position = np.minimum(command, [np.inf, np.inf, self.wall])


def test_a_goal_is_reached_and_succeeds_once():
    plant = Plant(make())
    plant.accept(goal())
    plant.run(1.5)
    np.testing.assert_allclose(plant.position, [0.5, -0.5, 0.2], atol=1e-9)
    assert [end.ending for end in plant.ends] == [Ending.SUCCEEDED]
    assert plant.controller.active is None


def test_bare_positions_are_joined_by_straight_lines():
    curve = Curve(goal(), np.zeros(3), np.ones(3))
    np.testing.assert_allclose(curve(0.25)[0], [0.125, -0.125, 0.05])
    np.testing.assert_allclose(curve(0.25)[1], [0.5, -0.5, 0.2])


def test_velocities_make_a_cubic_that_passes_its_knots_at_their_speed():
    positions = np.array([[0.1, 0.0, 0.3], [0.4, -0.2, 0.1]])
    velocities = np.array([[0.2, -0.1, 0.3], [0.0, 0.0, 0.0]])
    curve = Curve(
        goal(positions, times=np.array([0.5, 1.2]), velocities=velocities),
        np.zeros(3),
        np.array([0.1, 0.0, 0.0]),
    )
    np.testing.assert_allclose(curve(0.5)[0], positions[0])
    np.testing.assert_allclose(curve(0.5)[1], velocities[0], atol=1e-12)
    np.testing.assert_allclose(curve(0.0)[1], [0.1, 0.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(curve(9.0)[0], positions[1])


def test_accelerations_make_a_quintic():
    zero = np.zeros((1, 3))
    curve = Curve(goal(velocities=zero, accelerations=zero), np.zeros(3), np.zeros(3))
    s = 0.3  # minimum jerk
    share = 10 * s**3 - 15 * s**4 + 6 * s**5
    np.testing.assert_allclose(curve(s)[0], share * np.array([0.5, -0.5, 0.2]))


def test_a_first_point_at_time_zero_is_the_beginning():
    curve = Curve(goal([[0.1] * 3, [0.2] * 3], times=np.array([0.0, 1.0])), np.ones(3), np.ones(3))
    np.testing.assert_allclose(curve(0.5)[0], 0.15)


@pytest.mark.parametrize(
    ("make_goal", "code", "says"),
    [
        (lambda: goal(names=("shoulder", "elbow", "wrist")), ResultCode.INVALID_JOINTS, "'wrist'"),
        (lambda: goal(names=("elbow",) * 3), ResultCode.INVALID_JOINTS, "twice"),
        (lambda: goal((np.nan, 0, 0)), ResultCode.INVALID_GOAL, "NaN"),
        (lambda: goal((2.1, 0, 0)), ResultCode.INVALID_GOAL, "shoulder: .*outside its limits"),
        (lambda: goal(np.zeros((0, 3))), ResultCode.INVALID_GOAL, "without points"),
        (lambda: goal(np.zeros((2, 3)), times=[1, 1]), ResultCode.INVALID_GOAL, "increasing"),
        (lambda: goal(times=[-1.0]), ResultCode.INVALID_GOAL, "increasing"),
        (lambda: goal(times=[0.1, 0.2]), ResultCode.INVALID_GOAL, "shape"),
        (lambda: goal((0.5, 0.5)), ResultCode.INVALID_GOAL, "shape"),
        (lambda: goal(velocities=np.ones((1, 3))), ResultCode.INVALID_GOAL, "at rest"),
        (
            lambda: goal([[0, 0, 0], [0, 0.9, 0]], times=np.array([0.0, 0.5])),
            ResultCode.INVALID_GOAL,
            "elbow: 1.800 rad/s is faster",
        ),
        (lambda: goal(start=-5.0), ResultCode.OLD_HEADER_TIMESTAMP, "it ended"),
        (lambda: goal(goal_tolerance={"wrist": 1.0}), ResultCode.INVALID_JOINTS, "tolerance"),
    ],
)
def test_a_bad_goal_is_refused_with_its_code(make_goal, code, says):
    with pytest.raises(GoalRejected, match=says) as raised:
        make().accept(make_goal(), 0.0, lambda _: None)
    assert raised.value.code is code
    assert isinstance(raised.value, DdgError)


def test_a_refused_goal_leaves_the_one_being_played():
    plant = Plant(make())
    plant.accept(goal())
    plant.run(0.2)
    with pytest.raises(GoalRejected):
        plant.accept(goal((9, 9, 9)))
    plant.run(1.0)
    assert [end.ending for end in plant.ends] == [Ending.SUCCEEDED]


def test_partial_goals_are_for_hands_only():
    finger = goal((0.3,), names=("finger",))
    with pytest.raises(GoalRejected, match="lacks shoulder, elbow"):
        make(partial=False).accept(finger, 0.0, lambda _: None)
    plant = Plant(make())
    plant.accept(goal())
    plant.run(1.2)
    plant.accept(finger)
    plant.run(1.2)
    np.testing.assert_allclose(plant.position, [0.5, -0.5, 0.3], atol=1e-9)


def test_joints_may_come_in_any_order():
    plant = Plant(make())
    plant.accept(goal((0.2, 0.5, -0.5), names=("finger", "shoulder", "elbow")))
    plant.run(1.5)
    np.testing.assert_allclose(plant.position, [0.5, -0.5, 0.2], atol=1e-9)


def test_a_cancelled_goal_holds_at_once():
    plant = Plant(make())
    plant.accept(goal())
    plant.run(0.5)
    there = plant.position
    plant.controller.cancel()
    plant.run(0.5)
    np.testing.assert_array_equal(plant.position, there)
    assert [end.ending for end in plant.ends] == [Ending.CANCELLED]


def test_a_new_goal_replaces_the_old_without_a_jump():
    plant = Plant(make())
    zero = np.zeros((1, 3))
    plant.accept(goal(velocities=zero))
    plant.run(0.5)
    plant.accept(goal((-0.1, 0.3, 0.0), velocities=zero))
    plant.run(1.3)
    assert [end.ending for end in plant.ends] == [Ending.ABORTED, Ending.SUCCEEDED]
    assert plant.ends[0].code is ResultCode.INVALID_GOAL
    speed = np.diff(plant.trace, axis=0) / DT
    assert np.abs(np.diff(speed, axis=0)).max() < 0.05
    np.testing.assert_allclose(plant.position, [-0.1, 0.3, 0.0], atol=1e-9)


def test_no_command_is_faster_than_the_joint():
    plant = Plant(make())
    jump = goal((1.9, 0.0, 0.0), times=np.array([0.0]), goal_tolerance=dict.fromkeys(NAMES, -1.0))
    plant.accept(jump)
    plant.run(3.0)
    speed = np.abs(np.diff(plant.trace, axis=0)) / DT
    assert 1.4 < speed.max() < 1.6
    np.testing.assert_allclose(plant.position[0], 1.9)


def test_a_stalled_finger_violates_the_goal_tolerance_and_goes_on_pressing():
    plant = Plant(make(), wall=0.1)
    plant.accept(goal((0.0, 0.0, 0.4)))
    plant.run(1.19)
    assert plant.ends == []
    plant.run(0.1)
    assert [end.code for end in plant.ends] == [ResultCode.GOAL_TOLERANCE_VIOLATED]
    assert "finger by 0.300 rad (allowed 0.010)" in plant.ends[0].message
    plant.run(0.5)
    np.testing.assert_allclose(plant.trace[-1][2], 0.4)


@pytest.mark.parametrize("tolerance", [0.5, -1.0])
def test_a_stalled_finger_within_its_tolerance_is_success(tolerance):
    plant = Plant(make(), wall=0.1)
    plant.accept(goal((0.0, 0.0, 0.4), goal_tolerance={"finger": tolerance}))
    plant.run(1.3)
    assert [end.ending for end in plant.ends] == [Ending.SUCCEEDED]


def test_a_joint_that_cannot_follow_violates_its_path_tolerance():
    plant = Plant(make(), wall=0.1)
    plant.accept(goal((0.0, 0.0, 0.4), path_tolerance={"finger": 0.05}))
    plant.run(1.0)
    assert [end.code for end in plant.ends] == [ResultCode.PATH_TOLERANCE_VIOLATED]
    assert plant.trace[-1][2] < 0.17


def test_a_goal_may_start_later():
    plant = Plant(make())
    plant.accept(goal(start=0.5))
    plant.run(0.5)
    np.testing.assert_allclose(plant.position, 0.0, atol=1e-9)
    plant.run(1.1)
    np.testing.assert_allclose(plant.position, [0.5, -0.5, 0.2], atol=1e-9)
