"""A whole trial over ROS with two jaws: the nodes of the five-finger hand, told another cell."""

import shutil
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS")
pytest.importorskip("ddg_interfaces", reason="needs the built interfaces")

from ddg_cli import stack
from ddg_cli.demo import _picture
from ddg_cli.ros.bystander import Bystander
from ddg_cli.ros.nudge import Nudge
from ddg_cli.stopwatch import Stopwatch
from ddg_core.description import config_folder, load_cell
from ddg_core.records import read_record

pytestmark = [pytest.mark.ros, pytest.mark.slow]
SIDEWAYS = 0.0  # [rad] on the table


def test_two_jaws_hold_a_ball(tmp_path):
    watch = Stopwatch()
    with stack.up(tmp_path, watch, "jaws") as (_, session), Bystander() as bystander:
        name = session.spawn("ball_001", 1)
        result = session.run_trial(name, 1, bystander.stage)
    assert bystander.shift < 0.01  # a ball is not touched before the jaws close
    assert (result.outcome.code, result.grasp.hand) == ("HELD", "parallel_gripper")
    record = read_record(Path(result.record))
    assert all(len(joints) == 1 for joints in record.grasp.joints)
    assert Path(result.bag).is_dir()
    assert _picture(result, "jaws", tmp_path / "grasp.png", watch)


def test_an_object_moved_on_the_way_in_is_held_by_jaws_that_look(tmp_path):
    """Slow and patient, so that it ends alike on a busy machine."""
    config = shutil.copytree(config_folder(), tmp_path / "config")
    for file, old, new in (
        ("execution.yaml", "approach_speed: 0.15", "approach_speed: 0.03"),  # time to look
        ("link.yaml", "missed: 0.3", "missed: 3.0"),  # and to say that one lives
    ):
        text = (config / file).read_text()
        assert old in text
        (config / file).write_text(text.replace(old, new))
    cell, out = load_cell("jaws", folder=config), tmp_path / "out"
    with (
        stack.up(out, Stopwatch(), "jaws", config) as (_, session),
        Nudge(cell) as nudge,
        Bystander() as bystander,
    ):
        name = session.spawn("ball_001", 1)
        nudge.once(0.03, SIDEWAYS)
        result = session.run_trial(name, 1, bystander.stage)
    assert nudge.done.is_set()
    assert 0.02 < bystander.shift < 0.04
    assert len(bystander.looks) > 1
    assert result.outcome.code == "HELD", result.outcome.message
    assert result.grasp.kind == "fc"  # it was corrected, by fc-gqcnn: the plan was by cem
    assert read_record(Path(result.record)).grasp.kind == result.grasp.kind
