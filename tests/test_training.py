"""The large networks: true augmentation, balance, learning, resuming, scoring, judging."""

import ast
import struct
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import planning_world as world
import pyarrow.parquet as pq
import pytest
import torch
from torch import nn

from ddg_core.errors import BadInput, Failed
from ddg_core.grasp import Grasp
from ddg_core.transforms import exp
from ddg_core.view import FeatureCloud
from ddg_planning import training
from ddg_planning.evaluate import images
from ddg_planning.evaluate.evaluator import load_evaluator
from ddg_planning.evaluate.images import ImageEvaluator, fingerprint
from ddg_planning.evaluate.picture import Picture, described
from ddg_planning.training import learn as learning
from ddg_planning.training import networks, program, shards
from ddg_planning.training.batches import augmented, balanced, batches, joined
from ddg_planning.training.events import EventLog, _checksum
from ddg_planning.training.layout import (
    DISTANCE,
    MASK,
    NORMAL,
    RANGE,
    numbers,
    turn_grasps,
    turn_images,
)
from ddg_planning.training.measure import auc, ece
from ddg_planning.training.networks import Judge

HAND = world.svh()
VIEW = world.view_of(world.seen(world.tube()))
KINDS = ("wrap",)
V = numbers(9, 1)


def grasps(n: int, seed: int = 0) -> list[Grasp]:
    """The demonstrated grasp of the tube, moved about at random."""
    rng = np.random.default_rng(seed)
    shown = world.wrap(world.tube(), HAND)
    twists = rng.normal(size=(n, 6)) * [0.02, 0.02, 0.02, 0.2, 0.2, 0.2]
    return [
        Grasp(shown.T_base_wrist @ T, shown.joints, HAND.name, "wrap", float(i))
        for i, T in enumerate(exp(twists))
    ]


def about() -> dict[str, object]:
    return {
        "hand": HAND.name,
        "joints": list(HAND.joint_names),
        "kinds": list(KINDS),
        "numbers": V,
        "fingerprint": fingerprint(HAND),
        "data": "0",
    }


def folder_of(path: Path, first: int, name: str) -> Path:
    """One shard of three scenes, of which the higher grasps are said to hold."""
    scenes = []
    for seed in range(first, first + 3):
        some = grasps(12, seed)
        held = [bool(g.T_base_wrist[-1, 2, 3] > 0.08) for g in some]
        scenes.append(
            described(
                VIEW, some, KINDS, seed=seed, name=name, held=held, planned=[True] * 11 + [False]
            )
        )
    shards.write(path / "shard-0.parquet", scenes, about())
    return path


def tiny() -> networks.Parts:
    """A trunk that takes no time."""
    first = nn.Sequential(nn.Conv2d(7, 4, 9, stride=16), nn.SiLU())
    return first, nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), 4, 4


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(networks.VARIANTS, "em1", tiny)


@pytest.fixture
def sets(tmp_path: Path) -> tuple[Path, Path]:
    return folder_of(tmp_path / "a", 0, "tube"), folder_of(tmp_path / "b", 100, "pipe")


def train(sets: tuple[Path, Path], out: Path, *more: str) -> int:
    words = ["train", "--variant", "em1", "--shards", sets[0], "--validation", sets[1]]
    return program.main([*map(str, words), "--out", str(out), "--grasps", "6", *more])


def test_the_program_imports_nothing_else() -> None:
    allowed = {"torch", "torchvision", "pyarrow", "safetensors", *sys.stdlib_module_names}
    files = list(Path(training.__file__).parent.glob("*.py"))
    assert len(files) > 8
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                ours = name.startswith("ddg_planning.training")
                assert ours or name.split(".")[0] in allowed, f"{file.name} imports {name}"


