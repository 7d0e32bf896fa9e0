"""What scores of grasp types are worth: learned from grasps that were tried."""

from dataclasses import replace

import numpy as np
import pytest

from ddg_cli.teach.trying import Attempt
from ddg_cli.teach.worth import report
from ddg_core.errors import BadInput
from ddg_planning.generate.assemble import FinishSettings
from ddg_planning.generate.worth import fit_worth

TRUE = {"soft": (0.5, 0.1), "sharp": (4.0, 0.2), "rare": (1.0, 0.1)}


def tried(
    counts: dict[str, int], seed: int = 0
) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Grasps of these types, each in a scene of its own."""
    rng = np.random.default_rng(seed)
    kinds = [kind for kind, count in counts.items() for _ in range(count)]
    scores = rng.uniform(-40.0, 0.0, len(kinds))
    offsets, slopes = np.array([TRUE[kind] for kind in kinds]).T
    chance = 1.0 / (1.0 + np.exp(-(offsets + slopes * scores)))
    return kinds, scores, rng.random(len(kinds)) < chance, np.arange(len(kinds))


def test_the_worth_of_each_type_is_found():
    found = fit_worth(*tried({"soft": 4000, "sharp": 4000}))
    for kind in ("soft", "sharp"):
        np.testing.assert_allclose(found[kind], TRUE[kind], rtol=0.25, atol=0.3)


def test_a_type_that_was_hardly_tried_is_worth_what_the_others_are():
    kinds, scores, held, scenes = tried({"soft": 2000, "rare": 3})
    held[-3:] = False
    found = fit_worth(kinds, scores, held, scenes)
    soft, rare = found["soft"], found["rare"]
    at = float(scores[-3:].mean())
    assert -2.5 < rare[0] + rare[1] * at - soft[0] - soft[1] * at < 0.0


def test_grasps_that_ended_alike_and_scores_that_mislead_are_refused():
    kinds, scores, held, scenes = tried({"soft": 500})
    with pytest.raises(BadInput, match="needs grasps that held, and some that did not"):
        fit_worth(kinds, scores, np.ones_like(held), scenes)
    with pytest.raises(BadInput, match="a higher score held less often"):
        fit_worth(kinds, -scores, held, scenes)


def test_what_never_comes_first_in_its_scene_has_no_say() -> None:
    """A line that is right for the best of eight is wrong for the others, and the other way."""
    rng = np.random.default_rng(0)
    scenes, kinds = np.repeat(np.arange(1000), 12), ["one", "two"] * 6000
    scores = rng.uniform(-60.0, 0.0, len(scenes))
    logit = np.where(scores > -30.0, 1.0 + 0.1 * (scores + 15.0), -0.5 + 0.2 * (scores + 30.0))
    held = rng.random(len(scenes)) < 1.0 / (1.0 + np.exp(-logit))
    every = fit_worth(kinds, scores, held, np.arange(len(scenes)))["one"]
    first = fit_worth(kinds, scores, held, scenes)["one"]
    assert abs(first[0] + first[1] * -15.0 - 1.0) < 0.15
    assert abs(first[0] - 2.5) < 0.3 < abs(every[0] - 2.5)


def test_a_type_that_is_not_named_counts_as_the_mean_of_the_others():
    settings = FinishSettings(worth={"a": (1.0, 0.1), "b": (3.0, 0.3)})
    assert settings.worth_of("a") == (1.0, 0.1)
    assert settings.worth_of("a view") == (1.0, 0.1)
    assert settings.worth_of("c") == pytest.approx((2.0, 0.2))
    found = FinishSettings(worth={"a": (1.0, 0.1), "a found": (3.0, 0.3)})
    assert found.worth_of("a found") == (3.0, 0.3)
    assert FinishSettings().worth_of("c") == (0.0, 1.0)
    with pytest.raises(ValueError, match="worth: a: the second number must be positive"):
        FinishSettings(worth={"a": (1.0, 0.0)})


def test_the_command_tells_counts_and_the_lines_for_the_settings():
    attempts = [
        Attempt("id", kind, float(score), bool(held), int(scene), "can", None)
        for kind, score, held, scene in zip(*tried({"soft": 60, "sharp": 40}), strict=True)
    ]
    told = report(attempts, FinishSettings(), "gm2")
    held = sum(a.held for a in attempts if a.label == "sharp")
    assert told.json["types"]["sharp"] == {"held": held, "tried": 40}
    assert FinishSettings(worth={k: tuple(w) for k, w in told.json["worth"].items()})
    assert "gm2: worth" in told.text
    used = FinishSettings(worth={"soft": (1.0, 0.5), "sharp": (2.0, 0.2)})
    worth = {kind: used.worth_of(kind) for kind in ("soft", "sharp")}
    scored = [
        replace(one, score=worth[one.label][0] + worth[one.label][1] * one.score)
        for one in attempts
    ]
    assert report(scored, used, "gm2").json["worth"] == told.json["worth"]
