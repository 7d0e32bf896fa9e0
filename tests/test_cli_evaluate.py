"""`ddg eval recorded` and `ddg eval calibration` as a user calls them, in this process."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ddg_cli.evaluate.calibration import least_probability, truth, write_least
from ddg_cli.main import main
from ddg_core.errors import BadInput
from ddg_sim.dataset.store import Dataset
from ddg_sim.rollout.evaluate import Tried, read, write


def tried(p: float | None, held: bool, seed: int = 0) -> Tried:
    outcome = "HELD" if held else "DROPPED"
    return Tried(seed, f"can_{seed % 3}", outcome, "power", 20, None, None, 1.0, p)


def many() -> list[Tried]:
    """200 grasps of which the upper half is given 0.95 and 96 of it hold, the lower 0.2 and 20."""
    return [
        tried(*case, seed=seed)
        for seed, case in enumerate(
            [(0.95, i < 96) for i in range(100)] + [(0.2, i < 20) for i in range(100)]
        )
    ]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One real scene, every other grasp said to be planned, every fourth to have held."""
    folder = tmp_path_factory.mktemp("recorded")
    settings = folder / "a.yaml"
    settings.write_text("objects: [can_000]\nsimulation: {settle_time: 0.5}\n")
    made = ["data", "generate", "--scenes", "1", "--seed", "3", "--grasps", "8"]
    assert main([*made, "--settings", str(settings), "--out", str(folder / "real")]) == 0
    real = Dataset(folder / "real")
    told = Dataset.create(folder / "told", "told", real.header.settings)
    for row in real.rows():
        for i, grasp in enumerate(row["grasps"]):
            kind = "near_surface" if i % 2 else "power"
            grasp.update(kind=kind, outcome="NOT_HELD" if i % 4 else "HELD", log_likelihood=-i)
        told.add(row)
    told.finish()
    return folder / "told"


def test_predictions_are_held_against_what_became_of_the_grasps() -> None:
    figures = truth(many(), 0.5)
    assert figures["ece"] == pytest.approx(0.5 * 0.01)
    assert [row[2] for row in figures["reliability"]] == [100, 100]
    kept = figures["abstention"]
    assert (kept["kept"], kept["abstained"], kept["precision"]) == (100, 100, 0.96)
    assert kept["abstained_would_have_held"] == 20
    assert truth([tried(None, True)], 0.5)["ece"] is None
    assert truth(many(), 0.99)["abstention"]["precision"] is None


def test_a_threshold_is_found_drawn_and_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file, plot = tmp_path / "a.jsonl", tmp_path / "pictures" / "a.png"
    write(many(), file)
    words = ["eval", "calibration", str(file), "--precision", "0.9", "--plot", str(plot), "--json"]
    assert main(words) == 0
    answer = json.loads(capfd.readouterr().out)
    assert answer["abstention"]["least_probability"] == 0.95
    assert answer["abstention"]["precision"] == 0.96
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert main(["eval", "calibration", str(file)]) == 0
    assert "0.200  0.200    100" in capfd.readouterr().out


def test_the_threshold_is_written_where_the_planner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "planning.yaml"
    path.write_text("plan:\n  least_probability: 0.0  # why\n  max_grasps: 3\n")
    write_least(path, 0.7329)
    text = "plan:\n  least_probability: 0.732  # why\n  max_grasps: 3\n"
    assert path.read_text() == text
    path.write_text("plan: {}\n")
    with pytest.raises(BadInput, match="has 0 lines"):
        write_least(path, 0.5)
    assert 0.0 <= least_probability() < 1.0


def test_results_are_compared_on_what_jaws_span(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    for file, odd in ((first, False), (second, True)):
        wide = [replace(tried(None, True, seed), across=0.2) for seed in range(4)]
        narrow = [replace(tried(None, odd, seed), across=0.09) for seed in range(4, 10)]
        write([*wide, *narrow], file)
    for words, n, difference in (([], 10, 0.6), (["--across", "0.1"], 6, 1.0)):
        assert main(["eval", "compare", str(first), str(second), *words, "--json"]) == 0
        answer = json.loads(capfd.readouterr().out)
        assert (answer["n"], answer["difference"]) == (n, pytest.approx(difference))
        assert answer.get("across") == (0.1 if words else None)
    write([tried(None, True)], first)
    assert main(["eval", "compare", str(first), str(second), "--across", "0.1"]) == 2
    assert "a.jsonl: does not say how wide its objects are" in capfd.readouterr().err


def test_mistakes_cost_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file, blind = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    write(many(), file)
    write([tried(None, True)], blind)
    for words, message in (
        (["calibration", str(file), "--precision", "2"], "--precision must be in"),
        (["calibration", str(file), "--precision", "0.99"], "no threshold keeps 99%"),
        (["calibration", str(file), "--write"], "--write needs --precision"),
        (["calibration", str(blind)], "nobody judged"),
        (["recorded", str(tmp_path)], "is no data set"),
        (["follow", "--scenes", "1", "--results", f"{file}#to"], "no section of"),
        (["follow", "--scenes", "1", "--results", str(file)], "is called 'follow'"),
        (["gqcnn", "--weights", "w", "--data", "d", "--results", str(file)], "is called 'gqcnn'"),
    ):
        assert main(["eval", *words]) == 2
        assert message in capfd.readouterr().err


def test_recorded_grasps_are_ranked_and_looked_up(
    data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a.jsonl"
    assert main(["eval", "recorded", str(data), "--out", str(out), "--json"]) == 0
    answer = json.loads(capfd.readouterr().out)
    assert (answer["n"], answer["held"], answer["oracle_rate"]) == (1, 1, 1.0)
    assert answer["all_grasps"]["grasps"] == 4  # the random ones are left out
    assert answer["ece"] is None
    (one,) = read(out)
    assert (one.outcome, one.candidates, one.p_success) == ("HELD", 4, None)
    assert main(["eval", "recorded", str(data), "--evaluator", "em-s", "--out", str(out)]) == 0
    assert "expected calibration error" in capfd.readouterr().out
    (judged,) = read(out)
    assert judged.p_success is not None
