"""Policies of two jaws: what they return, and that cross-entropy finds what sampling misses."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml
from jaw_scenes import ABOVE, CAMERA, OBLIQUE, PLACE, UP, box_on_table, view_of
from PIL import Image

from ddg_cli.evaluate.calibration import truth
from ddg_cli.evaluate.success import _text, graspable
from ddg_cli.main import main
from ddg_core.description import load_hand
from ddg_core.errors import BadInput, Failed, UnknownName
from ddg_core.outcome import Outcome
from ddg_core.transforms import apply
from ddg_core.view import DepthImage
from ddg_planning.evaluate.weights import write_weights
from ddg_planning.parallel_jaw.checkpoint import VARIANTS, build, make_card
from ddg_planning.parallel_jaw.mixture import fit_mixture
from ddg_planning.parallel_jaw.policy import CemSettings, DexnetSettings, JawPlanner
from ddg_sim.rollout.evaluate import Tried, summary

HAND = load_hand("parallel_gripper")
BAR = np.array([0.06, 0.015, 0.03])
VIEW = view_of(*box_on_table(BAR, 0.5))
JUDGED = ("cem", "best", "fc")


@pytest.fixture(scope="module")
def planners(tmp_path_factory):
    """All policies; networks have weights that nobody taught, so each grasp has its own score."""
    folder, made = tmp_path_factory.mktemp("jaws"), {}
    for policy in (*JUDGED, "centred", "antipodal", "random"):
        variant = "fc-gqcnn" if policy == "fc" else "gqcnn-small"
        torch.manual_seed(5)
        network = build(VARIANTS[variant])
        network.learn_statistics(0.6 + 0.1 * torch.rand(9, 32, 32), 0.6 + 0.1 * torch.rand(9))
        with torch.no_grad():
            network.judge.weight *= 0.03  # else most are certain, and alike
        path = folder / f"{variant}.safetensors"
        write_weights(path, network, make_card(variant, HAND.name, 0.1, 143.5, {}, {}, {}, ""))
        made[policy] = JawPlanner(
            HAND, DexnetSettings(policy=policy, weights=str(path), count=60, cem=CemSettings(40))
        )
    return made


@pytest.mark.parametrize("policy", [*JUDGED, "centred", "antipodal", "random"])
@pytest.mark.parametrize("eye", ["above", "aside"])
def test_grasps_come_down_on_the_object_and_stay_above_the_table(planners, policy, eye):
    planner = planners[policy]
    view = VIEW if eye == "above" else view_of(*box_on_table(BAR, 0.5, OBLIQUE))
    grasps = planner(view, n=15, rng=np.random.default_rng(0))
    assert len(grasps) == 15
    for grasp in grasps:
        middle, axis = planner.jaws.line(grasp)
        away = middle - PLACE
        c, s = np.cos(0.5), np.sin(0.5)
        # Below a pixel on a side that leans away, a ray goes on under the object.
        assert abs(c * away[0] + s * away[1]) < BAR[0] + 0.018
        assert abs(c * away[1] - s * away[0]) < BAR[1] + 0.018
        # Cross-entropy may draw a line just above the top: the tips reach 5 mm further down.
        assert 0.0065 <= middle[2] <= 2 * BAR[2] + 0.003
        assert abs(axis @ UP) < 1e-9
        np.testing.assert_allclose(grasp.T_base_wrist[1, :3, 2], -UP, atol=1e-9)
        assert (grasp.hand, grasp.kind) == ("parallel_gripper", policy)
        assert (grasp.p_success is not None) == (policy in JUDGED)
        assert bool(grasp.models) == (policy in JUDGED)
    if policy in JUDGED:
        p = [grasp.p_success for grasp in grasps]
        assert p == sorted(p, reverse=True)
        assert p[0] > p[-1]


@pytest.mark.parametrize("policy", JUDGED)
def test_open_jaws_come_down_only_where_there_is_room(planners, policy):
    """A cube between two walls is taken along them, also where a network likes it otherwise."""
    image, mask = box_on_table(np.array([0.03, 0.03, 0.03]))
    x, y, _ = apply(ABOVE, CAMERA.deproject(image.depth, np.ones_like(mask))).T - PLACE[:, None]
    walls = ((np.abs(x) > 0.037) & (np.abs(y) < 0.06)).reshape(mask.shape)
    between = replace(image, depth=np.where(walls, 0.64, image.depth))
    for scene, most in ((image, 1.0), (between, 0.45)):
        grasps = planners[policy](view_of(scene, mask), n=400, rng=np.random.default_rng(0))
        across = [abs(planners[policy].jaws.line(grasp)[1][0]) for grasp in grasps]
        assert len(across) > 10
        assert most - 0.45 <= max(across) <= most


def test_centred_grasps_are_deep_and_the_first_are_in_the_middle(planners):
    jaws = planners["centred"].jaws
    grasps = planners["centred"](VIEW, n=40, rng=np.random.default_rng(0))
    off = [np.linalg.norm((jaws.line(grasp)[0] - PLACE)[:2]) for grasp in grasps]
    assert off[0] < 0.015
    assert np.mean(off[:10]) < np.mean(off[-10:])
    for grasp in grasps:
        assert jaws.line(grasp)[0][2] == pytest.approx(2 * BAR[2] - 0.04, abs=0.004)


@pytest.mark.parametrize("policy", [*JUDGED, "centred", "antipodal", "random"])
def test_the_same_seed_gives_the_same_grasps(planners, policy):
    once, again = (
        planners[policy](VIEW, n=4, rng=np.random.default_rng(3))[-1].T_base_wrist for _ in range(2)
    )
    np.testing.assert_array_equal(once, again)


def test_all_places_at_once_give_what_each_crop_is_given(planners):
    """The first answers of "fc" are judged again, one by one."""
    planner = planners["fc"]
    grasps = planner(VIEW, n=20, rng=np.random.default_rng(0))
    seen = planner._look(VIEW)
    lines = [np.array(x) for x in zip(*map(planner.jaws.line, grasps), strict=True)]
    from ddg_planning.parallel_jaw.image_grasp import to_image

    again = planner._judge(seen.coarse, to_image(*lines, np.zeros(20), seen.coarse.scaled))
    np.testing.assert_allclose(again, [g.p_success for g in grasps], atol=1e-5)


def narrow(view, grasps):
    """A judge that likes one spot of the bar, at one angle: a grasp that is hard to draw."""
    away = np.linalg.norm(grasps.pixels - [80.0, 62.0], axis=1)
    return np.exp(-((away / 2.0) ** 2) - 8.0 * np.sin(grasps.angles - 1.0) ** 2)


def test_cross_entropy_finds_better_grasps_than_its_seeds_and_loses_none(planners):
    planner = planners["cem"]
    judge, planner._judge = planner._judge, narrow_judge(planner)
    try:
        better = 0
        for seed in range(8):
            seeds = planner._antipodal(planner._look(VIEW), 40, np.random.default_rng(seed))
            first = planner._probability(planner._look(VIEW), seeds).max()
            best = planner(VIEW, n=1, rng=np.random.default_rng(seed))[0].p_success
            assert best >= first - 1e-12
            better += best > first + 1e-3
        assert better >= 6
    finally:
        planner._judge = judge


def narrow_judge(planner):
    class Judge:
        card, models, holding = planner._judge.card, (), ""

        def __call__(self, view, grasps):
            return narrow(view, grasps)

    return Judge()


@pytest.mark.parametrize("policy", JUDGED)
def test_the_weights_that_ship_grasp_a_bar_across(policy):
    planner = JawPlanner(HAND, DexnetSettings(policy=policy))
    first = planner(VIEW, n=1, rng=np.random.default_rng(0))[0]
    axis = planner.jaws.line(first)[1]
    assert abs(axis @ [-np.sin(0.5), np.cos(0.5), 0.0]) > 0.9
    assert first.p_success is not None
    assert first.p_success > 0.8


def test_a_mixture_finds_two_clusters():
    rng = np.random.default_rng(0)
    clusters = [rng.normal([-1.0, 0.0], 0.1, (80, 2)), rng.normal([1.0, 0.5], 0.2, (20, 2))]
    mixture = fit_mixture(np.concatenate(clusters), 2, floor=1e-4, rounds=50, rng=rng)
    order = np.argsort(mixture.means[:, 0])
    np.testing.assert_allclose(mixture.weights[order], [0.8, 0.2], atol=0.02)
    np.testing.assert_allclose(mixture.means[order], [[-1.0, 0.0], [1.0, 0.5]], atol=0.1)
    drawn = mixture.sample(4000, rng=rng)
    assert np.mean(drawn[:, 0] > 0.0) == pytest.approx(0.2, abs=0.03)
    assert drawn[drawn[:, 0] < 0.0].std(axis=0) == pytest.approx([0.1, 0.1], abs=0.02)
    one = fit_mixture(np.zeros((1, 5)), 3, floor=0.01, rng=rng)
    assert one.sample(500, rng=rng).std() == pytest.approx(0.1, abs=0.01)


def test_it_says_what_is_wrong_with_a_view(planners):
    image, _ = box_on_table(BAR)
    flat = DepthImage(np.full((480, 640), 0.7), CAMERA, image.T_base_camera)
    planner, rng = planners["cem"], np.random.default_rng(0)
    with pytest.raises(Failed, match="no edges") as failure:
        planner(replace(VIEW, image=flat), n=1, rng=rng)
    assert failure.value.outcome is Outcome.NO_CANDIDATE
    stages = []
    with pytest.raises(UnknownName, match="no kind of grasp is called 'power'"):
        planner(VIEW, n=1, rng=rng, kinds=("power",))
    assert planner(VIEW, n=1, rng=rng, kinds=planner.kinds, progress=stages.append)[0].kind == "cem"
    assert stages == ["look", "propose"]
    with pytest.raises(BadInput, match="not on a bare cloud"):
        planner(replace(VIEW, image=None, mask=None), n=1, rng=rng)


def test_weights_must_fit_policy_and_gripper(planners, tmp_path):
    with pytest.raises(BadInput, match="No such file"):
        JawPlanner(HAND, DexnetSettings(weights=str(tmp_path / "none.safetensors")))
    path = tmp_path / "w.safetensors"
    card = make_card("gqcnn-small", HAND.name, 0.05, 143.5, {}, {}, {}, "")
    write_weights(path, build(VARIANTS["gqcnn-small"]), card)
    with pytest.raises(BadInput, match=r"opens 0.050 m, this is 'parallel_gripper'"):
        JawPlanner(HAND, DexnetSettings(weights=str(path)))
    write_weights(path, build(VARIANTS["gqcnn-small"]), replace(card, stroke=0.1))
    planner = JawPlanner(HAND, DexnetSettings(policy="fc", weights=str(path)))
    with pytest.raises(BadInput, match="judges crops; the policy fc needs an fc-gqcnn"):
        planner(VIEW, n=1, rng=np.random.default_rng(0))
    with pytest.raises(BadInput, match="9 driven joints"):
        JawPlanner(load_hand("svh"), DexnetSettings(policy="random"))


def test_planned_grasps_are_tried_in_the_simulation_with_the_gripper(capfd):
    words = ["--generator", "dexnet-antipodal", "--objects", "train", "--scenes", "1"]
    assert main(["eval", "success", *words, "--candidates", "5", "--seed", "2", "--json"]) == 0
    answer = json.loads(capfd.readouterr().out)
    assert answer["n"] == 1
    assert answer["by_type"] == {"antipodal": {"n": 1, "held": answer["held"]}}
    assert answer["graspable"]["stroke"] == pytest.approx(0.1, abs=0.005)
    assert main(["eval", "success", *words, "--evaluator", "em-s"]) == 2
    assert "judges by itself" in capfd.readouterr().err


def test_what_the_jaws_cannot_span_is_counted_apart():
    def tried(outcome: str, across: float, any_holds: bool | None = None) -> Tried:
        return Tried(0, "can_000", outcome, "cem", 1, any_holds, None, 1.0, across=across)

    some = [tried("HELD", 0.05), tried("NOT_HELD", 0.06), tried("NOT_HELD", 0.3)]
    found = graspable(some, "parallel_gripper")
    assert (found["n"], found["held"], found["oracle"], found["oracle_rate"]) == (2, 1, None, None)
    some = [tried("HELD", 0.05, True), tried("NOT_HELD", 0.06, False), tried("HELD", 0.3, True)]
    found = graspable(some, "parallel_gripper")
    assert (found["n"], found["held"], found["oracle"], found["oracle_rate"]) == (2, 1, 1, 0.5)
    told = _text({**summary(some), **truth(some, 0.5), "graspable": found})
    assert "any candidate holds 1 of these 2 (50.0%)" in told
    assert "2 of 3 held: 66.7% (20.8% to 93.9%; objects drawn anew 66.7% to 66.7%)" in told
    assert "any candidate holds 66.7% (20.8% to 93.9%; objects drawn anew 66.7% to 66.7%)" in told


def test_a_recorded_image_is_planned_on_for_the_gripper(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("ddg_cli.picture.draw", lambda *_: Image.new("RGB", (20, 15)))
    image, mask = box_on_table(BAR, 0.5)
    np.save(tmp_path / "depth.npy", image.depth)
    np.save(tmp_path / "mask.npy", mask)
    intrinsics = {k: getattr(CAMERA, k) for k in ("width", "height", "fx", "fy", "cx", "cy")}
    pose = {"depth_scale": 1.0, "T_base_camera": image.T_base_camera.tolist()}
    (tmp_path / "camera.yaml").write_text(yaml.safe_dump(intrinsics | pose))
    words = [f"--{n}={tmp_path / f}" for n, f in (("depth", "depth.npy"), ("mask", "mask.npy"))]
    words += [f"--camera={tmp_path / 'camera.yaml'}", f"--out={tmp_path / 'plan.png'}", "--json"]
    assert main(["plan", *words, "--generator", "dexnet-antipodal"]) == 0
    answer = json.loads(capfd.readouterr().out)
    best = answer["grasps"][0]
    assert (answer["outcome"], best["hand"], best["type"]) == (
        "OK",
        "parallel_gripper",
        "antipodal",
    )
    assert len(best["joints"][0]) == 1
    assert main(["plan", *words, "--generator", "dexnat"]) == 2
    assert "no generator is called 'dexnat'" in capfd.readouterr().err
