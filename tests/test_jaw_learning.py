"""Learning of the networks of two jaws: what is held out, what is turned, what is measured."""

import json
from argparse import Namespace
from dataclasses import replace

import numpy as np
import pytest

from ddg_cli.jaw_learning import _check_split
from ddg_cli.main import main
from ddg_core.errors import BadInput
from ddg_planning.parallel_jaw.checkpoint import VARIANTS, make_card, read
from ddg_planning.parallel_jaw.examples import JawExamples, held_out, join, pose_name
from ddg_planning.parallel_jaw.fc_gqcnn import FcSettings
from ddg_planning.parallel_jaw.train import JawTrainSettings, flipped, measure, predict, train

QUICK = JawTrainSettings(epochs=4, batch=32, rate=0.02)
SMALL = FcSettings(first=4, channels=4, width=16)


def bars(n, *, seed, angles=1):
    """A bar at a random angle; a grasp across it holds, one along it does not."""
    rng = np.random.default_rng(seed)
    turn = rng.uniform(-np.pi / 2, np.pi / 2, n)
    good = rng.random(n) < 0.5
    jaws = turn + np.where(good, np.pi / 2, 0.0)
    seen = turn if angles > 1 else turn - jaws  # aligned crops turn with the jaws
    steps = np.arange(32) - 15.5
    down, right = np.meshgrid(steps, steps, indexing="ij")
    away = -np.sin(seen)[:, None, None] * right + np.cos(seen)[:, None, None] * down
    crops = np.where(np.abs(away) < 3.0, 0.65, 0.7).astype(np.float32)
    told = (jaws + np.pi / 2) % np.pi - np.pi / 2 if angles > 1 else np.zeros(n)
    names = np.array([f"thing {i % 7}" for i in range(n)])
    depths = np.full(n, 0.66) + 0.001 * rng.standard_normal(n)
    return JawExamples(
        crops, depths.astype(np.float32), told.astype(np.float32), good, names, names, names
    )


@pytest.mark.parametrize("angles", [1, 4])
def test_it_learns_to_grasp_across_a_bar(angles):
    sizes = replace(SMALL, angles=angles)
    _, metrics = train(
        bars(480, seed=0, angles=angles), bars(150, seed=1, angles=angles), sizes, QUICK
    )
    assert metrics["accuracy"] > 0.9
    assert metrics["average_precision"] > 0.95
    assert 0.4 < metrics["majority"] < 0.6


def test_the_same_seed_gives_the_same_weights():
    once = replace(QUICK, epochs=1)
    networks = [train(bars(64, seed=0), bars(32, seed=1), SMALL, once)[0] for _ in range(2)]
    there = bars(50, seed=2)
    np.testing.assert_array_equal(*(predict(network, there) for network in networks))


def test_data_that_ended_alike_teaches_nothing():
    some = bars(64, seed=0)
    for part in (some.at(some.good), some.at(np.zeros(64, dtype=bool))):
        with pytest.raises(BadInput, match="the training data holds only"):
            train(part, some, SMALL, QUICK)
        with pytest.raises(BadInput, match="the validation data holds only"):
            train(some, part, SMALL, QUICK)


def test_a_mirror_turns_the_angle_with_the_image():
    some = bars(400, seed=3, angles=16)
    rng = np.random.default_rng(0)
    crops, angles = flipped(some.crops.astype(float), some.angles.astype(float), rng=rng)
    same = angles == some.angles
    assert 0.4 < same.mean() < 0.6
    half = (crops == some.crops[:, ::-1, ::-1]).all(axis=(1, 2))
    still = (crops == some.crops).all(axis=(1, 2))
    assert (half | still)[same].all()
    # The bar stays where the jaws are: across a good grasp, along a bad one.
    steps = np.arange(32) - 15.5
    for crop, angle, good in zip(crops[:50], angles[:50], some.good[:50], strict=True):
        v, u = np.nonzero(crop < 0.68)
        along = np.abs(steps[u] * np.cos(angle) + steps[v] * np.sin(angle)).mean()
        assert (along < 5.0) == good


def test_measures_are_those_of_their_names():
    p = np.array([0.9, 0.8, 0.7, 0.4, 0.3])
    good = np.array([True, False, True, True, False])
    found = measure(p, good)
    assert found["accuracy"] == pytest.approx(3 / 5)
    assert found["average_precision"] == pytest.approx((1.0 + 2 / 3 + 3 / 4) / 3)
    assert found["precision_at_recall"]["50%"] == pytest.approx(2 / 3)
    assert found["precision_at_recall"]["90%"] == pytest.approx(3 / 4)
    assert found["positives"] == found["majority"] == pytest.approx(3 / 5)


