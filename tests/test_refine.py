"""Refinement: true gradients, a trust region that holds, valid motions, no grasp made worse."""

from dataclasses import replace

import numpy as np
import planning_world as world
import pytest
import torch

from ddg_core.errors import BadInput, UnknownName
from ddg_core.grasp import Grasp
from ddg_core.transforms import angle_between, exp
from ddg_planning.evaluate import features
from ddg_planning.evaluate.evaluator import load_evaluator
from ddg_planning.evaluate.features import HOLD
from ddg_planning.evaluate.hill import Hill, Way
from ddg_planning.evaluate.motions import Motions, motions
from ddg_planning.evaluate.refine import Refiner, load_refiner
from ddg_planning.evaluate.refine_settings import RefineSettings
from ddg_planning.evaluate.uphill import anneal, ascend, value_and_gradient, within
from ddg_planning.evaluate.volume import Volume, VolumeSettings
from ddg_planning.generate.collision import CollisionSettings
from ddg_planning.generate.generator import GeneratorSettings
from ddg_planning.generate.hand_model import HandModel

HAND = world.svh()
VIEW = world.view_of(world.seen(world.tube()))
JUDGE = load_evaluator("em-s", HAND)
SETTINGS = RefineSettings(best=4, steps=6)


def grasps(n: int) -> list[Grasp]:
    """The demonstrated grasp of the tube, and others near it."""
    rng = np.random.default_rng(0)
    shown = world.wrap(world.tube(), HAND)
    twists = rng.normal(size=(n, 6)) * [0.01, 0.01, 0.01, 0.1, 0.1, 0.1]
    return [
        Grasp(shown.T_base_wrist @ T, shown.joints, HAND.name, "wrap", float(i))
        for i, T in enumerate(exp(twists))
    ]


def bump(offsets: torch.Tensor) -> torch.Tensor:
    """A hill whose top is at 0.4."""
    return -((offsets - 0.4) ** 2).sum(dim=-1)


def everywhere(offsets: torch.Tensor) -> torch.Tensor:
    return torch.ones(len(offsets), dtype=torch.bool)


@pytest.fixture(scope="module")
def hill() -> Hill:
    """In double precision, so that finite differences can be small."""
    volume = Volume(VIEW, VolumeSettings(), dtype=torch.float64)
    single = motions(grasps(3), volume.T_base_local)
    moved = Motions(single.positions.double(), single.quaternions.double(), single.joints.double())
    hand = HandModel(HAND, dtype=torch.float64)
    weights = torch.linspace(-1.0, 1.0, 122, dtype=torch.float64)

    def judge(seen) -> torch.Tensor:  # type: ignore[no-untyped-def]
        every = torch.cat([seen.links.mean(dim=1), seen.whole], dim=-1)
        return (every @ weights[: every.shape[1]])[None]

    return Hill(volume, moved, hand, judge, SETTINGS)


