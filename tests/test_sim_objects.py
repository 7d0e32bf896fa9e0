from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import trimesh

from ddg_core.errors import BadInput
from ddg_sim.objects.assemble import assemble
from ddg_sim.objects.catalogue import FAMILIES, blends, catalogue, draw, kind_of, split
from ddg_sim.objects.check import coverage, inertia_is_physical
from ddg_sim.objects.load import load_object, objects_in, read_mesh
from ddg_sim.objects.sim_object import SimObject
from ddg_sim.objects.solids import box, hull, mesh_of, union, wall

SHARED = Path(__file__).parents[2] / "shared" / "objects"
# Contact may close what no finger enters: a spoon's hollow, a mug's eye; walls are chords.
HOLLOW = {"mug", "cup", "bowl", "funnel", "pan", "plate", "spoon"}


def test_the_catalogue_is_large_and_its_splits_share_no_object() -> None:
    names = catalogue()
    assert len(names) == len(set(names)) >= 300
    assert len(FAMILIES) >= 20
    counts = Counter(split(name) for name in names)
    assert counts["train"] >= 200
    assert min(counts["validation"], counts["test"]) >= 20
    assert {kind_of(name) for name in names[:10]} >= {"box", "can", "bottle", "mug", "ball"}


def test_the_split_of_an_object_never_changes() -> None:
    assert [split(n) for n in ("box_000", "mug_003", "fork_009")] == ["train", "test", "validation"]


@pytest.mark.parametrize("kind", FAMILIES)
def test_every_family_draws_sound_objects(kind: str) -> None:
    for name in (f"{kind}_001", f"{kind}_007"):
        draft = draw(name)
        assert draft.visual.is_volume
        assert draft.visual.body_count == 1
        thing = load_object(name)
        assert 0.02 <= thing.mass <= 0.5
        assert 1 <= len(thing.parts) <= 8
        assert inertia_is_physical(thing)
        assert 0.04 < thing.extents.max() < 0.35
        covered = coverage(thing, rng=np.random.default_rng(1))
        assert covered.mean < 0.002
        assert covered.p95 < 0.0065
        assert abs(covered.volume_ratio - 1.0) < (0.7 if kind in HOLLOW else 0.12)


def test_blends_are_whole_of_handy_sizes_and_all_different() -> None:
    volumes = set()
    for name in blends()[:60]:
        draft = draw(name)
        assert draft.visual.is_volume
        assert draft.visual.body_count == 1  # what is stuck on stays on
        low, middle, high = sorted(draft.visual.extents)
        assert 0.01 < low <= middle <= 0.14
        assert 0.05 < high <= 0.28
        assert draft.visual.bounds[0, 2] == pytest.approx(0.0, abs=1e-9)
        assert 0.03 <= draft.mass <= 0.5
        volumes.add(round(draft.visual.volume * 1e9))
    assert len(volumes) == 60
    assert not set(blends()) & set(catalogue())


def test_the_same_name_gives_the_same_object_and_another_number_another() -> None:
    a, b, c = draw("bottle_003"), draw("bottle_003"), draw("bottle_004")
    np.testing.assert_array_equal(a.visual.vertices, b.visual.vertices)
    assert a.mass == b.mass != c.mass
    assert load_object("mug").name == "mug_000"


@pytest.mark.parametrize("kind", ["box", "mug", "ball", "stapler"])
def test_an_object_in_a_stable_pose_stands_on_the_table_and_over_its_support(kind: str) -> None:
    thing = load_object(f"{kind}_002")
    assert abs(thing.stable_probabilities.sum() - 1.0) < 1e-9
    for R in thing.stable_rotations[:5]:
        T = thing.resting(R, yaw=0.7)
        corners = thing.contact_vertices @ T[:3, :3].T + T[:3, 3]
        assert abs(corners[:, 2].min()) < 1e-9
        np.testing.assert_allclose((T[:3, :3] @ thing.com + T[:3, 3])[:2], 0.0, atol=1e-9)
        footing = corners[corners[:, 2] < 1e-4][:, :2]
        assert (footing.min(axis=0) < 1e-6).all()
        assert (footing.max(axis=0) > -1e-6).all()


