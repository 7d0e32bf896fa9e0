"""What the dead left in shared memory goes, what somebody holds stays."""

import contextlib
import fcntl
import mmap
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ddg_cli import shared_memory

DEAD, LIVE, YOUNG = (f"fastrtps_{digit * 16}" for digit in "abc")
PORT, MAPPED = "fastrtps_port7411", "fastrtps_port7413"


@pytest.fixture
def folder(tmp_path: Path):
    """Segments and ports as processes left them a minute ago, two of them still held."""
    files = [f"{name}{end}" for name in (DEAD, LIVE, YOUNG, MAPPED) for end in ("", "_el")]
    files += [PORT, f"sem.{PORT}_mutex", "sem.fastrtps_port7415_mutex", "lttng-ust", "fastrtps_x"]
    for name in files:
        (tmp_path / name).write_bytes(b"x" * 100)
        then = (tmp_path / name).stat().st_mtime - (0 if YOUNG in name else 60)
        os.utime(tmp_path / name, (then, then))
    with contextlib.ExitStack() as stack:
        owner = stack.enter_context((tmp_path / f"{LIVE}_el").open())
        fcntl.flock(owner, fcntl.LOCK_EX)
        writer = stack.enter_context((tmp_path / MAPPED).open("r+b"))
        stack.enter_context(mmap.mmap(writer.fileno(), 0))
        yield tmp_path


def test_only_what_nobody_holds_goes(folder: Path) -> None:
    assert shared_memory.sweep(folder) == [DEAD, PORT, "fastrtps_port7415"]
    left = {f"{name}{end}" for name in (LIVE, YOUNG, MAPPED) for end in ("", "_el")}
    assert {path.name for path in folder.iterdir()} == left | {"lttng-ust", "fastrtps_x"}
    assert shared_memory.sweep(folder) == []


@pytest.mark.ros
def test_a_client_that_left_holds_none_though_it_is_still_referred_to(
    domains: Callable[[], int],
) -> None:
    pytest.importorskip("rclpy", reason="needs ROS")
    pytest.importorskip("ddg_interfaces", reason="needs the built interfaces")
    from ddg_cli.ros.session import Session

    def held() -> set[str]:
        return {name for name in shared_memory.mapped(process="self") if "fastrtps" in name}

    domains()
    before = held()
    with Session() as session:
        assert held() - before
    assert not held() - before
    assert session is not None
