"""What played grasps teach about the verdicts of a network of two jaws."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from jaw_scenes import OBLIQUE, PLACE, UP, box_on_table, view_of

from ddg_cli.analysts import settings_file
from ddg_cli.main import main
from ddg_core.description import load_hand
from ddg_core.errors import BadInput
from ddg_planning.evaluate.calibration import roc_auc
from ddg_planning.evaluate.weights import write_weights
from ddg_planning.parallel_jaw import holding
from ddg_planning.parallel_jaw.checkpoint import VARIANTS, build, make_card
from ddg_planning.parallel_jaw.holding import HoldingSettings, Played
from ddg_planning.parallel_jaw.policy import DexnetSettings, JawPlanner
from ddg_planning.parallel_jaw.prepare import PrepareSettings, prepare
from ddg_planning.parallel_jaw.whole import FEATURES, Whole

HAND = load_hand("parallel_gripper")
HALF = np.array([0.06, 0.015, 0.03])
QUICK = HoldingSettings(members=2, width=8, epochs=20, batch=64, rate=0.02)
OFF = FEATURES.index("off_side")


def whole(yaw=0.0, *camera):
    image, mask = box_on_table(HALF, yaw, *camera)
    return Whole.of(prepare(image, mask, PrepareSettings(focal=287.0)), UP, 0.0)


def direction(yaw):
    return np.array([np.cos(yaw), np.sin(yaw), 0.0])


def test_features_of_a_bar_are_its_measures():
    across, along, there = direction(np.pi / 2), direction(0.0), PLACE + 0.04 * UP
    found = whole().features(np.array([there, there + 0.03 * along]), np.tile(across, (2, 1)))
    wanted = {
        "off_line": 0.0,
        "height": 0.04,
        "below_surface": 0.02,
        "below_top": 0.02,
        "spread_least": 0.03 / 12**0.5,
        "spread_most": 0.12 / 12**0.5,
        "area": 0.12 * 0.03,
        "span_line": 0.03,
        "span_side": 0.12,
    }
    for name, value in wanted.items():
        column = found[:, FEATURES.index(name)]
        slack = 4e-4 if name == "area" else 4e-3
        np.testing.assert_allclose(column, value, atol=slack, err_msg=name)
    np.testing.assert_allclose(found[:, OFF], [0.0, 0.03], atol=3e-3)


@pytest.mark.parametrize("camera", [(), (OBLIQUE,)], ids=["above", "aside"])
def test_features_turn_with_the_object(camera):
    """Aside, walls are seen too: the bar's middle is not quite where it is seen from above."""
    near = 4e-3 if not camera else 1e-2
    grasp = np.array([0.02, 0.005, 0.04])
    found = []
    for yaw in (0.0, 0.7, 2.0):
        R = np.stack([direction(yaw), direction(yaw + np.pi / 2), UP], axis=1)
        centre, axis = R @ grasp + PLACE, R @ direction(1.2)
        found.append(whole(yaw, *camera).features(centre[None], axis[None])[0])
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], atol=near)


def played(n, seed):
    """Grasps that hold where the verdict is good and they are near the middle."""
    rng = np.random.default_rng(seed)
    verdict, features = rng.random(n), 0.1 * rng.random((n, len(FEATURES)))
    good = rng.random(n) < verdict * (features[:, OFF] < 0.05)
    names = np.full(n, "one")
    return Played(verdict, features, good, names, names)


def test_it_learns_what_the_verdict_alone_cannot_tell():
    model, there = holding.train(played(3000, 0), QUICK), played(1000, 1)
    p = model.probability(there.verdict, there.features)
    assert roc_auc(p, there.good) > roc_auc(there.verdict, there.good) + 0.1
    far = there.features[:, OFF] > 0.06
    assert p[far].max() < 0.3
    assert abs(p.mean() - there.good.mean()) < 0.05


def test_the_same_seed_gives_the_same_weights():
    some, there = played(200, 0), played(50, 1)
    once = [holding.train(some, QUICK).probability(there.verdict, there.features) for _ in "ab"]
    np.testing.assert_array_equal(*once)


def test_data_that_ended_alike_teaches_nothing():
    some = played(100, 0)
    for part in (some.at(some.good), some.at(~some.good), some.at(np.zeros(100, dtype=bool))):
        with pytest.raises(BadInput, match="ended alike"):
            holding.train(part, QUICK)


@pytest.fixture
def weights(tmp_path):
    """A network that nobody taught, and beside it one that learned to go for the middle."""
    torch.manual_seed(5)
    network = build(VARIANTS["gqcnn-small"])
    network.learn_statistics(0.6 + 0.1 * torch.rand(9, 32, 32), 0.6 + 0.1 * torch.rand(9))
    path = tmp_path / "net.safetensors"
    card = make_card("gqcnn-small", HAND.name, 0.1, 143.5, {}, {}, {}, "")
    judge = write_weights(path, network, card)
    holding.write(holding.beside(path), holding.train(middle(), QUICK), judge, QUICK)
    return path


def middle():
    some = played(3000, 2)
    return replace(some, good=some.features[:, OFF] < 0.02)


def test_planned_grasps_go_by_it_unless_told_not_to(weights):
    view, off = view_of(*box_on_table(HALF, 0.5)), {}
    for is_on in (True, False):
        settings = DexnetSettings(policy="best", weights=str(weights), played=is_on, count=100)
        planner = JawPlanner(HAND, settings)
        first = planner(view, n=5, rng=np.random.default_rng(0))
        lines = [np.array(x) for x in zip(*map(planner.jaws.line, first), strict=True)]
        off[is_on] = whole(0.5).features(*lines)[:, OFF]
        assert [stage for stage, _ in first[0].models] == ["generate", "hold"][: 1 + is_on]
    assert off[True].max() < 0.025 < off[False].max()


def test_it_goes_with_one_network_only(weights):
    _, digest = holding.read(holding.beside(weights), sha(weights))
    assert len(digest) == 64
    with pytest.raises(BadInput, match="goes with the network"):
        holding.read(holding.beside(weights), "0" * 64)
    holding.beside(weights).write_bytes(b"nothing")
    with pytest.raises(BadInput, match="damaged"):
        JawPlanner(HAND, DexnetSettings(weights=str(weights)))


def sha(path):
    return path.with_name(f"{path.name}.sha256").read_text().split()[0]


def test_the_command_learns_from_played_grasps(weights, tmp_path, capfd):
    made = ["data", "generate", "--proposer", "dexnet-antipodal", "--scenes", "4", "--grasps", "6"]
    where = ["--settings", str(settings_file()), "--out", str(tmp_path / "set")]
    assert main([*made, "--split", "train", "--seed", "3", *where]) == 0
    capfd.readouterr()
    words = ["train", "holding", "--judge", str(weights), "--data", str(tmp_path / "set")]
    assert main([*words, "--share", "0.4", "--json"]) == 0
    answer = json.loads(capfd.readouterr().out)
    assert answer["weights"] == str(holding.beside(weights))
    assert answer["metrics"]["grasps"] + answer["grasps"] > 40
    assert answer["metrics"]["positives"] == answer["metrics"]["verdict_alone"]["positives"]
    _, digest = holding.read(holding.beside(weights), sha(weights))
    assert digest == answer["sha256"]
    assert main([*words, "--share", "2"]) == 2
    assert "--share must be in" in capfd.readouterr().err
