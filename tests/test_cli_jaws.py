"""`ddg plan --generator dexnet`: what is wrong with an image costs one line, which names it."""

import json

import numpy as np
import pytest
import yaml
from jaw_scenes import ABOVE, CAMERA, box_on_table
from PIL import Image

from ddg_cli.main import main

pytest.importorskip("torch", reason="the policies compute with torch")

TABLE = 0.7  # m below the camera
IMAGE, _ = box_on_table(np.array([0.06, 0.015, 0.03]), 0.5)


def mound():
    """Depth of a hill of 3 cm without a steep side."""
    v, u = np.mgrid[: CAMERA.height, : CAMERA.width]
    away = np.hypot(u - CAMERA.cx, v - CAMERA.cy) / CAMERA.fx * TABLE / 0.1
    return TABLE - 0.015 * (1.0 + np.cos(np.pi * np.minimum(away, 1.0)))


@pytest.fixture
def plan(tmp_path, capfd, monkeypatch):
    """Plan on a depth image; what is drawn has tests of its own."""
    monkeypatch.setattr("ddg_cli.picture.draw", lambda *_: Image.new("RGB", (20, 15)))

    def run(depth, *words, code, **camera):
        np.save(tmp_path / "depth.npy", depth)
        tree = {k: getattr(CAMERA, k) for k in ("width", "height", "fx", "fy", "cx", "cy")}
        tree |= {"depth_scale": 1.0, "T_base_camera": ABOVE.tolist(), **camera}
        (tmp_path / "camera.yaml").write_text(yaml.safe_dump(tree))
        files = {"depth": "depth.npy", "camera": "camera.yaml", "out": "plan.png"}
        given = [f"--{option}={tmp_path / name}" for option, name in files.items()]
        assert main(["plan", "--generator", "dexnet", *given, *words]) == code
        return capfd.readouterr()

    return run


@pytest.mark.parametrize(
    ("depth", "camera", "code", "outcome", "culprit"),
    [
        (mound(), {}, 3, "NO_CANDIDATE", "no edges on the object"),
        (np.full_like(IMAGE.depth, TABLE), {}, 3, "NO_CLOUD", "object"),
        (IMAGE.depth, {"fx": 57.4, "fy": 57.4}, 2, "BAD_INPUT", "intrinsics: fx = 57.4 pixels"),
        (IMAGE.depth, {"cx": 0.0}, 2, "BAD_INPUT", "intrinsics: cx = 0 is not near the middle"),
        (1000.0 * IMAGE.depth, {}, 2, "BAD_INPUT", "millimetres"),
        (np.full_like(IMAGE.depth, np.nan), {}, 3, "NO_CLOUD", "reading"),
    ],
    ids=["no edges", "no object", "field of view", "middle", "millimetres", "NaN"],
)
def test_a_bad_image_is_a_typed_outcome(plan, depth, camera, code, outcome, culprit):
    answer = json.loads(plan(depth, "--json", code=code, **camera).out)
    assert answer["outcome"] == outcome
    assert culprit in answer["message"]
    assert "\n" not in answer["message"]
    assert not answer.get("grasps")


def test_holes_that_were_filled_are_told(plan):
    holed = np.array(IMAGE.depth)
    holed[:, :64] = np.nan
    assert "10.0% of the depth image had no reading and was filled" in plan(holed, code=0).out
    assert json.loads(plan(holed, "--json", code=0).out)["holes"] == pytest.approx(0.1)
    assert "was filled" not in plan(IMAGE.depth, code=0).out
