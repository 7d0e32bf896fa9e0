"""A headless Chromium, driven by its own protocol; nothing but `websockets` is needed."""

import base64
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from ddg_core.waiting import wait_until

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (  # WebGL by SwiftShader: no GPU is needed
    "--headless=new",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--no-sandbox",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)


def chromium() -> str | None:
    """Path of a Chromium; None if there is none: pip cannot install it."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """One page of the browser."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._ids, self._session = socket, itertools.count(1), ""

    def open(self, url: str) -> None:
        target = self.ask("Target.createTarget", url=url)["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send one command and return its result."""
        message: dict[str, Any] = {"id": next(self._ids), "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._socket.send(json.dumps(message))
        while True:
            answer = json.loads(self._socket.recv(timeout=120.0))
            if answer.get("id") == message["id"]:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    def evaluate(self, script: str) -> Any:
        """Value of a JavaScript expression in the page."""
        return self.ask("Runtime.evaluate", expression=script, returnByValue=True)["result"].get(
            "value"
        )

    def wait(self, script: str, what: str) -> None:
        """Wait until an expression is true."""
        wait_until(lambda: bool(self.evaluate(script)), what=what, timeout=120.0, period=0.2)

    def click(self, label: str) -> None:
        """Click the button with that text."""
        button = f"[...document.querySelectorAll('button')].find(b => b.innerText == {label!r})"
        self.wait(f"!!{button}", f"button {label!r}")
        self.evaluate(f"{button}.click()")

    def press(self, key: str, code: int) -> None:
        """Press a key on what has the focus."""
        for kind in ("keyDown", "keyUp"):
            self.ask(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code
            )

    def screenshot(self) -> bytes:
        """A PNG."""
        return base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"])


@contextmanager
def browser(folder: Path, width: int = 1280, height: int = 800) -> Iterator[Page]:
    """Start Chromium with its profile in `folder`; it ends with the block."""
    program = chromium()
    assert program is not None
    folder.mkdir()
    log = folder / "chromium.log"
    command = [program, *FLAGS, f"--window-size={width},{height}", f"--user-data-dir={folder}"]
    with log.open("w") as out:
        process = subprocess.Popen(
            [*command, "about:blank"], stdout=out, stderr=out, start_new_session=True
        )
    try:
        said = lambda: re.search(r"DevTools listening on (ws://\S+)", log.read_text())  # noqa: E731
        wait_until(lambda: said() is not None, what="Chromium", timeout=120.0)
        found = said()
        assert found is not None
        with connect(found[1], max_size=None, proxy=None) as socket:
            yield Page(socket)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30.0)