def test_a_turned_camera_sees_what_a_camera_there_would_see() -> None:
    R = torch.as_tensor(exp([0, 0, 0, 0.05, -0.04, 0.08])[:3, :3]).float()
    picture, there = Picture(VIEW), Picture(VIEW)
    seen = turn_images(picture.image[None], R[None])[0]
    from ddg_core.transforms import apply, inverse
    from ddg_planning.evaluate.picture import _painted

    T = picture.T_base_eye.copy()
    T[:3, :3] = T[:3, :3] @ R.double().numpy()
    points = apply(inverse(T), VIEW.cloud.points)
    values = [np.ones(len(points)), np.zeros(len(points)), *(VIEW.cloud.normals @ T[:3, :3]).T]
    values += [np.zeros(len(points))] * 2
    wanted = _painted(points, np.stack(values))
    both = (seen[MASK] > 0) & (wanted[MASK] > 0)
    assert both.sum() > 0.95 * (wanted[MASK] > 0).sum() > 1000
    assert float((seen[NORMAL] - wanted[NORMAL])[:, both].abs().mean()) < 0.05
    some = grasps(3)
    turned = turn_grasps(picture.grasps(some, KINDS), R.expand(3, 3, 3))
    there.T_base_eye = T
    direct = there.grasps(some, KINDS)
    torch.testing.assert_close(
        turned[:, : DISTANCE - 3], direct[:, : DISTANCE - 3], atol=1e-4, rtol=0
    )
    torch.testing.assert_close(turned[:, DISTANCE:], direct[:, DISTANCE:])


def test_the_picture_shows_the_object_in_the_middle() -> None:
    picture = Picture(VIEW)
    mask = picture.image[MASK] > 0
    v, u = torch.nonzero(mask, as_tuple=True)
    assert 90 < float(u.float().mean()) < 134
    assert 90 < float(v.float().mean()) < 134
    assert float(picture.image[RANGE].abs().max()) < 1.5
    assert picture.grasps(grasps(2), KINDS).shape == (2, V)
    assert picture.grasps(grasps(2), ("other",))[:, -1].tolist() == [0.0, 0.0]
    empty = FeatureCloud(np.zeros((0, 3)), np.zeros((0, 3, 3)), np.zeros((0, 2)))
    with pytest.raises(Failed):
        Picture(world.view_of(empty))


def test_batches_are_balanced_and_labels_stay_with_their_grasps(sets: tuple[Path, Path]) -> None:
    rng = torch.Generator().manual_seed(0)
    held = torch.arange(40) < 5
    assert int(held[balanced(held, 8, rng)].sum()) == 4
    assert int(held[balanced(held, 20, rng)].sum()) == 5
    assert int(held[balanced(torch.ones(9).bool(), 4, rng)].sum()) >= 0
    (scene, *_) = shards.read(sets[0] / "shard-0.parquet")
    batch = joined([(scene, torch.arange(12))])
    other = augmented(batch, rng)
    assert torch.equal(other.held, scene.held.float())
    assert not torch.equal(other.images, batch.images)
    (one,) = batches([sets[0] / "shard-0.parquet"], 3, 6, rng)
    assert one.images.shape[0] == 3
    assert len(one.held) == len(one.scene) == 18


