"""The frames that go on /tf, and the settings of execution."""

import subprocess
import sys

import numpy as np
import pytest
from motion_fixtures import cell_robot

from ddg_core.description import config_folder
from ddg_core.settings import load
from ddg_core.transforms import inverse
from ddg_execution.executor_settings import ExecutorSettings
from ddg_execution.joint_frames import JointFrames
from ddg_execution.link import LinkSettings


def test_joint_frames_agree_with_forward_kinematics():
    tree = cell_robot().tree
    frames = JointFrames(tree)
    q = np.random.default_rng(3).uniform(0.0, 0.5, len(tree.driven))
    T = tree.forward(tree.driven, q)
    row = {link: i for i, link in enumerate(tree.link_names)}
    found = frames.poses(dict(zip(tree.driven, q, strict=True)))
    assert len(found) == len(frames.moving) > len(tree.driven)  # coupled joints too
    for joint, T_parent_child in zip(frames.moving, found, strict=True):
        wanted = inverse(T[row[joint.parent]]) @ T[row[joint.child]]
        np.testing.assert_allclose(T_parent_child, wanted, atol=1e-12)
    assert len(frames.fixed) + len(frames.moving) == len(tree.joints)


def test_the_settings_files_are_as_documented():
    settings = load(config_folder() / "execution.yaml", ExecutorSettings)
    assert settings.execution.lift_height == pytest.approx(0.2)
    assert load(config_folder() / "link.yaml", LinkSettings).missed < 0.5


def test_a_watchdog_that_barks_between_two_beats_is_refused():
    with pytest.raises(ValueError, match="at least twice"):
        LinkSettings(heartbeat=0.2, missed=0.3)


@pytest.mark.ros
def test_the_watchdog_is_light():
    """It has to be up when everything else is in trouble."""
    pytest.importorskip("rclpy")
    script = "import sys, ddg_execution.ros.watchdog_node; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "ddg_execution.ros.watchdog_node" in loaded
    assert {"ompl", "pinocchio", "coal", "toppra"}.isdisjoint(loaded)
