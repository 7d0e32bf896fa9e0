"""Teaching: plans, poses around the object, files; one short demonstration in physics."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import planning_world as world
import pytest

from ddg_cli.main import main
from ddg_cli.teach import add_arguments
from ddg_cli.teach.auto import AutoSettings, train
from ddg_cli.teach.plans import PLANS
from ddg_cli.teach.pose import draw, fingertips
from ddg_cli.teach.trying import Attempt, Job, TryingSettings, best_of_each, try_scene
from ddg_core.description import config_folder
from ddg_core.grasp import Grasp
from ddg_core.settings import load
from ddg_planning.generate.closing import ClosingSettings, squeezed
from ddg_planning.generate.demonstration import load_demonstration
from ddg_planning.generate.gm2 import Gm2Settings, LearnSettings, learn_member, load_gm2
from ddg_planning.generate.grasp_model import load_models
from ddg_planning.store import DEMONSTRATIONS, GM2, MODELS, GenerationSettings
from ddg_sim.objects.catalogue import FAMILIES, split
from ddg_sim.rollout.many import Cluster
from ddg_sim.rollout.rollout import RolloutSettings

HAND = world.svh()
BENDING = {*HAND.joint_names} - {"Thumb_Opposition", "Finger_Spread"}


@pytest.mark.parametrize("kind", PLANS)
def test_thumb_and_fingers_are_put_on_both_sides_of_the_object(kind: str) -> None:
    plan, rng = PLANS[kind], np.random.default_rng(0)
    item = plan.make(1.0)
    for _ in range(5):
        trial = draw(plan, item, HAND, rng)
        joints = trial.start + np.linspace(0.0, 1.0, 30)[:, None] * (trial.end - trial.start)
        thumb, fingers = fingertips(HAND, plan, joints)
        gap = np.linalg.norm(fingers - thumb, axis=1)
        at = int(np.argmin(np.abs(gap - plan.width - 0.016)))
        R, t = trial.T_object_wrist[:3, :3], trial.T_object_wrist[:3, 3]
        middle = R @ (thumb[at] + fingers[at]) / 2 + t
        assert abs(np.linalg.norm(middle[:2]) - plan.off) < 0.03
        # The fingertips may meet above a strip that is thinner than they are.
        assert item.vertices[:, 2].min() < middle[2] < item.vertices[:, 2].max() + 0.025
        np.testing.assert_allclose(np.linalg.norm(trial.approach), 1.0)
        before = trial.grasp(kind, "svh", np.eye(4)).T_base_wrist[0]
        assert np.linalg.norm(before[:3, 3] - t) == pytest.approx(0.09)


def test_demonstration_objects_are_in_no_catalogue() -> None:
    names = {plan.make(1.0).name for plan in PLANS.values()}
    assert len(names) == len(PLANS)
    assert not names & set(FAMILIES)


def test_what_is_taught_is_stored_with_its_provenance() -> None:
    folder = DEMONSTRATIONS / "svh"  # users record their own beside what we ship
    paths = [path for path in sorted(folder.glob("*.npz")) if path.stem in PLANS]
    assert len(paths) >= 5
    for path in paths:
        demonstration = load_demonstration(path)
        assert demonstration.kind == path.stem
        assert float(demonstration.provenance["held_with_errors"]) >= 0.5
        assert demonstration.provenance["object"]
        assert (demonstration.joints >= HAND.limits[:, 0] - 1e-9).all()
        assert (demonstration.joints <= HAND.limits[:, 1] + 1e-9).all()
    models = [m for m in load_models(MODELS / "svh", HAND) if m.kind in PLANS]
    assert {m.kind for m in models} == {p.stem for p in paths}
    for model in models:
        links = {contact.link for contact in model.contacts}
        assert links & set(HAND.settings.thumb_links), model.kind
        assert links & set(HAND.settings.finger_links), model.kind


def test_learning_again_gives_the_stored_models(tmp_path: Path) -> None:
    for path in (DEMONSTRATIONS / "svh").glob("*.npz"):
        load_demonstration(path).save(tmp_path / "demonstrations" / path.name)
    assert main(["teach", "learn", "--folder", str(tmp_path)]) == 0
    again, stored = (load_models(folder, HAND) for folder in (tmp_path / "models", MODELS / "svh"))
    assert [model.kind for model in again] == [model.kind for model in stored]
    for new, old in zip(again, stored, strict=True):  # processors differ in the last bit
        np.testing.assert_array_equal(new.joints, old.joints)
        for contact, same in zip(new.contacts, old.contacts, strict=True):
            assert contact.link == same.link
            np.testing.assert_allclose(contact.positions, same.positions, atol=1e-12)
            np.testing.assert_allclose(contact.weights, same.weights, atol=1e-12)


def test_show_tells_what_a_file_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world.wrap(world.tube(), HAND).save(tmp_path / "demonstrations" / "wrap.npz")
    assert main(["teach", "learn", "--folder", str(tmp_path)]) == 0
    for part in ("demonstrations", "models"):
        assert main(["teach", "show", str(tmp_path / part / "wrap.npz")]) == 0
        assert "wrap" in capsys.readouterr().out
    assert main(["teach", "show", str(tmp_path / "none.npz")]) == 2
    assert main(["teach", "learn", "--folder", str(tmp_path / "nowhere")]) == 2
    assert main(["teach", "demos", "--only", "pinsch"]) == 2
    assert "did you mean 'pinch'" in capsys.readouterr().err


def test_the_command_line_is_light() -> None:
    import argparse

    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert parser.parse_args(["demos"]).seed == 0


def test_the_shipped_gm2_model_is_small_and_tells_where_it_comes_from() -> None:
    path = GM2 / "svh.npz"
    assert path.stat().st_size < 3e6
    model = load_gm2(path, HAND)
    assert model.provenance["made_by"]
    taught = {m.model.kind for m in model.members if m.taught}
    assert taught == {m.kind for m in load_models(MODELS / "svh", HAND)} & {*PLANS}
    for member in model.members:
        name = member.model.provenance["object"]
        assert member.taught or split(name) == "train", name
    assert any(m.absent > 0.0 for m in model.models(Gm2Settings()))


def test_demonstrations_become_a_gm2_model(tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    world.wrap(world.tube(), HAND).save(tmp_path / "demonstrations" / "wrap.npz")
    out = tmp_path / "gm2.npz"
    assert main(["teach", "merge", "--folder", str(tmp_path), "--out", str(out)]) == 0
    assert [m.model.kind for m in load_gm2(out, HAND).members] == ["wrap"]
    assert main(["teach", "show", str(out)]) == 0
    assert "GM2 model" in capsys.readouterr().out
    assert main(["teach", "merge", "--folder", str(tmp_path / "nowhere")]) == 2
    assert "holds no demonstration" in capsys.readouterr().err
    assert main(["teach", "auto", "--scenes", "0"]) == 2


def attempt(member, radius: float, family: str, held: bool = True) -> Attempt:  # type: ignore[no-untyped-def]
    about = {"object": f"{family}_000", "scene": "1"}
    demonstration = world.wrap(world.tube(radius=radius), HAND)
    found = replace(demonstration, provenance=about) if held else None
    return Attempt(member.model.id, member.model.kind, 1.0, held, 0, family, found)


def test_what_holds_becomes_a_demonstration_and_what_was_tried_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taught = (learn_member(world.wrap(world.tube(), HAND), HAND, LearnSettings(), taught=True),)
    tried = {
        5: [attempt(taught[0], 0.034, "can"), attempt(taught[0], 0.03, "cup", held=False)],
        6: [attempt(taught[0], 0.026, "bottle"), attempt(taught[0], 0.032, "can")],
    }
    asked = []

    def fake(work, job, seeds, cluster):  # type: ignore[no-untyped-def]
        asked.append(list(seeds))
        yield from ((seed, tried[seed]) for seed in reversed(seeds) if seed in tried)

    monkeypatch.setattr("ddg_cli.teach.auto.for_seeds", fake)
    settings = AutoSettings(scenes=2, rounds=2)
    out = tmp_path / "gm2.npz"
    model = train(taught, HAND, out, settings, seed=5, cluster=Cluster(), keep=tmp_path / "kept")
    assert asked == [[5, 6], [7, 8]]
    assert load_gm2(out, HAND).id == model.id
    first = model.members[0]
    assert (first.taught, first.tried, first.held) == (True, 4, 3)
    found = [m.model.provenance["object"] for m in model.members if not m.taught]
    assert found == ["can_000", "bottle_000"]  # one per kind of object, by scene
    assert sorted(p.name for p in (tmp_path / "kept").iterdir()) == [
        "wrap_bottle_1.npz",
        "wrap_can_1.npz",
    ]
    few = train(taught, HAND, out, replace(settings, per_type=1), seed=5, cluster=Cluster())
    assert len(few.members) == 2


def test_the_best_of_each_type_is_tried() -> None:
    T, joints = np.tile(np.eye(4), (3, 1, 1)), np.zeros((3, 9))
    labels = {"1": "a", "2": "a", "3": "a view", "4": "b"}
    grasps = [
        Grasp(T, joints, "svh", "a", -i, score=-i, models=(("generate", model),))
        for i, model in enumerate(("1", "2", "1", "4", "3"))
    ]
    s = TryingSettings()
    assert [g.score for g in best_of_each(grasps, labels, s)] == [0, -3, -4]
    assert len(best_of_each(grasps, labels, replace(s, grasps=2))) == 2
    assert best_of_each([], labels, s) == []


@pytest.mark.slow
def test_grasps_are_tried_on_training_objects_and_recorded() -> None:
    generation = replace(load(config_folder() / "generation.yaml", GenerationSettings), model="gm2")
    rollout = RolloutSettings(objects=("can_000",))
    job = pickle.dumps(Job(generation, TryingSettings(rollout, grasps=2)))
    scenes = [try_scene(job, seed) for seed in (1, 2)]
    attempts = [a for _, tried in scenes for a in tried]
    assert [seed for seed, _ in scenes] == [1, 2]
    assert 2 <= len(attempts) <= 4
    found = [a.demonstration for a in attempts if a.demonstration is not None]
    assert found
    for demonstration in found:
        assert demonstration.provenance["object"] == "can_000"
        assert demonstration.cloud.points[:, 2].min() > -0.005
        member = learn_member(demonstration, HAND, LearnSettings(), taught=False)
        assert len(member.model.contacts) >= 2
        assert (member.model.squeeze >= 0.0).all()


@pytest.mark.slow
def test_a_demonstration_is_made_in_physics(tmp_path: Path) -> None:
    code = main(["teach", "demos", "--only", "top", "--tries", "4", "--folder", str(tmp_path)])
    assert code == 0
    made = load_demonstration(tmp_path / "demonstrations" / "top.npz")
    assert len(made.cloud) > 500
    assert made.provenance["made_by"] == "ddg teach demos"


def test_what_is_taught_presses_and_opens_no_finger() -> None:
    bends = [i for i, name in enumerate(HAND.joint_names) if name in BENDING]
    for model in load_models(MODELS / "svh", HAND):
        others = np.delete(model.squeeze, bends)
        assert (model.squeeze[bends] > 0.0).all(), model.kind
        np.testing.assert_array_equal(others, 0.0)


def test_a_squeeze_goes_where_a_joint_was_told_to_go_whatever_it_did() -> None:
    limits = np.array([[0.0, 1.0]] * 4)
    joints, told = np.array([0.3, 0.3, 0.9, 0.3]), np.array([0.4, 0.01, 0.2, -0.4])
    targets = squeezed(joints, told, limits, ClosingSettings(squeeze=0.25, still=0.02))
    np.testing.assert_allclose(targets, [0.55, 0.3, 1.0, 0.05])
