"""Planning as a function of its ports: order, reach, scores, typed outcomes, settings."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import planning_world as world
import pytest
import yaml

from ddg_core.arrays import Array
from ddg_core.description import config_folder
from ddg_core.errors import Failed
from ddg_core.grasp import Grasp
from ddg_core.outcome import Outcome
from ddg_core.ports import Reach
from ddg_core.settings import load
from ddg_core.view import ObjectView
from ddg_planning.plan import (
    PlanSettings,
    ScoreSettings,
    Stopwatch,
    by_likelihood,
    plan,
    scored,
)
from ddg_planning.settings import PlanningSettings
from ddg_planning.store import GenerationSettings

VIEW = world.view_of(world.tube())


def grasp(log_likelihood: float, x: float = 0.5) -> Grasp:
    T = np.tile(np.eye(4), (4, 1, 1))
    T[:, 0, 3] = x
    return Grasp(T, np.zeros((4, 9)), "svh", "pinch", log_likelihood)


def propose_of(grasps: Sequence[Grasp]):  # type: ignore[no-untyped-def]
    def propose(view: ObjectView, *, n: int) -> list[Grasp]:
        del view
        return list(grasps)[:n]

    return propose


def near_only(T_base_wrist: Array, fingers: Array) -> Reach:
    assert fingers.shape == (len(T_base_wrist), 9)
    near = (T_base_wrist[:, :, 0, 3] < 0.6).all(axis=1)
    n = len(T_base_wrist)
    return Reach(near, np.zeros((n, 7)), np.ones(n), np.where(near, 0.3, 0.0))


def silent(stage: str, share: float, left: int) -> None:
    del stage, share, left


def test_the_likeliest_reachable_grasp_comes_first() -> None:
    candidates = [grasp(-1.0, x=0.7), grasp(-3.0), grasp(-2.0), grasp(-9.0)]
    planned = plan(VIEW, propose_of(candidates), by_likelihood, near_only, PlanSettings(), silent)
    assert [g.log_likelihood for g in planned] == [-2.0, -3.0, -9.0]
    assert all(g.reachability == 0.3 for g in planned)


def test_the_arm_must_reach_where_the_object_is_lifted_to() -> None:
    def low_only(T_base_wrist: Array, fingers: Array) -> Reach:
        del fingers
        low = (T_base_wrist[:, :, 2, 3] < 0.15).all(axis=1)
        n = len(low)
        return Reach(low, np.zeros((n, 7)), np.ones(n), np.where(low, 0.3, 0.0))

    one = propose_of([grasp(-1.0)])  # at a height of 0
    assert plan(VIEW, one, by_likelihood, low_only, PlanSettings(lift=0.1), silent)
    with pytest.raises(Failed) as caught:
        plan(VIEW, one, by_likelihood, low_only, PlanSettings(lift=0.2), silent)
    assert caught.value.outcome == Outcome.NO_IK


def test_planner_and_executor_mean_the_same_lift() -> None:
    lift = load(config_folder() / "planning.yaml", PlanningSettings).plan.lift
    execution = yaml.safe_load((config_folder() / "execution.yaml").read_text(encoding="utf-8"))
    assert execution["execution"]["lift_height"] == lift


def test_without_an_arm_nothing_is_left_out() -> None:
    candidates = [grasp(-1.0, x=0.7), grasp(-3.0)]
    planned = plan(VIEW, propose_of(candidates), by_likelihood, None, PlanSettings(), silent)
    assert len(planned) == 2
    assert planned[0].reachability is None


@pytest.mark.parametrize(
    ("candidates", "outcome"),
    [([], Outcome.NO_CANDIDATE), ([grasp(-1.0, x=0.7)], Outcome.NO_IK)],
)
def test_nothing_left_is_a_typed_outcome(candidates: list[Grasp], outcome: Outcome) -> None:
    with pytest.raises(Failed) as caught:
        plan(VIEW, propose_of(candidates), by_likelihood, near_only, PlanSettings(), silent)
    assert caught.value.outcome is outcome


def test_it_abstains_below_the_least_probability() -> None:
    def doubt(view: ObjectView, grasps: Sequence[Grasp]) -> list[Grasp]:
        del view
        return [replace(g, p_success=0.3) for g in grasps]

    settings = PlanSettings(least_probability=0.5)
    with pytest.raises(Failed, match="30%") as caught:
        plan(VIEW, propose_of([grasp(-1.0)]), doubt, None, settings, silent)
    assert caught.value.outcome is Outcome.LOW_CONFIDENCE


def test_an_exception_from_progress_cancels_between_stages() -> None:
    def stop(stage: str, share: float, left: int) -> None:
        del share, left
        if stage == "rank":
            raise Failed(Outcome.CANCELLED, "cancelled")

    with pytest.raises(Failed) as caught:
        plan(VIEW, propose_of([grasp(-1.0)]), by_likelihood, near_only, PlanSettings(), stop)
    assert caught.value.outcome is Outcome.CANCELLED


def test_more_clearance_more_margin_or_more_trust_never_lower_the_score() -> None:
    base, s = replace(grasp(-2.0), clearance=0.005, reachability=0.05), ScoreSettings()
    assert scored(replace(base, clearance=0.01), s).score > scored(base, s).score
    assert scored(replace(base, reachability=0.1), s).score > scored(base, s).score
    sure, unsure = replace(base, p_success=0.9), replace(base, p_success=0.6)
    assert scored(sure, s).score > scored(unsure, s).score
    assert scored(replace(sure, log_likelihood=-50.0), s).score == scored(sure, s).score


def test_stages_add_up() -> None:
    watch = Stopwatch()
    watch.begin("a")
    watch.begin("b")
    stages = watch.end()
    assert [name for name, _ in stages] == ["a", "b"]
    assert all(seconds >= 0.0 for _, seconds in stages)


def test_a_way_is_what_all_of_its_poses_allow() -> None:
    joints = np.arange(42.0).reshape(6, 7)
    margin = np.array([0.3, 0.2, 0.4, 0.5, 0.0, 0.6])
    found = Reach(margin > 0.0, joints, np.arange(6.0), margin).of_ways(3)
    assert found.reachable.tolist() == [True, False]
    assert (found.margin.tolist(), found.manipulability.tolist()) == ([0.2, 0.0], [0.0, 3.0])
    np.testing.assert_array_equal(found.joints, joints[[0, 3]])


def test_who_plans_follows_the_hand() -> None:
    settings = load(config_folder() / "planning.yaml", PlanningSettings)
    assert settings.of("svh") is settings
    jaws = settings.of("parallel_gripper")
    assert (jaws.generator, jaws.evaluator, jaws.weights) == ("dexnet", "none", "")
    assert jaws.plan == replace(settings.plan, least_probability=0.5)
    assert jaws.services == settings.services


def test_the_settings_file_is_as_documented() -> None:
    settings = load(config_folder() / "planning.yaml", PlanningSettings)
    assert settings.plan.candidates >= settings.plan.max_grasps
    generation = load(config_folder() / "generation.yaml", GenerationSettings)
    assert generation.generator.search.candidates >= 1000
