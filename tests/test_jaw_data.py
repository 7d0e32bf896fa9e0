"""Data that the networks of two jaws learn from: which grasps, judged how, stored where."""

from dataclasses import replace

import numpy as np
import pytest

from ddg_cli.analysts import JawAnalyst, of, settings_file
from ddg_core.outcome import Outcome
from ddg_core.settings import load
from ddg_sim.dataset.gather import gather
from ddg_sim.dataset.store import Dataset
from ddg_sim.dataset.verify import verify
from ddg_sim.rollout.analysis import analysed
from ddg_sim.rollout.many import Cluster
from ddg_sim.rollout.rollout import RolloutSettings, open_scene

SETTINGS = replace(load(settings_file(), RolloutSettings), objects=("can_000",), views=2)
ANALYST = JawAnalyst("parallel_gripper", 30)


@pytest.fixture(scope="module")
def record():
    return analysed(1, ANALYST, SETTINGS)


def test_cameras_look_down_as_in_the_paper(record):
    assert len(record.views) == 2
    for view in record.views:
        T = view.image.T_base_camera
        steep = np.degrees(np.arccos(-T[2, 2]))
        assert 8.0 < steep < 19.0
        assert view.mask.sum() > 250


def test_grasps_of_all_kinds_are_judged(record):
    assert {grasp.kind for grasp in record.grasps} == {"mesh", "image", "random"}
    assert len(record.grasps) == len(record.results) > 20
    assert {result.outcome for result in record.results} <= {
        Outcome.HELD,
        Outcome.NOT_HELD,
        Outcome.ALL_IN_COLLISION,
    }
    for grasp, result in zip(record.grasps, record.results, strict=True):
        assert result.held == (np.exp(grasp.log_likelihood) > ANALYST.least)
    # Across the axis of a can everything holds that nothing blocks.
    free = [
        result.held
        for grasp, result in zip(record.grasps, record.results, strict=True)
        if grasp.kind == "mesh" and result.outcome is not Outcome.ALL_IN_COLLISION
    ]
    assert np.mean(free) > 0.6


def test_what_is_in_the_way_of_the_jaws_is_a_collision(record):
    simulation = open_scene(1, SETTINGS).simulation
    for grasp, result in zip(record.grasps, record.results, strict=True):
        blocked = result.outcome is Outcome.ALL_IN_COLLISION
        assert simulation.hits_on_the_way_in(grasp, thing=True) == blocked
    good = record.grasps[[r.held for r in record.results].index(True)]
    aside = np.array(good.T_base_wrist)
    aside[:, :3, 3] += aside[0, :3, 0] * 0.05  # one jaw comes down on the can
    hit = replace(good, T_base_wrist=aside)
    assert simulation.hits_on_the_way_in(hit, thing=True)
    assert not simulation.hits_on_the_way_in(hit)


def test_it_is_gathered_stored_and_verified_like_other_data(tmp_path):
    dataset = Dataset.create(tmp_path / "set", "gqcnn 8 labels", SETTINGS)
    told = []
    gather(
        dataset,
        range(2),
        make_small,
        Cluster(),
        on_scene=lambda row, done, total: told.append((done, total)),
        analysed=True,
    )
    assert told == [(1, 2), (2, 2)]
    analyst = of(dataset.header.proposer, SETTINGS.hand)
    replay = verify(dataset, 2, rng=np.random.default_rng(0), analyst=analyst)
    assert (replay.scenes, replay.different) == (2, ())
    assert replay.grasps > 8
    assert of("mixed 50", "svh") is None


def make_small():
    return JawAnalyst("parallel_gripper", 8)
