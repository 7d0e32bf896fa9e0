"""A whole trial over ROS with two jaws: the nodes of the five-finger hand, told another cell."""

from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS")
pytest.importorskip("ddg_interfaces", reason="needs the built interfaces")

from ddg_cli import stack
from ddg_cli.demo import _picture
from ddg_cli.stopwatch import Stopwatch
from ddg_core.records import read_record

pytestmark = [pytest.mark.ros, pytest.mark.slow]


def test_two_jaws_hold_a_ball(tmp_path):
    watch = Stopwatch()
    with stack.up(tmp_path, watch, "jaws") as (_, session):
        name = session.spawn("ball_001", 1)
        result = session.run_trial(name, 1, lambda _: None)
    assert (result.outcome.code, result.grasp.hand) == ("HELD", "parallel_gripper")
    record = read_record(Path(result.record))
    assert all(len(joints) == 1 for joints in record.grasp.joints)
    assert Path(result.bag).is_dir()
    assert _picture(result, "jaws", tmp_path / "grasp.png", watch)
