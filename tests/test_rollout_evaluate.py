"""The evaluation protocol: every scene counts, the same scenes whatever plans, paired tests."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ddg_core.description import load_hand
from ddg_core.errors import BadInput, Failed
from ddg_core.grasp import Grasp
from ddg_core.outcome import Outcome
from ddg_core.statistics import wilson
from ddg_sim.rollout.compare import compare
from ddg_sim.rollout.evaluate import (
    EvaluationSettings,
    Tried,
    evaluate,
    least_width,
    read,
    summary,
    try_scene,
    write,
)
from ddg_sim.rollout.many import Cluster
from ddg_sim.rollout.near_surface import NearSurfaceSettings, near_surface
from ddg_sim.rollout.rollout import Propose, RolloutSettings
from ddg_sim.rollout.view import SceneView

SETTINGS = EvaluationSettings(RolloutSettings(objects=("can_000", "box_001")))


def plan(view: SceneView, rng: np.random.Generator) -> list[Grasp]:
    return near_surface(view, load_hand("svh"), NearSurfaceSettings(), n=2, rng=rng)


def make_plan() -> Propose:
    return plan


def nothing(view: SceneView, rng: np.random.Generator) -> list[Grasp]:
    raise Failed(Outcome.NO_CANDIDATE, "nothing fits")


def tried(seed: int, outcome: str, **more: object) -> Tried:
    one = Tried(seed, f"can_{seed % 3:03d}", outcome, "power", 20, None, None, 1.0)
    return replace(one, **more)  # type: ignore[arg-type]


def test_a_scene_without_a_grasp_counts_as_not_held() -> None:
    result = try_scene(3, nothing, SETTINGS)
    assert (result.outcome, result.candidates, result.held) == ("NO_CANDIDATE", 0, False)
    figures = summary([result, tried(1, "HELD")])
    assert (figures["n"], figures["held"], figures["rate"]) == (2, 1, 0.5)
    assert (figures["executed"], figures["abstained"]) == (1, 1)


def test_the_least_width_is_that_of_the_narrow_side_however_it_is_turned() -> None:
    corners = np.stack(np.meshgrid([-0.1, 0.1], [-0.02, 0.02], [0.0, 0.5]), axis=-1).reshape(-1, 3)
    c, s = np.cos(0.7), np.sin(0.7)
    turned = corners @ np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
    assert least_width(turned) == pytest.approx(0.04, rel=0.05)
    assert try_scene(1, nothing, SETTINGS).across == pytest.approx(0.06, abs=0.05)


def test_the_same_seeds_give_the_same_results_and_scenes() -> None:
    first, second = (list(evaluate(SETTINGS, make_plan, range(2), Cluster())) for _ in range(2))
    assert [replace(t, plan_s=0.0) for t in first] == [replace(t, plan_s=0.0) for t in second]
    other = [try_scene(seed, nothing, SETTINGS).object for seed in range(2)]
    assert [t.object for t in first] == other


def test_the_paper_counts_only_scenes_with_ten_candidates_and_one_that_holds() -> None:
    trials = [
        tried(0, "HELD", any_holds=True),
        tried(1, "DROPPED", any_holds=True),
        tried(2, "NOT_HELD", any_holds=False),
        tried(3, "HELD", any_holds=True, candidates=9),
    ]
    figures = summary(trials)
    assert figures["rate"] == 0.5
    assert figures["rate_paper"] == 0.5
    assert figures["oracle_rate"] == 0.75
    assert figures["oracle_wilson95"] == pytest.approx(wilson(3, 4))
    lost = summary([tried(seed, "DROPPED", any_holds=True) for seed in range(6)])
    assert (lost["bootstrap95"], lost["oracle_bootstrap95"]) == ((0.0, 0.0), (1.0, 1.0))
    alone = summary([tried(0, "HELD")])
    assert alone["oracle_rate"] is alone["oracle_wilson95"] is alone["oracle_bootstrap95"] is None


def test_results_survive_the_round_trip_and_other_files_are_refused(tmp_path: Path) -> None:
    trials = [tried(1, "HELD"), tried(0, "DROPPED")]
    write(trials, tmp_path / "a.jsonl")
    assert read(tmp_path / "a.jsonl") == [trials[1], trials[0]]
    (tmp_path / "b.jsonl").write_text('{"seed": 1}\n')
    with pytest.raises(BadInput, match="is no result"):
        read(tmp_path / "b.jsonl")
    with pytest.raises(BadInput, match="No such file"):
        read(tmp_path / "c.jsonl")


def test_a_planner_is_not_better_than_itself_and_better_than_one_that_never_holds() -> None:
    good = [tried(seed, "HELD") for seed in range(30)]
    bad = [replace(t, outcome="DROPPED", object=f"can_{t.seed % 10:03d}") for t in good]
    good = [replace(t, object=f"can_{t.seed % 10:03d}") for t in good]
    same = compare(good, good)
    assert (same["difference"], same["p_clustered"], same["p_mcnemar"]) == (0.0, 1.0, 1.0)
    worse = compare(good, bad)
    assert worse["difference"] == -1.0
    assert worse["p_clustered"] < 0.01
    with pytest.raises(BadInput, match="no scene in common"):
        compare(good, [tried(99, "HELD")])
    with pytest.raises(BadInput, match="scene 0 is can_000 in one result and box_000"):
        compare(good, [replace(good[0], object="box_000")])
