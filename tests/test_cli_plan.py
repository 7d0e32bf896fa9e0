"""`ddg plan`: recorded input in, typed answer and picture out; mistakes cost one line."""

import json
from collections import namedtuple

import numpy as np
import pytest
import yaml
from PIL import Image

from ddg_cli.main import main
from ddg_core.grasp import Grasp
from ddg_core.outcome import Outcome
from ddg_core.shapes import Capsule
from ddg_core.transforms import apply, look_at
from ddg_perception.synthetic import level_slab, render

torch = pytest.importorskip("torch", reason="the generator computes with torch")

from ddg_core.camera import Camera  # after the check, as planning needs torch
from ddg_core.errors import Failed
from ddg_planning.generate.generator import Generator

Asked = namedtuple("Asked", "view n draw models")
CAMERA = Camera(160, 120, 143.0, 143.0, 79.5, 59.5)
T_BASE_CAMERA = look_at([0.80, 0.45, 0.58], [0.55, 0.0, 0.05])
CENTRE = np.array([0.55, 0.0, 0.06])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A depth image of a ball on a table, its camera, masks and cloud."""
    folder = tmp_path_factory.mktemp("recorded")
    ball = (np.eye(4), Capsule(CENTRE, CENTRE, 0.06))
    image = render([level_slab(0.0, 1.0), ball], CAMERA, T_BASE_CAMERA)
    raw = np.round(np.nan_to_num(image.depth) * 10000).astype(np.uint16)
    Image.fromarray(raw).save(folder / "depth.png")
    Image.fromarray(np.zeros_like(raw)).save(folder / "nothing.png")
    table = render([level_slab(0.0, 1.0)], CAMERA, T_BASE_CAMERA)
    np.save(folder / "table.npy", table.depth * 10000)
    v, u = np.mgrid[:120, :160]
    near = np.hypot(u - 80, v - 58) < 40
    Image.fromarray((near * 255).astype(np.uint8)).save(folder / "mask.png")
    points = apply(T_BASE_CAMERA, CAMERA.deproject(image.depth))
    rows = "\n".join(f"{x:.6f} {y:.6f} {z:.6f}" for x, y, z in points)
    header = "FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nVIEWPOINT 0.8 0.45 0.58 1 0 0 0\n"
    (folder / "cloud.pcd").write_text(f"{header}POINTS {len(points)}\nDATA ascii\n{rows}\n")
    tree = {"width": 160, "height": 120, "fx": 143.0, "fy": 143.0, "cx": 79.5, "cy": 59.5}
    tree |= {"depth_scale": 0.0001, "T_base_camera": T_BASE_CAMERA.tolist()}
    (folder / "camera.yaml").write_text(yaml.safe_dump(tree))
    return folder


@pytest.fixture(autouse=True)
def quick_picture(monkeypatch):
    """What is drawn has tests of its own."""
    monkeypatch.setattr("ddg_cli.picture.draw", lambda *_: Image.new("RGB", (200, 150)))


class Proposals(list):
    """What the generator was asked; wrists of its grasps are so high, pre-grasps above, in [m]."""

    height, back_off = 0.21, 0.0


@pytest.fixture
def proposals(monkeypatch):
    """Stands in for the generator; returns what it was asked."""
    asked = Proposals()

    def propose(self, view, *, n, rng):
        asked.append(Asked(view, n, rng.random(), self.models))
        T = np.tile(np.diag([1.0, -1.0, -1.0, 1.0]), (4, 1, 1))
        T[:, :2, 3], T[:, 2, 3] = view.cloud.points.mean(axis=0)[:2], asked.height
        T[0, 2, 3] += asked.back_off
        joints = np.zeros((4, len(self.hand.hand.joint_names)))
        return [
            Grasp(T, joints, "svh", kind, score)
            for kind, score in (("power", -2.0), ("pinch", -1.0))
        ]

    monkeypatch.setattr(Generator, "__call__", propose)
    return asked


@pytest.fixture
def ddg(folder, capfd, tmp_path):
    def run(*words, code=0):
        paths = [str(folder / w) if (folder / str(w)).is_file() else str(w) for w in words]
        out = tmp_path / "picture.png"
        assert main(["plan", "--json", "--out", str(out), *paths]) == code
        captured = capfd.readouterr()
        return json.loads(captured.out), captured.err

    return run


IMAGE = ("--depth", "depth.png", "--camera", "camera.yaml")


def test_an_image_is_planned_on(ddg, proposals):
    answer, _ = ddg(*IMAGE)
    assert answer["outcome"] == "OK"
    assert {g["type"] for g in answer["grasps"]} == {"pinch", "power"}
    best = answer["grasps"][0]
    assert np.shape(best["wrist"]) == (4, 4, 4)
    assert np.shape(best["joints"])[0] == 4
    assert 0.0 < best["p_success"] < 1.0
    assert best["p_std"] >= 0.0
    assert list(best["models"]) == ["evaluate"]
    assert {"segment", "features", "generate", "picture"} <= set(answer["timings_s"])
    with Image.open(answer["picture"]) as picture:
        assert picture.width > picture.height > 100
    view = proposals[0].view
    radius = np.linalg.norm(view.cloud.points - CENTRE, axis=1)
    assert np.median(radius) == pytest.approx(0.06, abs=1e-3)


def test_mask_point_and_seed_are_handed_on(ddg, proposals):
    ddg(*IMAGE, "--mask", "mask.png", "--near", "0.5", "0", "0", "--seed", "4")
    ddg(*IMAGE, "--seed", "4")
    ddg(*IMAGE, "--seed", "5")
    draws = [asked.draw for asked in proposals]
    assert draws[0] == draws[1] != draws[2]


def test_the_generative_model_can_be_chosen(ddg, proposals):
    for name, views in (("gm1", False), ("gm2", True)):
        ddg(*IMAGE, "--generator", name)
        assert any(m.absent > 0.0 for m in proposals[-1].models) == views
    answer, _ = ddg(*IMAGE, "--generator", "gm3", code=2)
    assert "no generator is called 'gm3'" in answer["message"]


@pytest.mark.parametrize("extra", [(), ("--near", "0.55", "0", "0.05")])
def test_a_cloud_is_planned_on(ddg, proposals, extra):
    answer, _ = ddg("--cloud", "cloud.pcd", *extra)
    assert answer["outcome"] == "OK"
    view = proposals[0].view
    assert view.image is None
    np.testing.assert_allclose(view.viewpoint, [0.8, 0.45, 0.58])


def test_the_arm_is_asked_only_with_reach(ddg, proposals):
    without, _ = ddg(*IMAGE)
    assert without["grasps"][0]["reachability"] is None
    proposals.height = 0.27  # else the fingers are in the table
    asked, _ = ddg(*IMAGE, "--reach", code=3)  # the hand would touch the ball at its pre-grasp
    assert "reach" in asked["timings_s"]
    assert (asked["outcome"], asked["grasps"]) == ("NO_IK", [])
    proposals.back_off = 0.15
    above, _ = ddg(*IMAGE, "--reach")
    assert 0.0 < above["grasps"][0]["reachability"] <= 1.0


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        (("--depth", "nothing.png", "--camera", "camera.yaml"), "NO_CLOUD"),
        (("--depth", "table.npy", "--camera", "camera.yaml"), "NO_CLOUD"),
        ((*IMAGE, "--mask", "nothing.png"), "EMPTY_MASK"),
    ],
)
def test_no_object_is_a_typed_outcome(ddg, proposals, words, outcome):
    answer, _ = ddg(*words, code=3)
    assert answer["outcome"] == outcome
    assert answer["message"]
    assert answer["grasps"] == []
    assert answer["picture"] is None
    assert not proposals


def test_without_a_candidate_the_view_is_still_drawn(ddg, monkeypatch):
    monkeypatch.setattr(Generator, "__call__", lambda *_, **__: [])
    answer, _ = ddg(*IMAGE, code=3)
    assert answer["outcome"] == "NO_CANDIDATE"
    assert answer["picture"]

    def collide(*_, **__):
        raise Failed(Outcome.ALL_IN_COLLISION, "all of them")

    monkeypatch.setattr(Generator, "__call__", collide)
    assert ddg(*IMAGE, code=3)[0]["outcome"] == "ALL_IN_COLLISION"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give either --depth with --camera, or --cloud"),
        ((*IMAGE, "--cloud", "cloud.pcd"), "give either"),
        (("--depth", "depth.png"), "--depth needs --camera"),
        (("--cloud", "cloud.pcd", "--mask", "mask.png"), "--mask goes with --depth"),
        ((*IMAGE, "--weights", "own.safetensors"), "--weights goes with --generator dexnet"),
        (
            (*IMAGE, "--generator", "dexnet-random", "--weights", "own.safetensors"),
            "the policy 'random' has no network",
        ),
        (
            (*IMAGE, "--generator", "dexnet-cem", "--weights", "own.safetensors"),
            "own.safetensors: No such file",
        ),
        ((*IMAGE, "--seed", "-1"), "--seed must not be negative"),
        (("--depth", "missing.png", "--camera", "camera.yaml"), "missing.png: No such file"),
        (("--depth", "depth.png", "--camera", "missing.yaml"), "missing.yaml: No such file"),
        (("--depth", "camera.yaml", "--camera", "camera.yaml"), "read from .png and .npy"),
        (("--depth", "depth.png", "--camera", "mask.png"), "not YAML"),
        ((*IMAGE, "--near", "nan", "0", "0"), "one finite point"),
        (("--cloud", "depth.png"), "read from .pcd and .ply"),
    ],
)
def test_a_users_mistake_costs_one_line(ddg, proposals, words, message):
    answer, told = ddg(*words, code=2)
    assert answer["outcome"] == "BAD_INPUT"
    assert message in answer["message"]
    assert "Traceback" not in told


def test_people_get_a_table_and_the_picture(folder, proposals, capfd, tmp_path):
    words = ["--depth", str(folder / "depth.png"), "--camera", str(folder / "camera.yaml")]
    assert main(["plan", *words, "--out", str(tmp_path / "a.png")]) == 0
    text = capfd.readouterr().out
    first, *rows = text.splitlines()
    assert first == "OK"
    assert sorted(row.split()[1] for row in rows[:2]) == ["pinch", "power"]  # who is first: EM-S
    assert [row[:3] for row in rows[:2]] == ["1. ", "2. "]
    assert float(rows[0].split()[3]) >= float(rows[1].split()[3])  # scores
    assert "picture: " in text
    assert main(["plan", *words, "--out", str(tmp_path / "a.xyz")]) == 2
    assert "cannot write the picture" in capfd.readouterr().err
