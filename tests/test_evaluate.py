"""The evaluative model: laws of its features, learning, calibration, and how it fails."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import planning_world as world
import pytest
import torch
from safetensors.torch import save

from ddg_core.arrays import Array
from ddg_core.errors import BadInput, Failed, UnknownName
from ddg_core.grasp import Grasp
from ddg_core.hand import Hand
from ddg_core.outcome import Outcome
from ddg_core.settings import to_tree
from ddg_core.transforms import compose, exp
from ddg_core.view import FeatureCloud, ObjectView
from ddg_planning.evaluate import checkpoint, evaluator, volume
from ddg_planning.evaluate.calibration import (
    average_precision,
    calibrate,
    calibrate_chosen,
    calibration_error,
    first_of_each,
    roc_auc,
    threshold,
)
from ddg_planning.evaluate.evaluator import Evaluator, load_evaluator
from ddg_planning.evaluate.examples import Describer, Examples, join, join_sets, load
from ddg_planning.evaluate.examples import save as keep
from ddg_planning.evaluate.features import Features
from ddg_planning.evaluate.network import EmS, NetworkSettings
from ddg_planning.evaluate.train import TrainSettings, train
from ddg_planning.evaluate.volume import Volume, VolumeSettings
from ddg_planning.evaluate.weights import write_weights

HAND = world.svh()
SMALL = NetworkSettings(heads=2, name=4, width=8, hidden=16)
VIEW = world.view_of(world.seen(world.tube()))


def grasps(n: int, seed: int = 0) -> list[Grasp]:
    """The demonstrated grasp of the tube, moved about at random."""
    rng = np.random.default_rng(seed)
    shown = world.wrap(world.tube(), HAND)
    twists = rng.normal(size=(n, 6)) * [0.02, 0.02, 0.02, 0.2, 0.2, 0.2]
    return [
        Grasp(shown.T_base_wrist @ T, shown.joints, HAND.name, "wrap", float(i))
        for i, T in enumerate(exp(twists))
    ]


def examples(scenes: int, seed: int = 0) -> Examples:
    """Grasps of which the higher ones are said to hold."""
    describe = Describer(HAND, VolumeSettings())
    parts = []
    for scene in range(scenes):
        some = grasps(60, seed + scene)
        held = [bool(g.T_base_wrist[-1, 2, 3] > 0.08) for g in some]
        parts.append(describe(VIEW, some, held, seed + scene))
    return join(parts)


@pytest.fixture(scope="module")
def learned() -> tuple[EmS, dict[str, object], Examples]:
    data = examples(4)
    settings = TrainSettings(scenes=1, epochs=30, patience=30, rate=5e-3)
    model, metrics = train(data, examples(2, 100), SMALL, settings)
    return model, metrics, data


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory, learned) -> Path:  # type: ignore[no-untyped-def]
    path = tmp_path_factory.mktemp("weights") / "em-s.safetensors"
    model, metrics, _ = learned
    card = checkpoint.make_card("em-s", HAND, model, VolumeSettings(), TrainSettings(), {}, metrics)
    write_weights(path, model, card)
    return path


@pytest.fixture(scope="module")
def judge(weights: Path) -> Evaluator:
    return Evaluator(weights, HAND)


def by_number(ranked: list[Grasp]) -> Array:
    return np.array([g.p_success for g in sorted(ranked, key=lambda g: g.log_likelihood)])


def test_it_learns_what_holds(learned) -> None:  # type: ignore[no-untyped-def]
    _, metrics, _ = learned
    assert metrics["auc"] > 0.8
    assert metrics["log_loss"] < 0.6


def test_the_same_seed_learns_the_same_weights(learned) -> None:  # type: ignore[no-untyped-def]
    data, settings = examples(1), TrainSettings(scenes=1, epochs=1)
    a, b = (train(data, data, SMALL, settings)[0].state_dict() for _ in range(2))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_learning_goes_on_from_what_was_learned_and_knows_at_once_what_it_knew(learned) -> None:  # type: ignore[no-untyped-def]
    before, metrics, data = learned
    settings = TrainSettings(scenes=1, epochs=1, rate=1e-5)
    on, then = train(data, examples(2, 100), SMALL, settings, begin=before)
    assert torch.equal(on.link_mean, before.link_mean)
    assert then["auc"] > metrics["auc"] - 0.02
    assert train(data, examples(2, 100), SMALL, settings)[1]["auc"] < metrics["auc"] - 0.05


def test_data_that_all_ended_alike_is_refused() -> None:
    data = examples(1)
    same = replace(data, held=np.ones(len(data), dtype=bool))
    with pytest.raises(BadInput, match="training data holds only"):
        train(same, data, SMALL, TrainSettings())


def test_answers_are_complete_and_sorted(judge: Evaluator) -> None:
    asked = grasps(20)
    ranked = judge(VIEW, asked)
    p = [g.p_success for g in ranked]
    assert p == sorted(p, reverse=True)
    assert {g.log_likelihood for g in ranked} == {g.log_likelihood for g in asked}
    assert all(0.0 < g.p_success < 1.0 and g.p_std is not None for g in ranked)
    assert all(("evaluate", judge.id[:16]) in g.models for g in ranked)


def test_the_order_of_candidates_does_not_matter(judge: Evaluator) -> None:
    asked = grasps(20)
    there, back = judge(VIEW, asked), judge(VIEW, asked[::-1])
    np.testing.assert_allclose(by_number(there), by_number(back), atol=1e-6)


def test_turning_the_scene_about_the_vertical_changes_nothing(judge: Evaluator) -> None:
    T = compose(exp([0, 0, 0, 0, 0, 1.1])[:3, :3], [0.1, -0.2, 0.0])
    asked = grasps(20)
    elsewhere = ObjectView(
        world.turned(VIEW.cloud, T), T[:3, :3] @ VIEW.viewpoint + T[:3, 3], VIEW.table
    )
    moved = [replace(g, T_base_wrist=T @ g.T_base_wrist) for g in asked]
    here, there = by_number(judge(VIEW, asked)), by_number(judge(elsewhere, moved))
    np.testing.assert_allclose(here, there, atol=0.02)
    assert np.std(here) > 0.05


def test_portions_do_not_change_answers(judge: Evaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = grasps(20)
    whole = by_number(judge(VIEW, asked))
    monkeypatch.setattr(evaluator, "PORTION", 7)
    np.testing.assert_allclose(by_number(judge(VIEW, asked)), whole, atol=1e-5)


def test_memory_does_not_grow_with_the_candidates(
    judge: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    portions = []

    def seen(volume, moved, hand) -> Features:  # type: ignore[no-untyped-def]
        n, card = len(moved.joints), judge.card
        portions.append(n)
        return Features(torch.zeros(n, len(card.links), card.per_link), torch.zeros(n, card.whole))

    monkeypatch.setattr(evaluator, "features", seen)
    p, _ = judge.judge(Volume(VIEW, VolumeSettings()), grasps(1) * 100_000)
    assert len(p) == sum(portions) == 100_000
    assert max(portions) == evaluator.PORTION


def test_no_candidates_no_answers(judge: Evaluator) -> None:
    assert judge(VIEW, []) == []


def test_a_view_without_an_object_is_a_typed_failure(judge: Evaluator) -> None:
    empty = FeatureCloud(np.zeros((0, 3)), np.zeros((0, 3, 3)), np.zeros((0, 2)))
    with pytest.raises(Failed) as caught:
        judge(world.view_of(empty), grasps(1))
    assert caught.value.outcome is Outcome.NO_CLOUD


def test_grasps_of_another_hand_are_refused(judge: Evaluator) -> None:
    with pytest.raises(BadInput, match="parallel"):
        judge(VIEW, [replace(grasps(1)[0], hand="parallel")])


def test_numbers_that_are_none_are_refused_where_they_come_in() -> None:
    joints = grasps(1)[0].joints.copy()
    joints[0, 0] = np.nan
    with pytest.raises(BadInput, match="NaN"):
        replace(grasps(1)[0], joints=joints)


def test_damaged_weights_are_refused(weights: Path, tmp_path: Path) -> None:
    data = bytearray(weights.read_bytes())
    data[-5] ^= 1
    bad = tmp_path / weights.name
    bad.write_bytes(data)
    beside = f"{weights.name}.sha256"
    (tmp_path / beside).write_bytes(weights.with_name(beside).read_bytes())
    with pytest.raises(BadInput, match="damaged"):
        Evaluator(bad, HAND)


def test_weights_without_their_hash_are_refused(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(weights.read_bytes())
    with pytest.raises(BadInput, match="sha256"):
        Evaluator(tmp_path / "w.safetensors", HAND)


def rewritten(weights: Path, tmp_path: Path, **changes: object) -> Path:
    """The weights with another card and a hash that fits."""
    model, card, _ = checkpoint.read(weights)
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    tree = {**to_tree(card), **changes}
    data = save(tensors, {"card": json.dumps(tree)})
    path = tmp_path / "other.safetensors"
    path.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    path.with_name(f"{path.name}.sha256").write_text(f"{digest}  {path.name}\n")
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 99}, "of version 99"),
        ({"hand": "gripper"}, "trained for hand 'gripper'"),
        ({"joints": ["a"]}, "trained for hand"),
        ({"whole": 3}, "do not fit"),
        ({"surprise": 3}, "unknown key"),
    ],
)
def test_weights_of_another_kind_are_refused(
    weights: Path, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        Evaluator(rewritten(weights, tmp_path, **changes), HAND)


def test_weights_that_learned_from_other_features_are_refused(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = Evaluator(weights, HAND).card
    assert len(card.fingerprint) == card.per_link + card.whole
    assert np.std(card.fingerprint) > 0.2
    told = volume.Solid.normal
    monkeypatch.setattr(volume.Solid, "normal", lambda self, points: -told(self, points))
    with pytest.raises(BadInput, match=r"other features .* train anew with ./ddg train em"):
        Evaluator(weights, HAND)


def test_a_file_that_holds_no_tensors_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"not weights")
    digest = hashlib.sha256(b"not weights").hexdigest()
    path.with_name(f"{path.name}.sha256").write_text(digest)
    with pytest.raises(BadInput, match="holds no evaluative model"):
        Evaluator(path, HAND)


def test_evaluators_are_known_by_name() -> None:
    assert [g.p_success for g in load_evaluator("none", HAND)(VIEW, grasps(2))] == [None, None]
    with pytest.raises(UnknownName, match="em-9"):
        load_evaluator("em-9", HAND)


def test_examples_are_kept_and_found_again(tmp_path: Path) -> None:
    data = examples(1)
    keep(tmp_path / "a.npz", data)
    again = load(tmp_path / "a.npz")
    np.testing.assert_array_equal(again.links, data.links)
    np.testing.assert_array_equal(again.kind, data.kind)
    scenes = join_sets([data, again]).scene  # the same seed in two sets: two scenes
    assert len(set(scenes[: len(data)]) | set(scenes[len(data) :])) == 2
    with pytest.raises(BadInput, match="no examples"):
        join([])


def test_order_and_truth_are_measured_right() -> None:
    held = np.array([True, False, True, False])
    assert roc_auc(np.array([0.9, 0.1, 0.8, 0.2]), held) == 1.0
    assert roc_auc(np.array([0.5, 0.5, 0.5, 0.5]), held) == 0.5
    assert roc_auc(np.array([0.9, 0.1]), np.array([True, True])) == 0.5
    assert average_precision(np.array([0.9, 0.8, 0.7, 0.1]), held) == pytest.approx(5 / 6)
    p = np.repeat([0.05, 0.95], 100)
    truth = np.arange(200) % 100 < np.repeat([5, 95], 100)
    assert calibration_error(p, truth) == pytest.approx(0.0, abs=1e-9)
    assert calibration_error(1.0 - p, truth) == pytest.approx(0.9)
    best = first_of_each(np.array([0.1, 0.9, 0.5, 0.4]), np.array([7, 7, 3, 3]))
    assert best.tolist() == [2, 1]


def test_a_threshold_keeps_its_precision_on_other_grasps_and_objects() -> None:
    def found(p, held, objects, precision=0.9):  # type: ignore[no-untyped-def]
        return threshold(p, held, objects, precision, rng=np.random.default_rng(0))

    p, held, alike = np.linspace(0.99, 0.5, 500), np.arange(500) < 400, [f"{i}" for i in range(500)]
    assert p[444] < found(p, held, alike) < p[420]  # 400 of 444 held too, but perhaps by luck
    assert (
        found(np.array([0.9, 0.8]), np.array([True, True]), ["a", "b"]) is None
    )  # too few to know
    assert found(np.array([0.9]), np.array([False]), ["a"]) is None
    good = np.repeat([True, True, True, True, True, False], [80, 80, 80, 80, 80, 20])
    sure = np.full(420, 0.9)
    assert found(sure, good, [str(i) for i in range(420)]) == 0.9
    assert found(sure, good, np.repeat(list("abcdef"), [80] * 5 + [20])) is None  # one of six fails


def test_calibration_makes_boasting_true() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=2000)
    held = rng.random(2000) < 1.0 / (1.0 + np.exp(-truth))
    model = EmS(2, 3, 4, SMALL)
    logits = torch.as_tensor(np.stack([4.0 * truth, 4.0 * truth]) + 3.0, dtype=torch.float32)
    before = calibration_error(model.judged(logits)[0].numpy().astype(float), held)
    calibrate(model, logits, torch.as_tensor(held))
    after = calibration_error(model.judged(logits)[0].numpy().astype(float), held)
    assert before > 0.15
    assert after < 0.04
    assert float(model.scale) == pytest.approx(0.25, abs=0.05)


def test_what_chosen_grasps_teach_is_true_of_the_next_ones() -> None:
    rng = np.random.default_rng(0)
    model = EmS(2, 3, 4, SMALL)
    model.scale.fill_(0.5)  # an earlier calibration, which all grasps taught
    logits = torch.as_tensor(np.stack([rng.normal(2.0, 2.0, 4000)] * 2), dtype=torch.float32)
    p = model.judged(logits)[0].numpy().astype(float)
    held = rng.random(4000) < 1.0 / (1.0 + np.exp(1.0 - 0.5 * 1.5 * logits[0].numpy()))
    calibrate_chosen(model, p[:2000], held[:2000])
    after = model.judged(logits)[0].numpy().astype(float)
    assert calibration_error(p[2000:], held[2000:]) > 0.06
    assert calibration_error(after[2000:], held[2000:]) < 0.04
    assert float(model.scale) == pytest.approx(0.75, abs=0.08)
    assert float(model.shift) == pytest.approx(-1.0, abs=0.15)


def test_a_hand_of_other_links_is_another_hand(weights: Path) -> None:
    fewer = Hand.__new__(Hand)
    fewer.__dict__.update(HAND.__dict__)
    fewer.settings = replace(HAND.settings, name="other")
    with pytest.raises(BadInput, match="this is 'other'"):
        Evaluator(weights, fewer)
