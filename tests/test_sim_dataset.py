"""Data sets: whole or not at all, the same however they were gathered, and replayable."""

import errno
import json
import os
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from ddg_core.description import load_hand
from ddg_core.errors import BadInput, Failed
from ddg_core.grasp import Grasp
from ddg_core.outcome import Outcome
from ddg_sim.dataset.codec import decode, encode
from ddg_sim.dataset.gather import gather, work
from ddg_sim.dataset.store import Dataset, merge, part
from ddg_sim.dataset.verify import verify
from ddg_sim.rollout.many import Cluster
from ddg_sim.rollout.near_surface import NearSurfaceSettings, near_surface
from ddg_sim.rollout.rollout import Propose, RolloutSettings, rollout
from ddg_sim.rollout.view import SceneView

SETTINGS = RolloutSettings(objects=("can_000", "box_001"))


def propose(view: SceneView, rng: np.random.Generator) -> list[Grasp]:
    return near_surface(view, load_hand("svh"), NearSurfaceSettings(), n=2, rng=rng)


def make() -> Propose:
    return propose


def give_up(view: SceneView, rng: np.random.Generator) -> list[Grasp]:
    raise Failed(Outcome.NO_CLOUD, "nothing to see")


def make_give_up() -> Propose:
    return give_up


def make_deadly(folder: Path) -> Propose:
    """Kill the worker the first time that it is asked."""

    def propose_or_die(view: SceneView, rng: np.random.Generator) -> list[Grasp]:
        try:
            (folder / "died").touch(exist_ok=False)
        except FileExistsError:
            return propose(view, rng)
        os.kill(os.getpid(), signal.SIGKILL)
        return []

    return propose_or_die


def quietly(row: object, done: int, total: int) -> None:
    pass


def fill(folder: Path, seeds: range, cluster: Cluster = Cluster()) -> str:  # noqa: B008
    return gather(
        Dataset.create(folder, "random", SETTINGS), seeds, make, cluster, on_scene=quietly
    )


def test_a_scene_survives_the_round_trip() -> None:
    record = rollout(3, propose, SETTINGS)
    back = decode(encode(record), hand="svh", camera=SETTINGS.view.camera)
    assert back.results == record.results
    assert (back.seed, back.object, back.friction) == (record.seed, record.object, record.friction)
    assert len(back.grasps) == 2
    for a, b in zip(back.grasps, record.grasps, strict=True):
        np.testing.assert_array_equal(a.T_base_wrist, b.T_base_wrist)
        np.testing.assert_array_equal(a.joints, b.joints)
    np.testing.assert_array_equal(back.views[0].mask, record.views[0].mask)
    np.testing.assert_allclose(back.views[0].image.depth, record.views[0].image.depth, atol=6e-5)


def test_an_interrupted_run_goes_on_to_the_same_hash_and_can_be_replayed(tmp_path: Path) -> None:
    whole = fill(tmp_path / "a", range(4))
    fill(tmp_path / "b", range(2))
    loose = Dataset(tmp_path / "b")
    loose.add(work(store_job(), 2))  # as if killed after one more scene
    assert fill(tmp_path / "b", range(4)) == whole
    dataset = Dataset(tmp_path / "b")
    assert dataset.seeds() == set(range(4))
    index = json.loads((tmp_path / "b" / "index.json").read_text())
    assert index["hash"] == whole
    assert sum(shard["scenes"] for shard in index["shards"]) == 4
    assert not list((tmp_path / "b" / "parts").iterdir())
    replay = verify(dataset, 2, rng=np.random.default_rng(0))
    assert (replay.scenes, replay.different) == (2, ())
    assert replay.grasps > 0


def store_job() -> bytes:
    import pickle

    return pickle.dumps((SETTINGS, make))


def test_the_second_judge_is_asked_and_stored(tmp_path: Path) -> None:
    both = replace(SETTINGS, simulation=replace(SETTINGS.simulation, six_directions=True))
    dataset = Dataset.create(tmp_path / "a", "random", both)
    gather(dataset, range(3), make, Cluster(), on_scene=quietly)
    lifted = [grasp for grasp in dataset.grasps() if grasp["lifted"]]
    assert lifted
    assert all(grasp["six_directions"] is not None for grasp in lifted)


def test_a_proposer_that_gives_up_leaves_a_scene_that_says_why(tmp_path: Path) -> None:
    dataset = Dataset.create(tmp_path / "a", "none", SETTINGS)
    gather(dataset, range(2), make_give_up, Cluster(), on_scene=quietly)
    rows = list(dataset.rows(["error", "grasps"]))
    assert [row["error"] for row in rows] == ["NO_CLOUD: nothing to see"] * 2
    assert dataset.grasps() == []


def test_merging_gives_the_hash_of_the_whole(tmp_path: Path) -> None:
    whole = fill(tmp_path / "a", range(4))
    fill(tmp_path / "b", range(2))
    fill(tmp_path / "c", range(2, 4))
    assert merge([tmp_path / "c", tmp_path / "b"], tmp_path / "d").content() == whole
    with pytest.raises(BadInput, match="seed 0 is in two"):
        merge([tmp_path / "a", tmp_path / "b"], tmp_path / "e")
    with pytest.raises(BadInput, match="is not empty"):
        merge([tmp_path / "b"], tmp_path / "d")
    part(Dataset(tmp_path / "a"), tmp_path / "parts")
    with pytest.raises(BadInput, match="is not empty"):
        part(Dataset(tmp_path / "a"), tmp_path / "parts")


