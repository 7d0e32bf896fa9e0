"""Laws of the trial record: whole or not at all, and it reads back as it was written."""

import json
import math
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ddg_core import records
from ddg_core.errors import BadInput, Failed
from ddg_core.outcome import Outcome

GRASP = records.ExecutedGrasp(
    hand="svh",
    kind="pinch",
    T_base_wrist=(((1.0, 0.0, 0.0, 0.5),) * 4,) * 2,
    joints=((0.1, 0.2),) * 2,
    log_likelihood=-3.5,
    score=0.7,
)
RECORD = records.TrialRecord(
    trial="20260102T030405.678Z_mug_000_4",
    time="2026-01-02T03:04:05.678Z",
    commit="abc+",
    version="0.1.0",
    object="mug_000",
    seed=4,
    settings={"tries": 5, "nested": {"list": [1, 2]}},
    models={"generator": "0123"},
    outcome=Outcome.HELD,
    message="",
    timings_s={"capture": 0.1},
    candidates=10,
    tried=1,
    grasp=GRASP,
    judged={"height": 0.1},
    bag="trial",
)


def test_a_record_reads_back_as_it_was_written(tmp_path: Path):
    assert records.read_record(records.write_record(tmp_path / "new", RECORD)) == RECORD


def test_a_record_is_plain_json_without_nan(tmp_path: Path):
    grasp = records.ExecutedGrasp(**{**vars(GRASP), "p_success": math.nan})
    path = records.write_record(tmp_path, records.TrialRecord(**{**vars(RECORD), "grasp": grasp}))
    tree = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert tree["outcome"] == "HELD"
    assert tree["grasp"]["p_success"] is None


def test_nothing_is_left_of_a_record_that_cannot_be_written(tmp_path: Path, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(records.os, "fsync", full)
    with pytest.raises(Failed, match="No space left on device"):
        records.write_record(tmp_path, RECORD)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_record_is_refused(tmp_path: Path):
    (tmp_path / "half.json").write_text('{"outcome": "HELD"')
    with pytest.raises(BadInput, match="not a trial record"):
        records.read_record(tmp_path / "half.json")


def test_a_changed_tree_is_marked(tmp_path: Path):
    def git(*words):
        subprocess.run(["git", "-C", tmp_path, *words], check=True, capture_output=True)

    assert records.git_commit(tmp_path) == ""
    git("init")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-m", "one")
    clean = records.git_commit(tmp_path)
    (tmp_path / "file").write_text("two")
    assert len(clean) == 40
    assert records.git_commit(tmp_path) == clean + "+"


def test_an_id_fits_a_file_name():
    name = records.trial_id(datetime(2026, 1, 2, tzinfo=UTC), "/some where/mug #1.obj", 7)
    assert name == "20260102T000000.000Z_mug-1_7"
