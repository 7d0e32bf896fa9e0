"""`ddg eval variants`: the same scenes for all, kept results, one table three times."""

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ddg_cli import proposers
from ddg_cli.evaluate import table
from ddg_cli.main import main
from ddg_core.grasp import Grasp
from ddg_sim.rollout.evaluate import Tried, read
from ddg_sim.rollout.rollout import Propose
from ddg_sim.rollout.view import SceneView


def tried(seed: int, held: bool, p: float | None = None, others: object = ()) -> Tried:
    outcome = "HELD" if held else "DROPPED"
    return Tried(seed, f"can_{seed}", outcome, "power", 20, None, None, 1.0, p, others)  # type: ignore[arg-type]


def test_figures_count_what_they_say() -> None:
    base = [tried(seed, seed < 4) for seed in range(8)]
    others = ((0.5, "HELD"), (0.4, "ALL_IN_COLLISION"))
    better = [tried(seed, seed < 6, 0.9 if seed < 6 else 0.1, others) for seed in range(8)]
    row = table.figures(better, base)
    assert (row["scenes"], row["top1"], row["gain"]) == (8, 0.75, 0.25)
    assert row["grasps"] == 24
    assert row["overall"] == 14 / 16  # collisions were not played
    assert row["average_precision"] > 0.8
    assert row["ece"] == pytest.approx((6 * 0.1 + 2 * 0.1 + 8 * 0.5 + 8 * 0.4) / 24)
    assert table.figures(base, base)["average_precision"] is None


def fake(asked: proposers.Asked) -> Propose:
    """Random grasps that nobody made, in another order and with a probability per evaluator."""
    random = proposers.near_surface(replace(asked, grasps=8))

    def propose(view: SceneView, rng: np.random.Generator) -> Sequence[Grasp]:
        grasps = random(view, rng)
        p = None if asked.evaluator == "none" else 0.25
        return [replace(grasp, p_success=p) for grasp in grasps]

    return propose


def test_all_trained_variants_are_measured_once_and_told_three_times(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(proposers.PROPOSERS, "gm1", fake)
    monkeypatch.setitem(proposers.PROPOSERS, "gm2", fake)
    document = tmp_path / "results.md"
    document.write_text("<!-- ddg:variants -->\n<!-- /ddg:variants -->\n")
    out, numbers, plot = tmp_path / "out", tmp_path / "v.csv", tmp_path / "pictures" / "v.png"
    words = ["eval", "variants", "--objects", "validation", "--scenes", "2", "--tries", "2"]
    words += ["--refine", "none,sa", "--out", str(out)]
    more = ["--csv", str(numbers), "--plot", str(plot), "--results", str(document), "--json"]
    assert main([*words, *more]) == 0
    answer = json.loads(capfd.readouterr().out)
    names = ["gm1", "gm1+em-s", "gm1+em-s+sa", "gm2", "gm2+em-s", "gm2+em-s+sa"]
    assert [row["name"] for row in answer["rows"]] == names
    assert answer["untrained"] == ["em1", "em2", "em3"]
    assert [(row["gain"], row["grasps"]) for row in answer["rows"]] == [(0.0, 2)] * 6
    judged = [one for one in read(out / "gm1+em-s.jsonl") if one.kind]
    assert [len(one.others) for one in judged] == [1]  # nothing fits the other scene
    assert judged[0].others[0][0] == judged[0].p_success == 0.25
    with numbers.open(encoding="utf-8") as file:
        assert [row["name"] for row in csv.DictReader(file)] == names
    assert plot.read_bytes().startswith(b"\x89PNG")
    text = document.read_text()
    assert "| gm1+em-s+sa |" in text
    assert "```" not in text.partition("| variant")[2]
    monkeypatch.delitem(proposers.PROPOSERS, "gm1")
    monkeypatch.delitem(proposers.PROPOSERS, "gm2")  # nothing is measured again
    assert main(words) == 0
    assert "| gm1+em-s |" in capfd.readouterr().out
    assert main([*words[:5], "3", *words[6:]]) == 2
    assert "holds other scenes" in capfd.readouterr().err


def test_mistakes_cost_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["eval", "variants", "--scenes", "1", "--out", str(tmp_path)]
    for more, message in (
        (["--evaluators", "em-9"], "no evaluator is called 'em-9'"),
        (["--refine", "up"], "no refinement is called 'up'"),
        (["--generators", "dexnet"], "no generator is called 'dexnet'"),
        (["--weights", "em3=nowhere"], "nowhere"),
        (["--tries", "0"], "--tries must be positive"),
    ):
        assert main([*words, *more]) == 2
        assert message in capfd.readouterr().err