def test_it_learns_writes_and_judges(sets: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "em1.safetensors"
    assert train(sets, out, "--epochs", "6", "--rate", "0.005", "--about", "tiny") == 0
    assert not list(tmp_path.glob("*.state"))
    judge = load_evaluator("em1", HAND, str(out))
    asked = grasps(40)
    answers = judge(VIEW, asked)
    assert [g.p_success for g in answers] == sorted((g.p_success for g in answers), reverse=True)
    assert {g.log_likelihood for g in answers} == {g.log_likelihood for g in asked}
    assert judge(VIEW, []) == []
    with pytest.raises(BadInput, match="another"):
        judge(VIEW, [replace(asked[0], hand="another")])


def test_an_interrupted_run_goes_on(
    sets: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, broken = tmp_path / "w.safetensors", tmp_path / "i.safetensors"
    assert train(sets, whole, "--epochs", "3") == 0
    told = capsys.readouterr().out
    real = learning._pass

    def once(model, optimiser, paths, epoch, run, s) -> float:  # type: ignore[no-untyped-def]
        if epoch == 2:
            raise KeyboardInterrupt
        return real(model, optimiser, paths, epoch, run, s)

    learning._pass = once
    try:
        with pytest.raises(KeyboardInterrupt):
            train(sets, broken, "--epochs", "3")
    finally:
        learning._pass = real
    assert train(sets, broken, "--epochs", "3") == 0
    assert capsys.readouterr().out == told


def test_scores_alone_are_written_back(sets: tuple[Path, Path], tmp_path: Path) -> None:
    out, scores = tmp_path / "em1.safetensors", tmp_path / "scores.parquet"
    assert train(sets, out, "--epochs", "1") == 0
    words = ["score", "--weights", out, "--shards", sets[1], "--out", scores]
    assert program.main([str(word) for word in words]) == 0
    rows = pq.read_table(scores).to_pylist()
    assert len(rows) == 36
    assert {row["seed"] for row in rows} == {100, 101, 102}
    assert all(0.0 < row["p_success"] < 1.0 for row in rows)


def test_mistakes_are_told(
    sets: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "x.safetensors"
    assert train((sets[0], sets[0]), out) == 2
    assert "'tube' is in training and validation data" in capsys.readouterr().err
    assert train((tmp_path / "none", sets[1]), out) == 2
    other = tmp_path / "other"
    (scene, *_) = shards.read(sets[0] / "shard-0.parquet")
    shards.write(other / "s.parquet", [scene], {**about(), "hand": "claw"})
    assert train((other, sets[1]), out) == 2
    assert "different hands" in capsys.readouterr().err


def test_weights_that_cannot_be_used_are_refused(
    sets: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "em1.safetensors"
    with pytest.raises(BadInput, match="train em --variant em2"):
        load_evaluator("em2", HAND)
    assert train(sets, out, "--epochs", "1") == 0
    monkeypatch.setattr(images, "fingerprint", lambda hand: [9.0] * len(fingerprint(hand)))
    with pytest.raises(BadInput, match="learned from other images"):
        ImageEvaluator(out, HAND)
    out.write_bytes(out.read_bytes() + b"x")
    with pytest.raises(BadInput, match="damaged"):
        ImageEvaluator(out, HAND)


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["em1", "em2", "em3"])
def test_the_real_networks_take_a_picture(variant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if variant == "em1":
        monkeypatch.setitem(networks.VARIANTS, "em1", networks._vgg)
    picture = Picture(VIEW)
    model = Judge(variant, V).eval()
    assert model.late == (variant == "em3")
    with torch.inference_mode():
        code = model.encode(picture.image[None])
        two = model.judge(code, torch.zeros(2).long(), picture.grasps(grasps(2), KINDS))
    assert two.shape == (networks.HEADS, 2)
    assert (two[:, 0] != two[:, 1]).all()


def test_the_log_is_what_tensorboard_reads(tmp_path: Path) -> None:
    EventLog(tmp_path).scalar("loss", 0.5, 300)
    (file,) = tmp_path.glob("events.out.tfevents.*")
    data, found = file.read_bytes(), []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        assert data[8:12] == _checksum(data[:8])
        found.append(data[12 : 12 + length])
        assert data[12 + length : 16 + length] == _checksum(found[-1])
        data = data[16 + length :]
    assert b"brain.Event:2" in found[0]
    assert b"loss\x15" + struct.pack("<f", 0.5) in found[1]
    assert b"\x10\xac\x02" in found[1]  # step 300
    crc = struct.unpack("<I", _checksum(b"123456789"))[0] - 0xA282EAD8 & 0xFFFFFFFF
    assert (crc << 15 | crc >> 17) & 0xFFFFFFFF == 0xE3069283  # CRC-32C's own test


def test_a_log_over_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "em3.log").write_text("what the shell kept")
    with pytest.raises(ValueError, match="is a file, the log needs a folder"):
        EventLog(tmp_path / "em3.log")


def test_figures_are_right() -> None:
    held = torch.tensor([1.0, 0.0, 1.0, 0.0])
    assert auc(torch.tensor([0.9, 0.1, 0.8, 0.2]), held) == 1.0
    assert auc(torch.full((4,), 0.5), held) == 0.5
    p = torch.tensor([0.05, 0.95]).repeat_interleave(100)
    truth = torch.arange(200) % 100 < torch.tensor([5, 95]).repeat_interleave(100)
    assert ece(p, truth.float()) == pytest.approx(0.0, abs=1e-6)
    assert ece(1.0 - p, truth.float()) == pytest.approx(0.9, abs=1e-6)
