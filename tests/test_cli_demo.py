"""The demo's command line, as far as nothing needs to be started."""

import json
from pathlib import Path

import pytest
import trimesh

from ddg_cli import objects
from ddg_cli.demo import _text
from ddg_cli.main import main
from ddg_cli.stopwatch import fastest_s, median_s, table
from ddg_core.errors import BadInput

EASY = ["box", "can", "bottle", "mug", "ball", "cup", "salt_shaker", "jug", "teapot", "stapler"]


def test_the_list_names_one_object_per_line_the_easy_ones_first(capsys):
    assert main(["demo", "--list"]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert [name.rsplit("_", 1)[0] for name in names[:10]] == EASY
    assert len(names) == len(set(names)) > 20
    for name in names[:20]:
        assert objects.resolve(name) == name


@pytest.mark.parametrize(
    "words", [["--object", "mgu"], ["--object", "no/such.obj"], ["--seed=-1"], ["--robot", "jwas"]]
)
def test_a_users_mistake_is_one_line_and_exit_code_2(capsys, words):
    assert main(["demo", *words]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert said.err.startswith("ddg: ")


def test_an_unknown_name_is_answered_with_a_near_one():
    with pytest.raises(BadInput, match="did you mean 'mug'"):
        objects.resolve("mgu")


def test_a_file_that_is_no_mesh_is_refused_before_anything_starts(tmp_path: Path):
    (tmp_path / "thing.obj").write_text("this is not a mesh")
    with pytest.raises(BadInput, match=r"thing\.obj"):
        objects.resolve(str(tmp_path / "thing.obj"))


def test_a_folder_stands_for_the_objects_in_it_and_commas_divide(tmp_path: Path):
    for name in ("b.obj", "a.obj"):
        trimesh.creation.box((0.05, 0.05, 0.1)).export(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no object")
    found = [str(tmp_path / "a.obj"), str(tmp_path / "b.obj")]
    assert objects.resolve_all(f"{tmp_path}, mug_000") == [*found, "mug_000"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="empty: holds no object"):
        objects.resolve_all(str(tmp_path / "empty"))


def test_a_folder_that_cannot_be_written_is_the_users_mistake(tmp_path: Path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert main(["demo", "--object", "mug", "--out", str(tmp_path / "file")]) == 2
    assert "results cannot be written there" in capsys.readouterr().err


def test_steps_of_a_stage_stand_below_it():
    assert table({"plan": 2.0, "plan/generate": 1.5}).splitlines() == [
        "plan           2.00 s",
        "  generate       1.50 s",
    ]


def test_the_report_names_what_was_written():
    answer = {
        "outcome": "HELD",
        "message": "",
        "object": "mug_000",
        "seed": 1,
        "timings_s": {"plan": 1.0},
        "bag": "b",
        "record": "r",
        "picture": "p",
        "film": "f",
    }
    json.dumps(answer)
    assert _text(answer).splitlines()[-5:] == [
        "HELD: mug_000, seed 1",
        "bag     b",
        "record  r",
        "picture p",
        "film    f",
    ]


def test_the_median_is_not_led_astray_by_one_slow_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for measure, expected in ((median_s, 2.0), (fastest_s, 1.0)):
        clock = iter([0.0, 1.0, 0.0, 9.0, 0.0, 2.0])
        monkeypatch.setattr("ddg_cli.stopwatch.time.perf_counter", lambda clock=clock: next(clock))
        assert measure(lambda: None, repeats=3) == expected