def test_what_is_held_out_is_held_out_whole():
    some = bars(700, seed=0)
    out = held_out(some, "object", 0.4)
    assert 0.0 < out.mean() < 1.0
    assert not set(some.object[out]) & set(some.object[~out])
    more = join([some, bars(100, seed=1)])
    np.testing.assert_array_equal(held_out(more, "object", 0.4)[:700], out)
    with pytest.raises(BadInput, match="no examples"):
        join([])


def test_poses_are_told_apart_by_what_is_up_not_by_yaw():
    c, s = np.cos(0.7), np.sin(0.7)
    yawed = np.array([[c, -s, 0.0, 0.5], [s, c, 0.0, 0.1], [0.0, 0.0, 1.0, 0.0], [0, 0, 0, 1.0]])
    lying = yawed[[0, 2, 1, 3]]
    assert pose_name("cup", yawed) == pose_name("cup", np.eye(4)) != pose_name("cup", lying)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("jaw")
    made = ["data", "generate", "--proposer", "gqcnn", "--scenes", "3", "--grasps", "10"]
    assert main([*made, "--split", "train", "--seed", "3", "--out", str(folder / "set")]) == 0
    return folder / "set"


def test_the_commands_train_and_measure(data, tmp_path, capfd):
    out = tmp_path / "w.safetensors"
    words = ["--data", str(data), "--split", "image", "--share", "0.4", "--json"]
    rest = ["--variant", "fc-gqcnn", "--epochs", "1", "--out", str(out), "--about", "a try"]
    assert main(["train", "gqcnn", *words, *rest]) == 0
    answer = json.loads(capfd.readouterr().out)
    _, card, digest = read(out)
    assert (card.variant, card.network, card.about) == ("fc-gqcnn", VARIANTS["fc-gqcnn"], "a try")
    assert (answer["sha256"], card.hand, card.stroke) == (digest, "parallel_gripper", 0.1)
    results = tmp_path / "results.md"
    results.write_text("<!-- ddg:gqcnn -->\n<!-- /ddg:gqcnn -->\n")
    measure = ["eval", "gqcnn", "--weights", str(out)]
    assert main([*measure, *words, "--results", str(results)]) == 0
    again = json.loads(capfd.readouterr().out)
    assert again["metrics"] == answer["metrics"]
    assert again["metrics"]["grasps"] + answer["grasps"] > 60
    assert "of images that were held out" in results.read_text()
    for other in (["--split", "object", "--share", "0.4"], ["--split", "image"], []):
        assert main([*measure, "--data", str(data), *other]) == 2
        told = capfd.readouterr().err
        assert "--split image --share 0.4, so --split" in told
        assert "would measure it on examples that it learned from" in told


def asked(split, share=0.2):
    return Namespace(weights="w", split=split, share=share)


def test_weights_are_not_measured_on_what_they_learned_from():
    untaught, seen = make_card("gqcnn-small", "h", 0.1, 143.5, {}, {}, {}, ""), bars(9, seed=0)
    data = {"split": "object", "share": 0.2, "sets": ["a"]}
    old, card = replace(untaught, data=data), replace(untaught, data={**data, "names": ["thing 1"]})
    unseen = seen.at(seen.object != "thing 1")
    _check_split(asked("image"), untaught, ["a"], seen)  # nobody says what it learned from
    _check_split(asked("object"), card, ["a"], seen)
    _check_split(asked(None), card, ["b"], unseen)
    for split, share, sets, there in (
        ("image", 0.2, ["b"], seen),  # the set has grown: its hash is another
        ("object", 0.3, ["b"], seen),
        (None, 0.2, ["b"], seen),
        ("image", 0.2, ["a"], unseen),
    ):
        with pytest.raises(BadInput, match=f"--split object --share 0.2, so --split {split}"):
            _check_split(asked(split, share), card, sets, there)
    of_training, of_test = (
        replace(seen, object=np.full(9, name)) for name in ("can_002", "can_000")
    )
    _check_split(asked(None), old, ["b"], of_test)
    with pytest.raises(BadInput, match="so --split None"):
        _check_split(asked(None), old, ["b"], of_training)


def test_mistakes_cost_one_line(data, tmp_path, capfd):
    rest = ["--data", str(data), "--out", str(tmp_path / "x.safetensors")]
    for words, message in (
        (["--variant", "gq"], "no variant is called 'gq'"),
        (["--share", "1.5"], "--share must be in"),
    ):
        assert main(["train", "gqcnn", *rest, *words]) == 2
        assert message in capfd.readouterr().err
    assert main(["eval", "gqcnn", "--weights", "nowhere.safetensors", "--data", str(data)]) == 2
    assert "No such file" in capfd.readouterr().err
