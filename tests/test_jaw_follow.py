"""Jaws that look again on their way to an object that somebody moves."""

from dataclasses import replace

import numpy as np
import pytest
from jaw_scenes import ABOVE, PLACE, UP, box_on_table, view_of

from ddg_cli.evaluate.following import follow
from ddg_cli.evaluate.success import for_jaws, rollout_of
from ddg_core.description import load_hand
from ddg_core.errors import Failed
from ddg_core.transforms import compose
from ddg_planning.parallel_jaw.follow import Follower, FollowSettings
from ddg_planning.parallel_jaw.policy import DexnetSettings, JawPlanner
from ddg_planning.parallel_jaw.prepare import PrepareSettings, prepare
from ddg_sim.rollout.approach import ApproachSettings, approach

BAR = np.array([0.06, 0.015, 0.03])
PLANNER = JawPlanner(load_hand("parallel_gripper"), DexnetSettings(policy="antipodal"))


def shifted(by):
    """The bar `by` (2,) [m] further on: its image from a camera that is so much further back."""
    image, mask = box_on_table(BAR, T_base_camera=compose(np.eye(3), [*-by, 0.0]) @ ABOVE)
    return view_of(replace(image, T_base_camera=ABOVE), mask)


def test_a_window_shows_the_same_places():
    view = prepare(*box_on_table(BAR, 0.5), PrepareSettings())
    window = view.about(PLACE, 0.05)
    assert window.depth.size < 0.5 * view.depth.size
    assert 0 < window.mask.sum() < view.mask.sum()  # a bar of 12 cm does not fit
    pixels = np.array([[40.0, 35.0], [33.0, 50.0]])
    off = np.array([view.camera.cx - window.camera.cx, view.camera.cy - window.camera.cy])
    np.testing.assert_array_equal(window.at(pixels), view.at(pixels + off))
    with pytest.raises(Failed, match=r"within 0\.05 m"):
        view.about(PLACE + np.array([0.3, 0.0, 0.0]), 0.05)


def test_near_a_place_only_its_surroundings_are_planned_on():
    place = PLACE + np.array([0.03, 0.0, 0.05])
    view = view_of(*box_on_table(BAR))
    found = PLANNER.near(view, place, 0.02, n=50, rng=np.random.default_rng(0))
    off = [np.linalg.norm((PLANNER.jaws.line(grasp)[0] - place)[:2]) for grasp in found]
    assert len(off) == 50
    assert max(off) < 0.02 * np.sqrt(2.0) + 0.01


def test_a_follower_goes_with_the_object_and_keeps_going_where_it_is_hidden():
    follower = Follower(PLANNER, FollowSettings())
    grasp = PLANNER(view_of(*box_on_table(BAR)), n=1, rng=np.random.default_rng(0))[0]
    by = np.array([0.0, 0.03])
    again = follower(shifted(by), grasp, rng=np.random.default_rng(1))
    middle, axis = PLANNER.jaws.line(again)
    assert abs(middle[1] - by[1]) < 0.012  # across the bar, where the first one was within 12 mm
    assert abs(axis @ [0.0, 1.0, 0.0]) > 0.85
    gone = shifted(np.array([0.25, 0.0]))
    assert follower(gone, grasp, rng=np.random.default_rng(1)) is grasp


def test_the_target_is_corrected_until_the_hand_is_near():
    grasp = PLANNER(view_of(*box_on_table(BAR)), n=1, rng=np.random.default_rng(0))[0]
    step, asked = np.array([0.0, 0.004, 0.0]), []

    def correct(time, wrist, target):
        asked.append((time, wrist))
        return replace(target, T_base_wrist=compose(np.eye(3), step) @ target.T_base_wrist)

    settings = ApproachSettings(start=0.3, speed=0.2, period=0.2, near=0.12)
    end = approach(grasp, correct, settings)
    goal = grasp.T_base_wrist_grasp[:3, 3]
    assert [time for time, _ in asked] == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8])
    for i, (_, wrist) in enumerate(asked):  # above the newest target, ever lower
        np.testing.assert_allclose(wrist[:3, 3], goal + i * step + (0.3 - 0.04 * i) * UP)
    np.testing.assert_allclose(end.T_base_wrist_grasp[:3, 3], goal + 5 * step)


def test_an_object_that_moves_is_held_only_by_jaws_that_look():
    rollout = replace(for_jaws(rollout_of("train")), objects=("ball_001",))
    became = follow(1, PLANNER, rollout, 0.03)
    assert (became.looking, became.blind) == (True, False)