def test_what_was_made_from_a_data_set_says_how_that_one_was_made(tmp_path: Path) -> None:
    fill(tmp_path / "a", range(2))
    path = tmp_path / "a" / "dataset.json"
    path.write_text(path.read_text().replace('"mujoco": "', '"mujoco": "0.'))
    old = Dataset(tmp_path / "a").header
    assert merge([tmp_path / "a"], tmp_path / "b").header == old
    part(Dataset(tmp_path / "a"), tmp_path / "parts")
    made = list((tmp_path / "parts").iterdir())
    assert made
    assert all(Dataset(folder).header == old for folder in made)


def test_a_run_killed_while_it_made_a_shard_counts_no_scene_twice(tmp_path: Path) -> None:
    whole = fill(tmp_path / "a", range(3))
    dataset = Dataset(tmp_path / "a")
    dataset.add(next(iter(dataset.rows())))  # its shard was there, its part not yet gone
    (tmp_path / "a" / "parts" / "tmp1234").write_bytes(b"half")
    assert dataset.content() == whole
    assert len(list(dataset.rows(["seed"]))) == 3
    assert fill(tmp_path / "a", range(3)) == whole
    assert not list((tmp_path / "a" / "parts").iterdir())


def test_what_was_changed_after_it_was_written_is_found(tmp_path: Path) -> None:
    fill(tmp_path / "a", range(2))
    dataset = Dataset(tmp_path / "a")
    dataset.check()
    row = next(iter(dataset.rows()))
    dataset.add({**row, "seed": 7})
    with pytest.raises(BadInput, match="scene 7 is not what was written"):
        verify(dataset, 1, rng=np.random.default_rng(0))
    (shard,) = (tmp_path / "a").glob("scenes-*.parquet")
    shard.write_bytes(shard.read_bytes()[:-1] + b"?")
    with pytest.raises(BadInput, match="is not the shard"):
        dataset.check()


def test_sources_are_noted_and_others_may_go_on(tmp_path: Path) -> None:
    fill(tmp_path / "a", range(1))
    path = tmp_path / "a" / "dataset.json"
    tree = json.loads(path.read_text())
    assert len(tree["sources"]) == 64
    path.write_text(json.dumps({**tree, "sources": "older"}))
    fill(tmp_path / "a", range(2))
    assert Dataset(tmp_path / "a").header.sources == "older"


def test_data_sets_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is no data set"):
        Dataset(tmp_path / "nowhere")
    fill(tmp_path / "a", range(1))
    with pytest.raises(BadInput, match="made with other settings"):
        Dataset.create(tmp_path / "a", "other", SETTINGS)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "something").touch()
    with pytest.raises(BadInput, match="not empty"):
        Dataset.create(tmp_path / "full", "random", SETTINGS)
    path = tmp_path / "a" / "dataset.json"
    text = path.read_text()
    path.write_text(text.replace('"version": 1', '"version": 99'))
    with pytest.raises(BadInput, match="version 99; this program reads 1"):
        Dataset(tmp_path / "a")
    path.write_text(text.replace('"proposer"', '"propser"'))
    with pytest.raises(BadInput, match="did you mean 'proposer'"):
        Dataset(tmp_path / "a")


def test_a_full_disk_stops_in_one_line_and_what_is_written_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "a", range(2))
    before = Dataset(tmp_path / "a").content()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Failed, match="No space left on device") as caught:
        fill(tmp_path / "a", range(4))
    assert "\n" not in str(caught.value)
    assert Dataset(tmp_path / "a").content() == before
    leftovers = {path.suffix for path in (tmp_path / "a" / "parts").iterdir()}
    assert leftovers <= {".parquet"}


def send_this_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers import `make` from here."""
    here = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", here)


@pytest.mark.slow
def test_two_workers_gather_the_same_and_a_killed_one_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_this_file(monkeypatch)
    monkeypatch.setenv("RAY_ADDRESS", "nowhere:1")  # only --ray-address asks for another cluster
    alone = fill(tmp_path / "a", range(3))
    dataset = Dataset.create(tmp_path / "b", "random", SETTINGS)
    deadly = partial(make_deadly, tmp_path)
    assert gather(dataset, range(3), deadly, Cluster(workers=2), on_scene=quietly) == alone
    assert (tmp_path / "died").exists()


@pytest.mark.slow
def test_a_mistake_that_a_worker_meets_costs_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_this_file(monkeypatch)
    (tmp_path / "flat.ply").write_text("no mesh")
    settings = replace(SETTINGS, objects=(str(tmp_path / "flat.ply"),))
    dataset = Dataset.create(tmp_path / "a", "random", settings)
    for cluster in (Cluster(), Cluster(workers=2)):
        with pytest.raises(BadInput, match=r"flat\.ply: not readable") as caught:
            gather(dataset, range(2), make_give_up, cluster, on_scene=quietly)
        assert "\n" not in str(caught.value)
