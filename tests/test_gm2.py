"""Laws of GM2: negative evidence, training views, merging by affinity propagation, one file."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import planning_world as world
import pytest
from scipy.spatial import cKDTree

from ddg_core.errors import BadInput, UnknownName
from ddg_core.transforms import angle_between, from_xyz_quaternion, from_xyz_rpy
from ddg_core.view import FeatureCloud
from ddg_planning.generate import archive
from ddg_planning.generate.affinity import exemplars
from ddg_planning.generate.aspects import AspectSettings, aspects_of, depth_from, visible
from ddg_planning.generate.contact_model import ContactModel
from ddg_planning.generate.demonstration import Demonstration
from ddg_planning.generate.evidence import (
    EvidenceSettings,
    SurfaceGrid,
    contact_distance,
    contact_surface,
    evidence,
)
from ddg_planning.generate.generator import Generator, GeneratorSettings
from ddg_planning.generate.gm2 import (
    Gm2,
    Gm2Settings,
    LearnSettings,
    compress,
    learn_member,
    leave_out,
    load_gm2,
)
from ddg_planning.generate.hold import HoldSettings
from ddg_planning.generate.merge import MergeSettings, grasp_distance, group, merged
from ddg_planning.generate.object_model import ObjectSettings, model_object
from ddg_planning.generate.product import ProductSettings
from ddg_planning.generate.query import QuerySettings, curvature_fit, link_kernels
from ddg_planning.generate.search import SearchSettings
from ddg_planning.generate.transfer import Target

HAND = world.svh()
CLOUD = world.tube()
WRAP = world.wrap(CLOUD, HAND)
WIDE = replace(world.wrap(world.tube(radius=0.036), HAND), provenance={"object": "wide tube"})
NARROW = replace(world.wrap(world.tube(radius=0.024), HAND), kind="narrow")
LEARN = LearnSettings()
MEMBERS = tuple(
    learn_member(demonstration, HAND, LEARN, taught=taught)
    for demonstration, taught in ((WRAP, True), (WIDE, False), (NARROW, True))
)
MEMBER = MEMBERS[0]
GM2 = compress(MEMBERS, LEARN, {"made_by": "tests"})
EVIDENCE = EvidenceSettings()
SEARCH = GeneratorSettings(search=SearchSettings(candidates=200), evidence=EVIDENCE)


# Affinity propagation


def net(similarity, preference, labels):  # type: ignore[no-untyped-def]
    """What affinity propagation maximises."""
    others = np.flatnonzero(labels != np.arange(len(labels)))
    return preference * (len(labels) - len(others)) + similarity[others, labels[others]].sum()


def best_of_all(similarity, preference):  # type: ignore[no-untyped-def]
    """Best net similarity of every choice of exemplars."""
    n, best = len(similarity), -np.inf
    for count in range(1, n + 1):
        for chosen in map(list, combinations(range(n), count)):
            labels = np.array(chosen)[similarity[:, chosen].argmax(axis=1)]
            labels[chosen] = chosen
            best = max(best, net(similarity, preference, labels))
    return best


@pytest.mark.parametrize("seed", range(8))
def test_exemplars_are_as_good_as_those_of_an_exhaustive_search(seed: int) -> None:
    rng = np.random.default_rng(seed)
    centres = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
    points = np.repeat(centres, 3, axis=0) + rng.standard_normal((9, 2))
    similarity = -((points[:, None] - points) ** 2).sum(axis=-1)
    preference = float(np.median(similarity))
    labels = exemplars(similarity, preference=preference)
    assert (labels[labels] == labels).all()
    best = best_of_all(similarity, preference)
    assert net(similarity, preference, labels) >= best - 0.02 * abs(best)


def test_the_preference_decides_how_many_exemplars_there_are() -> None:
    points = np.random.default_rng(0).standard_normal((20, 2))
    similarity = -((points[:, None] - points) ** 2).sum(axis=-1)
    counts = [len(set(exemplars(similarity, preference=p))) for p in (-1e-3, -1.0, -1e3)]
    assert counts[0] == 20
    assert 1 < counts[1] < 20
    assert counts[2] == 1


def test_one_thing_or_equal_things_have_one_exemplar() -> None:
    assert exemplars(np.zeros((1, 1)), preference=-1.0).tolist() == [0]
    assert len(set(exemplars(np.zeros((5, 5)), preference=-1.0))) == 1


# Negative evidence


def grid_of(cloud: FeatureCloud) -> SurfaceGrid:
    return SurfaceGrid(cloud.points, cloud.normals, radius=EVIDENCE.radius)


def at_grasp(contact: ContactModel, demonstration: Demonstration = WRAP):  # type: ignore[no-untyped-def]
    """Pose (4, 4) of a link at the demonstrated grasp."""
    T = demonstration.T_base_wrist[-2] @ HAND.link_poses(demonstration.joints[-2])
    return T[HAND.link_names.index(contact.link)]


def test_the_grid_finds_what_a_tree_finds() -> None:
    rng = np.random.default_rng(0)
    points = CLOUD.points[rng.integers(0, len(CLOUD), 500)] + 0.004 * rng.standard_normal((500, 3))
    nearest, _ = cKDTree(CLOUD.points).query(points)
    square, mismatch = grid_of(CLOUD).match(points.T[None], np.zeros((1, 3, 500)))
    found, away = np.isfinite(square[0]), np.sqrt(square[0])
    assert found[nearest < 0.65 * EVIDENCE.radius].all()
    assert not found[nearest > 2.0 * EVIDENCE.radius].any()
    assert (away[found] >= nearest[found] - 1e-7).all()  # the grid is in single precision
    assert (away[found] - nearest[found]).max() < 0.003  # a diagonal and a half of a cell
    assert (away[found] - nearest[found]).mean() < 2e-4
    assert (mismatch[0][found] == 1.0).all()
    far = grid_of(CLOUD).match(points.T[None] + 9.0, np.zeros((1, 3, 500)))[0]
    assert np.isinf(far).all()


def test_a_contacts_surface_is_where_it_was_demonstrated() -> None:
    for contact in MEMBER.model.contacts:
        points, normals = contact_surface(contact, 30)
        T = at_grasp(contact)
        distance, index = cKDTree(CLOUD.points).query(points @ T[:3, :3].T + T[:3, 3])
        assert distance.max() < 1e-6
        np.testing.assert_allclose(normals @ T[:3, :3].T, CLOUD.normals[index], atol=1e-5)


def test_at_the_demonstrated_grasp_no_surface_is_missing() -> None:
    for contact in MEMBER.model.contacts:
        weight = evidence(contact, at_grasp(contact)[None], grid_of(CLOUD), EVIDENCE)
        assert weight[0] > 0.95
        away = at_grasp(contact).copy()
        away[2, 3] += 0.5
        assert evidence(contact, away[None], grid_of(CLOUD), EVIDENCE)[0] == pytest.approx(
            np.exp(-EVIDENCE.weight)
        )


def test_surface_that_faces_away_is_missing() -> None:
    contact = MEMBER.model.contacts[0]
    flipped = SurfaceGrid(CLOUD.points, -CLOUD.normals, radius=EVIDENCE.radius)
    weight = evidence(contact, at_grasp(contact)[None], flipped, EVIDENCE)
    assert weight[0] == pytest.approx(np.exp(-EVIDENCE.weight))


def test_removing_surface_under_a_finger_lowers_the_gm2_weight_and_leaves_the_gm1_weight() -> None:
    contact = max(MEMBER.model.contacts, key=lambda c: len(c.weights))
    T = at_grasp(contact)
    points, _ = contact_surface(contact, len(contact.weights))
    under = points @ T[:3, :3].T + T[:3, 3]
    away = np.linalg.norm(CLOUD.points[:, None] - under, axis=-1).min(axis=1) > 0.002
    kept = int(np.flatnonzero(~away)[0])  # the feature that the kernel stands on remains
    away[kept] = True
    less = FeatureCloud(CLOUD.points[away], CLOUD.frames[away], CLOUD.curvatures[away])
    before, after = (evidence(contact, T[None], grid_of(c), EVIDENCE)[0] for c in (CLOUD, less))
    assert after < 0.2 * before
    row = int(np.flatnonzero((less.points == CLOUD.points[kept]).all(axis=1))[0])
    s = QuerySettings()
    np.testing.assert_array_equal(
        curvature_fit(contact, CLOUD.curvatures, s)[kept],
        curvature_fit(contact, less.curvatures, s)[row],
    )


def test_kernels_with_evidence_stand_where_surface_is() -> None:
    """Near the top of the tube, a finger finds half its surface missing."""
    contact = max(MEMBER.model.contacts, key=lambda c: len(c.weights))
    view = world.view_of(CLOUD)
    means = []
    for negative in (None, EVIDENCE):
        rng = np.random.default_rng(0)
        model = model_object(view, ObjectSettings(), rng=rng)
        poses, weights, fit = link_kernels(
            contact, model, QuerySettings(), rng=rng, surface=grid_of(CLOUD), negative=negative
        )
        assert len(poses) == QuerySettings().kernels
        assert weights.sum() == pytest.approx(1.0)
        assert fit <= 0.0
        means.append(evidence(contact, poses, grid_of(CLOUD), EVIDENCE).mean())
    assert 1.0 - means[1] < 0.5 * (1.0 - means[0])


# Training views


def test_a_camera_sees_what_faces_it_and_nothing_stands_before() -> None:
    s = AspectSettings()
    small, large = CLOUD, world.turned(world.tube(radius=0.05, height=0.3), np.eye(4))
    ahead = large.points + 0.15 * (world.EYE - [0.55, 0.0, 0.0]) * [1.0, 1.0, 0.0]
    both = FeatureCloud(
        np.concatenate([small.points, ahead]),
        np.concatenate([small.frames, large.frames]),
        np.concatenate([small.curvatures, large.curvatures]),
    )
    to_eye = world.EYE - small.points
    cosine = (small.normals * to_eye).sum(axis=1) / np.linalg.norm(to_eye, axis=1)
    for cloud, alone in ((small, True), (both, False)):
        grid = depth_from(cloud, world.EYE, s)
        seen = visible(small.points, small.normals, world.EYE, grid, s)
        assert not seen[cosine < s.facing].any()
        assert seen[cosine > 0.3].mean() > 0.9 if alone else seen.mean() < 0.2


def test_no_training_view_shows_a_whole_wrap_or_too_little() -> None:
    aspects = aspects_of(WRAP, MEMBER.model.contacts, HAND, AspectSettings())
    assert aspects
    assert sum(a.views for a in aspects) <= AspectSettings().azimuths
    for aspect in aspects:
        assert 3 <= len(aspect.links) < len(MEMBER.model.contacts)


def test_turning_demonstration_and_views_together_changes_no_aspect() -> None:
    s = AspectSettings()
    turn = from_xyz_rpy([0.1, -0.2, 0.0], [0.0, 0.0, 2 * np.pi / s.azimuths])
    moved = replace(
        WRAP, cloud=world.turned(WRAP.cloud, turn), T_base_wrist=turn @ WRAP.T_base_wrist
    )
    before, after = (
        {a.links: a.views for a in aspects_of(d, MEMBER.model.contacts, HAND, s)}
        for d in (WRAP, moved)
    )
    off = sum(abs(before.get(k, 0) - after.get(k, 0)) for k in before.keys() | after.keys())
    assert off <= 2  # pixels may tip one view of the twelve from one set to another


def test_view_based_models_go_by_seen_surface_alone() -> None:
    models = GM2.models(Gm2Settings())
    partial = [model for model in models if model.absent > 0.0]
    assert partial
    for model in partial:
        exemplar, _, links = model.id.partition("/")
        assert links == "+".join(contact.link for contact in model.contacts)
        whole = next(m for m in models if m.id == exemplar)
        assert model.label == f"{whole.label} view"
        left = 1.0 - len(model.contacts) / len(whole.contacts)
        assert model.absent == pytest.approx(left)
        assert {id(c) for c in model.contacts} < {id(c) for c in whole.contacts}  # drawn once
    view = world.view_of(world.seen(CLOUD))
    rng = np.random.default_rng(0)
    target = model_object(view, ObjectSettings(), rng=rng)
    assert not target.seen.all()
    kernels = Target(target, view, QuerySettings(), EVIDENCE, rng=rng)
    contact = partial[0].contacts[0]
    u = from_xyz_quaternion(contact.positions, contact.quaternions)
    for seen in (True, False):
        poses, _, _ = kernels.kernels(contact, seen=seen)
        points = (poses[:, None] @ np.linalg.inv(u))[..., :3, 3]  # one of them is the feature
        off = cKDTree(view.cloud.points).query(points.reshape(-1, 3))[0].reshape(points.shape[:2])
        assert (off.min(axis=1) < 1e-6).all() == seen
        assert kernels.kernels(contact, seen=seen)[0] is poses


def test_a_contact_that_is_left_out_has_its_price() -> None:
    view = world.view_of(world.seen(CLOUD))
    whole, part = (m for m in GM2.models(Gm2Settings(views=1)) if m.kind == "narrow")
    scores = []
    for unseen in (0.0, 3.0):
        s = replace(SEARCH, product=ProductSettings(unseen=unseen))
        best = Generator((part,), HAND, s)(view, n=1, rng=np.random.default_rng(0))[0]
        scores.append(best.log_likelihood)
    assert scores[0] - scores[1] == pytest.approx(5.0 * 3.0 * part.absent, abs=1e-3)
    assert whole.absent == 0.0


# Merging


def test_a_contact_is_no_distance_from_itself_and_a_whole_one_from_nothing_common() -> None:
    a = MEMBER.model.contacts[0]
    assert contact_distance(a, a, EVIDENCE) == pytest.approx(0.0, abs=1e-9)
    far = replace(a, positions=a.positions + 0.1)
    assert contact_distance(a, far, EVIDENCE) == pytest.approx(1.0)
    part = len(a.weights) // 4
    piece = ContactModel(
        a.link, a.positions[:part], a.quaternions[:part], a.curvatures[:part], a.weights[:part]
    )
    assert contact_distance(a, piece, EVIDENCE) > 0.1  # nothing of the piece is missing in it
    assert contact_distance(a, piece, EVIDENCE) == contact_distance(piece, a, EVIDENCE)


def test_alike_demonstrations_form_a_group_and_types_are_never_mixed() -> None:
    s = MergeSettings()
    assert grasp_distance(MEMBER.model, MEMBER.model, s) == pytest.approx(0.0, abs=1e-9)
    assert grasp_distance(MEMBER.model, MEMBERS[1].model, s) > 0.2
    other = replace(MEMBER, model=replace(MEMBER.model, kind="other"))
    labels = group([MEMBER, MEMBER, MEMBER, other, other], s)
    assert len({*labels[:3]}) == len({*labels[3:]}) == 1
    assert labels[0] != labels[3]


def test_merging_pools_contacts_and_keeps_the_exemplars_motion() -> None:
    model, shown = merged(MEMBERS[:2], MEMBER, MergeSettings(kernels=1000))
    np.testing.assert_array_equal(model.joints, MEMBER.model.joints)
    assert model.id == MEMBER.model.id
    parts = [{c.link: c for c in m.model.contacts} for m in MEMBERS[:2]]
    for contact in model.contacts:
        sizes = [len(p[contact.link].weights) for p in parts if contact.link in p]
        assert len(contact.weights) == sum(sizes)
        assert contact.weights.sum() == pytest.approx(1.0)
    assert sum(shown.values()) == sum(a.views for m in MEMBERS[:2] for a in m.aspects)
    thin, _ = merged(MEMBERS[:2], MEMBER, MergeSettings(kernels=20))
    assert all(len(c.weights) <= 20 for c in thin.contacts)


def test_what_was_taught_leads_its_group() -> None:
    found_first = replace(GM2, exemplars=np.array([1, 1, 2]))
    whole, alone = found_first.models(Gm2Settings(views=0))
    np.testing.assert_array_equal(whole.joints, MEMBERS[0].model.joints)
    assert (whole.label, alone.label) == ("wrap", "narrow")
    assert whole.contacts[0].weights.size > MEMBERS[0].model.contacts[0].weights.size
    untaught = replace(found_first, members=(replace(MEMBERS[0], taught=False), *MEMBERS[1:]))
    assert untaught.models(Gm2Settings(views=0))[0].label == "wrap found"


# The four ideas, one by one


def test_each_idea_can_be_left_out() -> None:
    everything = GM2.models(Gm2Settings())
    assert {m.kind for m in everything} == {"wrap", "narrow"}
    without_views = GM2.models(leave_out(Gm2Settings(), ["views"]))
    assert len(without_views) < len(everything)
    assert all(m.absent == 0.0 for m in without_views)
    alone = replace(GM2, exemplars=np.array([0, 0, 2]))
    assert len(alone.models(Gm2Settings(views=0))) == 2
    assert len(alone.models(leave_out(Gm2Settings(), ["views", "merging"]))) == 3
    taught = alone.models(leave_out(Gm2Settings(), ["views", "training"]))
    assert [m.source for m in taught] == [MEMBERS[0].model.id, MEMBERS[2].model.id]
    assert len(taught[0].contacts[0].weights) == len(MEMBER.model.contacts[0].weights)
    assert leave_out(Gm2Settings(), ["evidence"]).evidence is None
    with pytest.raises(UnknownName, match="did you mean 'views'"):
        leave_out(Gm2Settings(), ["view"])


# As a whole


def test_transfer_to_the_training_object_gives_back_the_training_grasp() -> None:
    # The law is of what is transferred: without the expert that prefers a sturdier one beside it.
    search = SearchSettings(candidates=1200, steps=40)
    s = replace(SEARCH, search=search, hold=HoldSettings(weight=0.0))
    models = compress(MEMBERS[:1], LEARN, {}).models(Gm2Settings())
    best = Generator(models, HAND, s)(world.view_of(CLOUD), n=1, rng=np.random.default_rng(0))[0]
    T, wanted = best.T_base_wrist_grasp, WRAP.T_base_wrist[-2]
    axis = np.array([0.55, 0.0])
    assert abs(np.linalg.norm(T[:2, 3] - axis) - np.linalg.norm(wanted[:2, 3] - axis)) < 0.005
    yaws = [np.arctan2(*(M[:2, 3] - axis)[::-1]) for M in (T, wanted)]
    R = from_xyz_rpy(np.zeros(3), [0.0, 0.0, -yaws[0]])[:3, :3] @ T[:3, :3]
    R_wanted = from_xyz_rpy(np.zeros(3), [0.0, 0.0, -yaws[1]])[:3, :3] @ wanted[:3, :3]
    upside_down = np.diag([1.0, -1.0, -1.0]) @ R  # the tube is the same
    assert np.degrees(min(angle_between(r, R_wanted) for r in (R, upside_down))) < 5.0


def test_turning_the_scene_turns_the_grasps_and_the_seed_decides() -> None:
    view = world.view_of(world.seen(CLOUD))
    turn = from_xyz_rpy([0.0, 0.0, 0.0], [0.0, 0.0, 0.7])
    moved = replace(
        world.view_of(world.turned(view.cloud, turn)), viewpoint=turn[:3, :3] @ view.viewpoint
    )
    make = Generator(GM2.models(Gm2Settings()), HAND, SEARCH)
    here, there = (make(v, n=5, rng=np.random.default_rng(0)) for v in (view, moved))
    assert len(here) == len(there) == 5
    for a, b in zip(here, there, strict=True):
        np.testing.assert_allclose(turn @ a.T_base_wrist, b.T_base_wrist, atol=1e-4)
    again = make(view, n=5, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(here[0].T_base_wrist, again[0].T_base_wrist)
    ids = {member.model.id for member in MEMBERS}
    assert all(dict(grasp.models)["generate"].partition("/")[0] in ids for grasp in here)


# Files


def test_a_model_survives_the_file(tmp_path: Path) -> None:
    counted = replace(GM2, members=(replace(MEMBERS[0], tried=3, held=2), *MEMBERS[1:]))
    counted.save(tmp_path / "gm2.npz")
    read = load_gm2(tmp_path / "gm2.npz", HAND)
    assert read.id == counted.id != GM2.id
    assert (read.members[0].tried, read.members[0].held) == (3, 2)
    assert read.members[1].aspects == MEMBERS[1].aspects
    assert read.members[1].model.provenance == {"object": "wide tube"}
    assert [m.taught for m in read.members] == [True, False, True]


def test_files_of_another_hand_version_or_kind_are_refused(tmp_path: Path) -> None:
    foreign = replace(MEMBER, model=replace(MEMBER.model, hand="shadow"))
    Gm2((foreign,), np.array([0])).save(tmp_path / "other.npz")
    with pytest.raises(BadInput, match=r"made for hand 'shadow', this is 'svh'"):
        load_gm2(tmp_path / "other.npz", HAND)
    archive.write(tmp_path / "old.npz", "GM2 model", 0, {}, {"a": np.zeros(1)})
    with pytest.raises(BadInput, match="version 0, this program reads 1"):
        load_gm2(tmp_path / "old.npz", HAND)
    MEMBER.model.save(tmp_path / "gm1.npz")
    with pytest.raises(BadInput, match="is a grasp model, not a GM2 model"):
        load_gm2(tmp_path / "gm1.npz", HAND)
    archive.write(tmp_path / "odd.npz", "GM2 model", 1, {"members": [{"kind": "a"}]}, {})
    with pytest.raises(BadInput, match=r"odd\.npz"):
        load_gm2(tmp_path / "odd.npz", HAND)
    with pytest.raises(BadInput, match="an exemplar must be its own"):
        Gm2(MEMBERS, np.array([1, 2, 2]))
    with pytest.raises(BadInput, match="3 demonstrations"):
        Gm2(MEMBERS, np.array([0, 1]))
