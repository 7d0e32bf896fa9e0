"""Teaching in the browser: a hand is posed, closes, touches and is stored, in a real Chromium."""

import io
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import planning_world as world
import pytest
from PIL import Image

pytest.importorskip("viser", reason="the viewer needs viser (requirements.txt)")

from browser import Page, browser, chromium

from ddg_cli.report import Report
from ddg_cli.teach.folders import Folders
from ddg_cli.teach.viewer import TOUCHING, Viewer
from ddg_core.errors import BadInput
from ddg_core.waiting import wait_until
from ddg_planning.generate.demonstration import load_demonstration
from ddg_planning.store import DEMONSTRATIONS
from ddg_planning.teach.posing import Pose, Stage, posed_like
from ddg_planning.teach.shown import TeachSettings

HAND = world.svh()
STAGE = Stage(HAND, world.tube(radius=0.036, height=0.16), TeachSettings())
POSE = posed_like(load_demonstration(DEMONSTRATIONS / "svh" / "power.npz"), STAGE.middle)


@pytest.fixture
def viewer() -> Iterator[Viewer]:
    with Viewer(STAGE, POSE, 8080) as made:
        yield made


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    if chromium() is None:
        pytest.skip("no Chromium, which pip cannot bring: sudo apt-get install -y chromium")
    with browser(tmp_path / "profile", 1280, 1060) as opened:
        yield opened


def orange(page: Page) -> int:
    """How many pixels have the colour of links that touch."""
    pixels = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB"), float)
    apart = np.abs(pixels / pixels.max(-1, keepdims=True).clip(1) - np.array(TOUCHING) / 255.0)
    bright = pixels.max(-1) > 120
    return int((bright & (apart.max(-1) < 0.12))[:, :860].sum())


@pytest.mark.slow
def test_a_hand_posed_in_the_browser_becomes_a_demonstration(
    viewer: Viewer, page: Page, tmp_path: Path
) -> None:
    folders = Folders.of(tmp_path, HAND)
    posed: list[Pose] = []

    def store(pose: Pose) -> Report:
        posed.append(pose)
        if len(posed) == 1:
            raise BadInput("not yet")
        return folders.add("posed", STAGE.demonstration("posed", pose, {"object": "tube"}), HAND)

    stored: Future[Report] = Future()
    show = threading.Thread(target=lambda: stored.set_result(viewer.run(store)), daemon=True)
    show.start()  # a daemon: where this test fails, nobody presses the button
    page.open(viewer.url)
    page.wait("document.querySelectorAll('[role=slider]').length >= 7", "sliders")
    page.evaluate("document.querySelector('.mantine-Notification-closeButton')?.click()")
    page.evaluate("document.querySelectorAll('[role=slider]')[0].focus()")
    before = viewer._controls.pose().T_base_wrist[0, 3]
    page.press("ArrowRight", 39)  # 1 mm along x
    moved = lambda: viewer._controls.pose().T_base_wrist[0, 3] > before + 5e-4  # noqa: E731
    wait_until(moved, what="slider that moved", timeout=120.0)
    page.click("Store demonstration")
    page.wait("document.body.innerText.includes('Not stored: not yet')", "refusal")
    assert posed[0].T_base_wrist[0, 3] - before == pytest.approx(0.001)
    page.wait("document.body.innerText.includes('touch: none')", "open hand")
    assert orange(page) < 20
    page.evaluate("document.activeElement.blur()")
    page.click("Close")
    wait_until(lambda: orange(page) > 300, what="contacts in colour", timeout=120.0, period=1.0)
    page.wait("/touch: .*thumb, .*fingers/.test(document.body.innerText)", "links that touch")
    page.wait("!document.body.innerText.includes('Not stored')", "closing without a word")
    (tmp_path / "viewer.png").write_bytes(page.screenshot())
    page.click("Store demonstration")
    report = stored.result(timeout=120.0)
    made = load_demonstration(tmp_path / "demonstrations" / "posed.npz")
    assert report.json["kind"] == "posed"
    np.testing.assert_array_equal(made.T_base_wrist[-1], posed[1].T_base_wrist)
    np.testing.assert_allclose(made.joints[2], STAGE.closed(posed[1]))
    assert {"c", "t"} <= set(made.provenance["touching"].split())
