"""What scores of grasp types are worth: learned from grasps that were tried."""

import numpy as np
import pytest

from ddg_cli.teach.trying import Attempt
from ddg_cli.teach.worth import Tried, report, unworthed, worth
from ddg_core.errors import BadInput
from ddg_planning.generate.assemble import FinishSettings
from ddg_planning.generate.worth import _say, fit_worth
from ddg_sim.rollout.many import Cluster

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


def test_what_a_choice_says_has_the_slope_of_its_differences():
    rng = np.random.default_rng(0)
    worth, held = rng.normal(size=9), rng.random(9) < 0.5
    first = np.array([0, 4, 5])  # three scenes, one of them with a single grasp
    _, slope = _say(worth, held, first)
    step = 1e-6 * np.eye(9)
    ahead, back = ([_say(worth + s * row, held, first)[0] for row in step] for s in (1.0, -1.0))
    np.testing.assert_allclose(slope, (np.array(ahead) - back) / 2e-6, atol=1e-6)


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


def test_a_type_that_comes_first_only_where_others_are_poor_is_worth_less():
    """Scenes differ in what can be held at all, and one type's score does not tell which."""
    rng = np.random.default_rng(0)
    hard = rng.random(600) < 0.5
    telling, blind = np.where(hard, -30.0, -10.0), np.full(600, -20.0)
    held = rng.random((600, 2)) < np.where(hard[:, None], (0.3, 0.1), (0.9, 0.75))
    scores = np.stack([telling, blind], axis=1) + rng.normal(0.0, 1.0, (600, 2))
    scenes, kinds = np.repeat(np.arange(600), 2), ["telling", "blind"] * 600

    def better_in_hard_scenes(scenes: np.ndarray) -> bool:
        found = fit_worth(kinds, scores.ravel(), held.ravel(), scenes)
        worth = {
            kind: offset + slope * at
            for (kind, (offset, slope)), at in zip(
                sorted(found.items()), (-20.0, -30.0), strict=True
            )
        }
        return worth["telling"] > worth["blind"]

    assert not better_in_hard_scenes(np.arange(1200))
    assert better_in_hard_scenes(scenes)


def test_variants_share_what_their_type_and_their_kind_of_model_tell():
    rng = np.random.default_rng(0)
    names = ["soft", "soft view", "sharp", "sharp view"]
    levels = np.array([1.0, 0.0, -1.0, -2.0])
    kinds, at = names * 300, np.tile(np.arange(4), 300)
    scores = rng.uniform(-10.0, 10.0, 1200)
    held = rng.random(1200) < 1.0 / (1.0 + np.exp(-levels[at] - 0.2 * scores))
    few = (at != 3) | (np.arange(1200) == 3)  # one alone of the fourth kind, and it failed
    held[3] = False
    chosen = [kind for kind, take in zip(kinds, few, strict=True) if take]
    found = fit_worth(chosen, scores[few], held[few], np.repeat(np.arange(300), 4)[few])
    assert found["sharp view"][0] == pytest.approx(-2.0, abs=0.7)
    assert found["soft"][0] > found["soft view"][0] > found["sharp"][0] > found["sharp view"][0]


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
    grasps = [
        Tried(kind, float(score), bool(held), int(scene))
        for kind, score, held, scene in zip(*tried({"soft": 60, "sharp": 40}), strict=True)
    ]
    told = report(grasps, "gm2")
    held = sum(one.held for one in grasps if one.label == "sharp")
    assert told.json["types"]["sharp"] == {"held": held, "tried": 40}
    assert FinishSettings(worth={k: tuple(w) for k, w in told.json["worth"].items()})
    assert "gm2: worth" in told.text


def test_the_product_is_told_from_a_score_and_what_it_was_taken_to_be_worth():
    used = FinishSettings(worth={"soft": (1.0, 0.5)})
    attempt = Attempt("id", "soft view", 1.0 - 0.5 * 12.0, True, 7, "can", None)
    assert unworthed(attempt, used) == Tried("soft view", -12.0, True, 7)


def test_what_was_tried_is_kept_and_taken_up(tmp_path, monkeypatch):
    file = tmp_path / "new" / "tried.jsonl"
    asked = []

    def try_scenes(work, job, seeds, cluster):
        asked.append(list(seeds))
        for seed in seeds:
            yield seed, [Attempt("id", "soft", 0.1 * seed, seed > 12, seed, "can", None)]

    monkeypatch.setattr("ddg_cli.teach.worth.for_seeds", try_scenes)
    cluster = Cluster(1)
    worth("gm1", 6, 10, cluster, file)
    told = worth("gm1", 9, 10, cluster, file)
    assert asked == [[10, 11, 12, 13, 14, 15], [16, 17, 18]]
    assert told.json["types"] == {"soft": {"held": 6, "tried": 9}}
    file.write_text(file.read_text() + '{"label": "soft"}\n')
    with pytest.raises(BadInput, match="line 11: not a grasp that was tried"):
        worth("gm1", 9, 10, cluster, file)
    with pytest.raises(BadInput, match="another generator or settings"):
        worth("gm2", 9, 10, cluster, file)
