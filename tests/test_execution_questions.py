"""What the executor is asked: ways whose fingers may come in any order, and must fit."""

import numpy as np
import pytest

pytest.importorskip("ddg_interfaces", reason="the interfaces are not built")

from ddg_interfaces.srv import CheckReach

from ddg_core.errors import BadInput
from ddg_core.ros.convert import pose_to_msg
from ddg_execution.ros.questions import ways_from_msg


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"finger_names": ["thumb"]}, "fingers are thumb; the hand has a, b"),
        ({"fingers": [0.0] * 3}, "4 poses and 3 finger angles, for ways of 2 poses and 2 fingers"),
        ({"poses_per_way": 3}, "for ways of 3 poses"),
        ({"poses_per_way": 0}, "for ways of 0 poses"),
    ],
)
def test_ways_that_do_not_fit_are_refused(changes, message):
    poses = [pose_to_msg(np.eye(4))] * 4
    right = {"wrist_poses": poses, "poses_per_way": 2, "finger_names": ["b", "a"]}
    right["fingers"] = [1.0, 2.0, 3.0, 4.0]
    ways, fingers = ways_from_msg(CheckReach.Request(**right), ["a", "b"])
    assert (ways.shape, fingers.tolist()) == ((2, 2, 4, 4), [[2.0, 1.0], [4.0, 3.0]])
    with pytest.raises(BadInput, match=message):
        ways_from_msg(CheckReach.Request(**{**right, **changes}), ["a", "b"])
