"""`ddg train em` as a user calls it, in this process."""

import json
from pathlib import Path

import pytest
from torch import nn

from ddg_cli.main import main
from ddg_core.description import load_hand
from ddg_planning.evaluate.checkpoint import read
from ddg_planning.evaluate.evaluator import WEIGHTS, Evaluator
from ddg_planning.evaluate.images import ImageEvaluator
from ddg_planning.training import networks
from ddg_sim.dataset.store import Dataset
from ddg_sim.rollout.evaluate import Tried, write


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two data sets of one real scene each, every other grasp said to have held."""
    folder = tmp_path_factory.mktemp("sets")
    for name, thing in (("a", "can_000"), ("b", "box_001")):
        settings = folder / f"{name}.yaml"
        settings.write_text(f"objects: [{thing}]\nsimulation: {{settle_time: 0.5}}\n")
        made = ["data", "generate", "--scenes", "1", "--seed", "3", "--grasps", "4"]
        made += ["--settings", str(settings), "--out", str(folder / f"{name}0")]
        assert main(made) == 0
        real = Dataset(folder / f"{name}0")
        told = Dataset.create(folder / name, "told", real.header.settings)
        for row in real.rows():
            for i, grasp in enumerate(row["grasps"]):
                grasp.update(kind="power", outcome="HELD" if i % 2 else "NOT_HELD")
            told.add(row)
        told.finish()
    return folder / "a", folder / "b"


def test_weights_are_made_that_can_be_used(
    sets: tuple[Path, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "em-s.safetensors"
    words = ["train", "em", "--data", sets[0], "--validation", sets[1], sets[1], "--out", out]
    code = main([*map(str, words), "--epochs", "1", "--seed", "4", "--about", "a try", "--json"])
    answer = json.loads(capfd.readouterr().out)
    assert code == 0
    assert answer["grasps"] == 4
    card = Evaluator(out, load_hand("svh")).card
    assert (card.about, card.training["seed"], card.training["epochs"]) == ("a try", 4, 1)
    assert card.data["training"] == [Dataset(sets[0]).content()]
    assert card.data["validation"] == 2 * [Dataset(sets[1]).content()]
    assert card.metrics["grasps"] == answer["metrics"]["grasps"] == 8
    assert card.metrics["scenes"] == 2
    assert len(list((sets[0] / "features").rglob("*.npz"))) == 1
    on = tmp_path / "on.safetensors"
    words[-1] = on
    assert main([*map(str, words), "--epochs", "1", "--begin", str(out), "--rate", "1e-4"]) == 0
    gone_on = Evaluator(on, load_hand("svh")).card
    assert gone_on.data["went_on_from"] == answer["sha256"]
    assert gone_on.training["rate"] == 1e-4


def test_predictions_are_made_true_of_what_was_chosen(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shipped, out = WEIGHTS / "em-s.safetensors", tmp_path / "em-s.safetensors"
    tried = [
        Tried(i, "can", "HELD" if i % 2 else "DROPPED", "top", 9, None, None, 1.0, 0.6 + 0.02 * i)
        for i in range(20)
    ]
    write(tried, tmp_path / "first.jsonl")
    words = ["train", "calibration", "--weights", shipped, "--out", out, "--tried"]
    assert main([*map(str, words), str(tmp_path / "first.jsonl"), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["grasps"] == 20
    (old, _, before), (new, card, _) = read(shipped), read(out)
    assert card.metrics["calibrated_on"] == {"weights": before, "grasps": 20, "held": 0.5}
    changed = [k for k, v in new.state_dict().items() if not v.equal(old.state_dict()[k])]
    assert sorted(changed) == ["scale", "shift"]
    write(tried[::2], tmp_path / "lost.jsonl")
    assert main([*map(str, words), str(tmp_path / "lost.jsonl")]) == 2
    assert "some that did not" in capfd.readouterr().err


def test_mistakes_cost_one_line(
    sets: tuple[Path, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    a, b = map(str, sets)
    rest = ["--out", str(tmp_path / "x.safetensors")]
    for words, message in (
        (["--data", a, "--validation", a], "'can_000' is in training and validation data"),
        (["--data", a, "--validation", b, "--variant", "em-7"], "no variant is called 'em-7'"),
        (["--data", "nowhere", "--validation", b], "is no data set"),
        (["--data", a, "--validation", b, "--epochs", "0"], "--epochs at least 1"),
        (["--data", a, "--validation", b, "--rate", "0"], "--rate must be positive"),
        (["--data", a, "--validation", b, "--begin", "nowhere"], "nowhere: No such file"),
        (["--data", a, "--validation", b, "--variant", "em1", "--rate", "1"], "go with --variant"),
    ):
        assert main(["train", "em", *words, *rest]) == 2
        assert message in capfd.readouterr().err
    assert not (tmp_path / "x.safetensors").exists()


def test_a_large_variant_learns_from_shards(
    sets: tuple[Path, Path],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def tiny() -> networks.Parts:
        first = nn.Sequential(nn.Conv2d(7, 4, 9, stride=16), nn.SiLU())
        return first, nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), 4, 4

    monkeypatch.setitem(networks.VARIANTS, "em1", tiny)
    out = tmp_path / "em1.safetensors"
    words = ["train", "em", "--variant", "em1", "--data", sets[0], "--validation", sets[1]]
    words += ["--out", out, "--epochs", "1", "--about", "a try", "--json"]
    assert main([str(word) for word in words]) == 0
    assert json.loads(capfd.readouterr().out)["metrics"]["grasps"] == 4
    assert ImageEvaluator(out, load_hand("svh")).about == "a try"
    assert len(list((sets[0] / "images").rglob("*.parquet"))) == 1
    same = ["train", "em", "--variant", "em1", "--data", str(sets[0]), "--validation", str(sets[0])]
    assert main([*same, "--out", str(tmp_path / "x.safetensors")]) == 2
    assert "'can_000' is in training and validation data" in capfd.readouterr().err
    assert main(["train", "shards", "--data", str(sets[0]), "--out", str(tmp_path / "s")]) == 0
    assert len(list((tmp_path / "s").rglob("*.parquet"))) == 1


def test_a_data_set_without_scenes_gives_no_shards(
    sets: tuple[Path, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "dataset.json").write_text((sets[0] / "dataset.json").read_text())
    for _ in range(2):  # nothing is taken for done that was not
        assert main(["train", "shards", "--data", str(empty), "--out", str(tmp_path / "s")]) == 2
        assert "none of its scenes shows an object" in capfd.readouterr().err