def test_mass_and_inertia_of_a_box_are_those_of_the_textbook() -> None:
    a, b, c = size = np.array([0.04, 0.06, 0.10])
    part = box(-size / 2, size / 2)
    thing = assemble("brick", mesh_of(part), [part], 0.3)
    np.testing.assert_allclose(thing.com, 0.0, atol=1e-12)
    expected = 0.3 / 12 * np.diag([b**2 + c**2, a**2 + c**2, a**2 + b**2])
    np.testing.assert_allclose(thing.inertia, expected, atol=1e-12)


def test_a_ring_of_chords_keeps_the_outer_area_and_strays_equally_inside() -> None:
    parts = wall([(0.04, 0), (0.04, 0.1)], [(0.035, 0), (0.035, 0.1)], segments=12, thickness=0.005)
    outer = trimesh.convex.convex_hull(np.concatenate(parts)).volume
    assert outer == pytest.approx(np.pi * 0.04**2 * 0.1, rel=2e-3)
    inner = np.concatenate(parts)
    inner = inner[np.hypot(inner[:, 0], inner[:, 1]) < 0.038]
    apothem = np.hypot(inner[:, 0], inner[:, 1]).min() * np.cos(np.pi / 12)
    assert 0.035 - apothem == pytest.approx(
        np.hypot(inner[:, 0], inner[:, 1]).max() - 0.035, abs=1e-4
    )


def test_an_object_is_frozen_and_checked() -> None:
    thing = load_object("can")
    with pytest.raises(ValueError, match="read-only"):
        thing.vertices[0] = 0.0
    with pytest.raises(BadInput, match="mass must be positive"):
        SimObject(
            "x",
            thing.vertices,
            thing.faces,
            thing.parts,
            0.0,
            thing.com,
            thing.inertia,
            thing.stable_rotations,
            thing.stable_probabilities,
        )


def test_a_mesh_file_is_decomposed_once_and_then_read_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DDG_CACHE", str(tmp_path / "cache"))
    angle = trimesh.boolean.union(
        [mesh_of(box([0, 0, 0], [0.08, 0.03, 0.03])), mesh_of(box([0, 0, 0], [0.03, 0.03, 0.09]))]
    )
    angle.export(tmp_path / "angle.stl")
    thing = load_object(str(tmp_path / "angle.stl"))
    assert 2 <= len(thing.parts) <= 8
    covered = coverage(thing, rng=np.random.default_rng(1))
    assert covered.p95 < 0.004
    stored = list((tmp_path / "cache" / "parts").glob("*.npz"))
    assert len(stored) == 1
    before = stored[0].stat().st_mtime_ns
    load_object.cache_clear()
    again = load_object(str(tmp_path / "angle.stl"))
    assert stored[0].stat().st_mtime_ns == before
    np.testing.assert_array_equal(again.parts[0], thing.parts[0])


def test_meshes_that_are_none_are_refused_in_one_line(tmp_path: Path) -> None:
    good = mesh_of(box([0, 0, 0], [0.05, 0.05, 0.05]))
    nan = good.copy()
    nan.vertices = np.where(np.arange(len(nan.vertices))[:, None] == 3, np.nan, nan.vertices)
    flat = trimesh.Trimesh(np.eye(3) * 0.1, [[0, 1, 2]])
    huge = good.copy()
    huge.vertices = huge.vertices * 1000.0
    (tmp_path / "empty.obj").write_text("")
    (tmp_path / "noise.stl").write_bytes(bytes(range(256)) * 3)
    (tmp_path / "text.txt").write_text("hello")
    for name, mesh in (("nan", nan), ("flat", flat), ("huge", huge)):
        mesh.export(tmp_path / f"{name}.ply")
    wanted = {
        "empty.obj": "empty.obj: ",
        "noise.stl": "noise.stl: ",
        "text.txt": "not a mesh file",
        "nan.ply": "NaN",
        "flat.ply": "no volume",
        "huge.ply": "lengths are read as metres",
        "missing.ply": "no such file",
    }
    for name, message in wanted.items():
        with pytest.raises(BadInput, match=message) as caught:
            load_object(str(tmp_path / name))
        assert "\n" not in str(caught.value)
    with pytest.raises(BadInput, match="did you mean 'mug"):
        load_object("mugg")
    with pytest.raises(BadInput, match=r"no object is called 'mug_900'.*mug_015"):
        load_object("mug_900")
    with pytest.raises(BadInput, match="no object folder"):
        objects_in(tmp_path / "nowhere")


