"""`ddg data` as a user calls it, in this process."""

import json
from pathlib import Path

import pytest

from ddg_cli.countdown import Countdown
from ddg_cli.main import main


def test_generate_inspect_verify_show_split_and_merge(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def ddg(*words: object) -> tuple[int, dict[str, object]]:
        code = main(["data", *map(str, words), "--json"])
        return code, json.loads(capfd.readouterr().out)

    settings = tmp_path / "rollout.yaml"
    settings.write_text("objects: [can_000, box_001]\n")
    made = ["--scenes", 3, "--seed", 5, "--grasps", 2, "--out", tmp_path / "a"]
    code, made_answer = ddg("generate", *made, "--settings", settings)
    assert code == 0
    assert made_answer["scenes"] == 3
    for key in ("grasps", "success_rate", "hash", "grasps_per_core_s"):
        assert key in made_answer
    document = tmp_path / "results.md"
    document.write_text("<!-- ddg:data -->\n<!-- /ddg:data -->\n")
    code, seen = ddg("inspect", tmp_path / "a", "--results", document)
    assert (code, seen["hash"], seen["scenes"]) == (0, made_answer["hash"], 3)
    for groups in (seen["by_family"], seen["by_type"], seen["by_split"]):
        assert isinstance(groups, dict)
        assert sum(group["n"] for group in groups.values()) == seen["grasps"]
    assert f"held {seen['held']} of {seen['grasps']}" in document.read_text()
    assert "near_surface" in document.read_text()
    code, replayed = ddg("verify", tmp_path / "a", "--scenes", 1)
    assert (code, replayed["scenes"], replayed["different"]) == (0, 1, 0)
    code, halved = ddg("halve", tmp_path / "a", "--labels", 2)
    assert (code, halved["labels"]) == (0, 2)
    assert 0.0 <= halved["changed_share"] <= 1.0
    code, _ = ddg("split", tmp_path / "a", "--out", tmp_path / "parts")
    assert code == 0
    folders = sorted((tmp_path / "parts").iterdir())
    code, whole = ddg("merge", *folders, "--out", tmp_path / "whole")
    assert (code, whole["hash"]) == (0, made_answer["hash"])
    code, _ = ddg("show", tmp_path / "a", "--count", 4, "--picture", tmp_path / "page.png")
    assert code == 0
    assert (tmp_path / "page.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["generate", "--scenes", "0", "--out", "x"], "must be at least 1"),
        (["generate", "--scenes", "1", "--out", "x", "--proposer", "gm9"], "no proposer is called"),
        (["inspect", "nowhere"], "is no data set"),
        (["forget"], "invalid choice"),
    ],
)
def test_a_mistake_costs_one_line(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1


def test_an_unknown_key_in_the_settings_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rollout.yaml"
    path.write_text("viewss: 2\n")
    words = ["data", "generate", "--scenes", "1", "--out", str(tmp_path / "a")]
    assert main([*words, "--settings", str(path)]) == 2
    assert "did you mean 'views'" in capsys.readouterr().err


def test_progress_tells_rate_and_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    shown = Countdown("data")
    shown.show(1, 4)
    shown.show(4, 4)
    lines = capsys.readouterr().err.splitlines()
    assert "1 of 4" in lines[0]
    assert "s left" in lines[0]
    assert "4 of 4" in lines[-1]


def test_a_directory_with_a_mesh_that_is_none_is_refused_before_anything_is_tried(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "noise.ply").write_text("no mesh")
    words = ["eval", "success", "--scenes", "1", "--generator", "random"]
    assert main([*words, "--objects", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "noise.ply: not readable" in error
    assert len(error.strip().splitlines()) == 1
    assert main([*words, "--objects", str(tmp_path / "nowhere")]) == 2
    assert "neither a directory nor train, validation, test" in capsys.readouterr().err
    words = ["eval", "success", "--scenes", "1", "--without", "views"]
    assert main(words) == 2
    assert "--without goes with --generator gm2" in capsys.readouterr().err
    assert main([*words, "--generator", "gm2", "--without", "luck", "--objects", "train"]) == 2
    assert "no idea of GM2 is called 'luck'" in capsys.readouterr().err
