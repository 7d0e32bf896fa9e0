"""A hand posed by numbers: it closes on the surface, touches, and is stored or refused."""

import sys
from pathlib import Path

import numpy as np
import planning_world as world
import pytest
import torch
import yaml

from ddg_cli.main import main
from ddg_cli.report import Report
from ddg_cli.teach import viewer
from ddg_cli.teach.meshes import link_meshes
from ddg_core.camera import Camera
from ddg_core.errors import BadInput
from ddg_core.shapes import Capsule
from ddg_core.transforms import look_at
from ddg_perception.synthetic import level_slab, render
from ddg_planning.generate.demonstration import load_demonstration
from ddg_planning.generate.surface_closing import Surface
from ddg_planning.store import DEMONSTRATIONS
from ddg_planning.teach.posing import Pose, Stage, during, posed_like
from ddg_planning.teach.shown import TeachSettings

HAND = world.svh()
RADIUS = 0.036
CLOUD = world.tube(radius=RADIUS, height=0.16)
STAGE = Stage(HAND, CLOUD, TeachSettings())
POWER = load_demonstration(DEMONSTRATIONS / "svh" / "power.npz")
POSE = posed_like(POWER, STAGE.middle)


def test_the_distance_to_a_surface_has_its_sign() -> None:
    points = torch.tensor([[0.55, 0.0, 0.08], [0.55 + RADIUS + 0.02, 0.0, 0.08]])
    inside, outside = Surface(CLOUD).distance(points).tolist()
    assert inside == pytest.approx(-RADIUS, abs=0.002)
    assert outside == pytest.approx(0.02, abs=0.002)


def test_fingers_close_until_they_touch_and_never_back() -> None:
    closed = STAGE.closed(POSE)
    shares = np.array([during(POSE, closed, share) for share in np.linspace(0.0, 1.0, 21)])
    np.testing.assert_allclose(shares[0], POSE.start)
    np.testing.assert_allclose(shares[-1], closed, atol=1e-6)
    assert (np.diff(shares, axis=0) * (POSE.end - POSE.start) >= -1e-9).all()
    assert not STAGE.touch(POSE.T_base_wrist, shares[0]).links
    touch = STAGE.touch(POSE.T_base_wrist, closed)
    assert {*touch.links} & {*HAND.settings.thumb_links}
    assert {*touch.links} & {*HAND.settings.finger_links}
    near = CLOUD.points[touch.weights > 0.5]
    assert 20 < len(near) < len(CLOUD) / 3


def test_a_pose_goes_where_the_object_is() -> None:
    moved = posed_like(POWER, STAGE.middle + np.array([0.1, 0.2, 0.3]))
    shift = moved.T_base_wrist[:3, 3] - POSE.T_base_wrist[:3, 3]
    np.testing.assert_allclose(shift, [0.1, 0.2, 0.3])


def test_what_is_posed_comes_from_before_the_object() -> None:
    made = STAGE.demonstration("mine", POSE, {"object": "tube"})
    away = made.T_base_wrist[:, :3, 3] - STAGE.middle
    assert np.linalg.norm(away[0]) - np.linalg.norm(away[1]) == pytest.approx(0.09)
    np.testing.assert_array_equal(made.T_base_wrist[1:], np.stack([POSE.T_base_wrist] * 3))
    beside = Pose(made.T_base_wrist[0], POSE.start, POSE.end)
    with pytest.raises(BadInput, match="does not hold the object"):
        STAGE.demonstration("mine", beside, {})


def test_the_drawn_hand_is_the_hand_that_touches() -> None:
    meshes = link_meshes(HAND)
    assert len(meshes) == len(HAND.link_names)
    for index, mesh in enumerate(meshes):
        shapes = [shape for at, shape in HAND.surfaces if at == index]
        off = np.min([shape.signed_distance(mesh.vertices) for shape in shapes], axis=0)
        assert off.max() < 1e-9
        bounds = np.stack([shape.bounds() for shape in shapes])
        wanted = np.stack([bounds[:, 0].min(axis=0), bounds[:, 1].max(axis=0)])
        np.testing.assert_allclose(mesh.bounds, wanted, atol=0.002)


class Page:
    """Stores at once what it begins with."""

    def __init__(self, stage, pose, port):  # type: ignore[no-untyped-def]
        self.url, self._pose = f"http://127.0.0.1:{port}", pose

    def __enter__(self):  # type: ignore[no-untyped-def]
        return self

    def __exit__(self, *_: object) -> None: ...

    def run(self, store) -> Report:  # type: ignore[no-untyped-def]
        return store(self._pose)


def test_a_hand_is_posed_on_a_recorded_view(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewer, "Viewer", Page)
    monkeypatch.setattr(viewer, "load_viser", lambda: None)
    camera = Camera(320, 240, 287.0, 287.0, 159.5, 119.5)
    T = look_at([0.80, 0.45, 0.58], [0.55, 0.0, 0.05])
    tube = (np.eye(4), Capsule([0.55, 0.0, RADIUS], [0.55, 0.0, 0.13], RADIUS))
    np.save(tmp_path / "depth.npy", render([level_slab(0.0, 1.0), tube], camera, T).depth)
    keys = {key: getattr(camera, key) for key in ("width", "height", "fx", "fy", "cx", "cy")}
    keys |= {"depth_scale": 1.0, "T_base_camera": T.tolist()}
    (tmp_path / "camera.yaml").write_text(yaml.safe_dump(keys))
    words = ["teach", "record", "mine", "--object", "a tube", "--teacher", "me", "--viewer"]
    words += ["--depth", str(tmp_path / "depth.npy"), "--camera", str(tmp_path / "camera.yaml")]
    assert main([*words, "--folder", str(tmp_path)]) == 0
    made = load_demonstration(tmp_path / "demonstrations" / "mine.npz")
    assert made.provenance["made_by"] == "ddg teach record --viewer"
    assert made.provenance["back"].startswith("guessed by")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--object", "can_000", "--viewer"], "split; teach on a training one"),
        (["--object", "can_002", "--viewer", "--like", "powr"], "did you mean 'power'"),
        (["--object", "x", "--viewer", "--depth", "d.npy"], "--depth and --camera go together"),
        (["--object", "x", "--port", "80"], "--port goes with --viewer"),
    ],
)
def test_what_cannot_be_posed_on_is_refused(
    words: list[str],
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(viewer, "load_viser", lambda: None)
    words = ["teach", "record", "mine", "--teacher", "me", "--folder", str(tmp_path), *words]
    assert main(words) == 2
    assert told in capsys.readouterr().err


def test_without_viser_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "viser", None)
    with pytest.raises(BadInput, match=r"the viewer needs viser: .* pip install"):
        viewer.load_viser()