def test_a_mesh_turned_inside_out_is_turned_back(tmp_path: Path) -> None:
    mesh = mesh_of(box([0, 0, 0], [0.05, 0.05, 0.05]))
    mesh.invert()
    mesh.export(tmp_path / "inside_out.off")
    assert read_mesh(tmp_path / "inside_out.off").volume > 0.0


def test_an_object_folder_brings_its_parts_and_mass(tmp_path: Path) -> None:
    folder = tmp_path / "brick"
    folder.mkdir()
    halves = [hull(box([0, 0, 0], [0.04, 0.05, 0.1])), hull(box([0.04, 0, 0], [0.08, 0.05, 0.1]))]
    union(mesh_of(p) for p in halves).export(folder / "visual.ply")
    lines, offset = [], 1
    for i, half in enumerate(halves):
        mesh = mesh_of(half)
        lines += [f"o part{i}", *(f"v {x} {y} {z}" for x, y, z in mesh.vertices)]
        lines += [f"f {a + offset} {b + offset} {c + offset}" for a, b, c in mesh.faces]
        offset += len(mesh.vertices)
    (folder / "collision.obj").write_text("\n".join(lines))
    (tmp_path / "index.yaml").write_text("- {name: brick, mass_kg: 0.31}\n")
    assert objects_in(tmp_path) == (str(folder),)
    thing = load_object(str(folder))
    assert (thing.mass, len(thing.parts)) == (0.31, 2)
    np.testing.assert_allclose(np.ptp(thing.contact_vertices, axis=0), [0.08, 0.05, 0.1])


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ("a: [b", r"index\.yaml: not YAML"),
        ("- nonsense", r"index\.yaml: no mass_kg for 'brick'"),
        ("- {name: brick, mass_kg: heavy}", r"index\.yaml: no mass_kg for 'brick'"),
        ("- {name: brick}", r"index\.yaml: no mass_kg for 'brick'"),
    ],
)
def test_an_index_without_the_mass_is_refused(tmp_path: Path, index: str, message: str) -> None:
    (tmp_path / "brick").mkdir()
    whole = mesh_of(box([0, 0, 0], [0.04, 0.05, 0.1]))
    whole.export(tmp_path / "brick" / "visual.ply")
    whole.export(tmp_path / "brick" / "collision.obj")
    (tmp_path / "index.yaml").write_text(index)
    with pytest.raises(BadInput, match=message) as caught:
        load_object(str(tmp_path / "brick"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("corner", ["0 0 0", "nan 0 0.1"], ids=["flat", "nan"])
def test_a_convex_part_that_is_none_is_refused(tmp_path: Path, corner: str) -> None:
    (tmp_path / "brick").mkdir()
    mesh_of(box([0, 0, 0], [0.04, 0.05, 0.1])).export(tmp_path / "brick" / "visual.ply")
    corners = ["0 0 0", "0.1 0 0", "0 0.1 0", corner]
    lines = ["o part", *(f"v {c}" for c in corners), "f 1 2 3", "f 1 2 4", "f 2 3 4", "f 1 3 4"]
    (tmp_path / "brick" / "collision.obj").write_text("\n".join(lines))
    with pytest.raises(BadInput, match=r"collision\.obj: ") as caught:
        load_object(str(tmp_path / "brick"))
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the validation objects are not at hand")
def test_every_validation_object_loads() -> None:
    paths = objects_in(SHARED)
    assert len(paths) == 20
    for path in paths:
        assert inertia_is_physical(load_object(path))