@pytest.mark.parametrize(("steps", "error"), [(4000, 1e-4), (HOLD.steps, 1e-2)])
def test_the_gradient_is_that_of_finite_differences(
    hill: Hill, steps: int, error: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The forces of the holding expert are held still: exact where their solver has arrived."""
    monkeypatch.setattr(features, "HOLD", replace(HOLD, steps=steps))
    at = 0.1 * torch.randn(3, hill.size, generator=torch.Generator().manual_seed(1)).double()
    _, gradient = value_and_gradient(hill.logits, at)
    step, found = 1e-6, torch.zeros_like(at)
    with torch.no_grad():
        for k in range(hill.size):
            e = step * torch.eye(hill.size, dtype=torch.float64)[k]
            found[:, k] = (hill.logits(at + e) - hill.logits(at - e)) / (2.0 * step)
    assert gradient.abs().amax() > 0.1
    close = (gradient - found).abs() < error * (1.0 + found.abs())
    assert close.float().mean() > 0.95  # a few lie on an edge between voxels or balls


def test_no_offset_moves_nothing(hill: Hill) -> None:
    still = hill.moved(torch.zeros(3, hill.size, dtype=torch.float64))
    for name in ("positions", "quaternions", "joints"):
        torch.testing.assert_close(getattr(still, name), getattr(hill._grasps, name))


def test_a_moved_grasp_is_where_the_model_saw_it(hill: Hill) -> None:
    offsets = 0.3 * torch.ones(3, hill.size, dtype=torch.float64)
    wanted = hill.moved(offsets)
    moved = [hill.grasp(grasp, offsets, i) for i, grasp in enumerate(grasps(3))]
    again = motions(moved, hill._volume.T_base_local)
    torch.testing.assert_close(again.positions.double(), wanted.positions, atol=1e-5, rtol=0)
    torch.testing.assert_close(again.joints.double(), wanted.joints, atol=1e-5, rtol=0)


def test_a_squeeze_is_looked_at_as_deep_as_the_weights_know_it() -> None:
    def told(deeper: float) -> Grasp:
        grasp = grasps(1)[0]
        joints = grasp.joints.copy()
        joints[-1] = joints[-2] + deeper
        return replace(grasp, joints=joints)

    shallow, usual, deep = (motions([told(d)], np.eye(4)).joints for d in (0.1, 0.25, 0.4))
    torch.testing.assert_close(deep, usual)
    assert (shallow[:, -1] < usual[:, -1]).all()


@pytest.mark.parametrize("way", [ascend, anneal])
def test_both_ways_climb_and_stay_within_the_region(way) -> None:  # type: ignore[no-untyped-def]
    settings = RefineSettings(steps=40, temperature=0.01)
    x, best = way(bump, everywhere, torch.zeros(5, 8), settings)
    torch.testing.assert_close(best, bump(x))
    assert (best > bump(torch.zeros(5, 8)) + 0.2).all()
    far, _ = way(lambda x: x.sum(dim=-1), everywhere, torch.zeros(2, 8), settings)
    torch.testing.assert_close(far, within(far))
    assert float(far.abs().amax()) > 0.5


@pytest.mark.parametrize("way", [ascend, anneal])
def test_where_nothing_is_free_nothing_moves(way) -> None:  # type: ignore[no-untyped-def]
    x, best = way(bump, lambda x: ~everywhere(x), torch.zeros(2, 8), SETTINGS)
    assert not x.any()
    torch.testing.assert_close(best, bump(torch.zeros(2, 8)))


@pytest.mark.parametrize("method", ["ga", "sa"])
def test_new_grasps_are_better_near_and_valid(method: str) -> None:
    refine = Refiner(JUDGE, method, GeneratorSettings(arm=None), replace(SETTINGS, gain=0.02))
    asked = grasps(4)
    every = refine(VIEW, asked)
    assert [g.p_success for g in every] == sorted((g.p_success for g in every), reverse=True)
    new = [g for g in every if ("refine", method) in g.models]
    assert new
    olds = {g.log_likelihood: g for g in JUDGE(VIEW, asked)}
    kept = {g.log_likelihood: g for g in every if g not in new}
    assert {k: g.p_success for k, g in kept.items()} == {k: g.p_success for k, g in olds.items()}
    volume = Volume(VIEW, JUDGE.card.volume)
    free = Way(
        VIEW,
        volume,
        Hill(volume, motions(new, volume.T_base_local), JUDGE.hand, JUDGE.logits, SETTINGS),
        GeneratorSettings(arm=None),
    ).free(torch.zeros(len(new), 15))
    for grasp, ok in zip(new, free.tolist(), strict=True):
        old = olds[grasp.log_likelihood]
        assert grasp.p_success > old.p_success - 1e-3
        assert [role for role, _ in grasp.models] == ["refine", "evaluate"]
        turn = angle_between(grasp.T_base_wrist[0, :3, :3], old.T_base_wrist[0, :3, :3])
        assert turn < SETTINGS.angle + 1e-3
        assert np.abs(grasp.joints - old.joints).max() < SETTINGS.joint + 1e-6
        np.testing.assert_array_equal(grasp.joints[:-2], old.joints[:-2])
        assert ok


def test_a_way_in_as_near_to_the_table_as_the_generator_refuses_is_not_free() -> None:
    volume = Volume(VIEW, JUDGE.card.volume)
    still = Hill(
        volume, motions(grasps(1), volume.T_base_local), JUDGE.hand, JUDGE.logits, SETTINGS
    )
    nowhere = torch.zeros(1, 15)

    def way(clearance: float) -> Way:
        collision = CollisionSettings(clearance=clearance)
        return Way(VIEW, volume, still, GeneratorSettings(arm=None, collision=collision))

    least = float(way(0.0).clearance(nowhere))
    assert way(0.5 * least).free(nowhere).item()
    assert not way(1.5 * least).free(nowhere).item()


def test_refinements_are_known_by_name() -> None:
    settings = GeneratorSettings()
    assert load_refiner("none", JUDGE, settings, SETTINGS) is JUDGE
    assert Refiner(JUDGE, "ga", settings, SETTINGS)(VIEW, []) == []
    with pytest.raises(UnknownName, match="'up'"):
        load_refiner("up", JUDGE, settings, SETTINGS)
    with pytest.raises(BadInput, match="em-s"):
        load_refiner("ga", load_evaluator("none", HAND), settings, SETTINGS)
