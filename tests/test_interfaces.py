"""The words: what the messages say is what the hall means."""

import json
import os
import re
from pathlib import Path

import pytest

from ddg_core.outcome import Outcome

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted(
    path
    for folder in ("ddg_interfaces", "underlay")
    for kind in ("msg", "srv", "action")
    for path in (ROOT / folder).rglob(f"*.{kind}")
)
# What ROS 2 Jazzy's own control_msgs and tf2_msgs are known by on the wire.
TYPE_HASHES = {
    "control_msgs/action/FollowJointTrajectory_SendGoal": "b13789dddc325a7a962825c45e28c77d"
    "37237ec129dd0c34dc5994562938c57f",
    "control_msgs/action/FollowJointTrajectory_GetResult": "e3ceb38e3e1867c8dc0f46014df26e90"
    "eb93422f27e9e97f936e07f94be4bc8b",
    "control_msgs/action/FollowJointTrajectory_FeedbackMessage": "80398fcb9674a79081a9906e2ccf0c80"
    "4dd7cb15e22e362e606ee87186beab71",
}


def test_the_outcomes_of_the_message_are_those_of_the_hall() -> None:
    text = (ROOT / "ddg_interfaces/msg/Outcome.msg").read_text(encoding="utf-8")
    constants = dict(re.findall(r"^string (\w+)=(\w+)", text, re.MULTILINE))
    assert constants == {outcome.name: outcome.value for outcome in Outcome}


@pytest.mark.ros
def test_the_built_outcomes_are_those_of_the_hall() -> None:
    messages = pytest.importorskip("ddg_interfaces.msg", reason="the interfaces are not built")
    for outcome in Outcome:
        assert getattr(messages.Outcome, outcome.name) == outcome.value


def test_every_interface_says_what_it_is_for() -> None:
    assert len(FILES) > 20
    for path in FILES:
        assert path.read_text(encoding="utf-8").startswith("# "), path.name


def test_every_number_says_its_unit_or_its_meaning() -> None:
    seen = 0
    for path in FILES:
        for line in path.read_text(encoding="utf-8").splitlines():
            if re.match(r"(float32|float64)(\[\])? \w+", line):
                seen += 1
                assert "#" in line, f"{path.name}: {line}"
    assert seen > 20


@pytest.mark.ros
def test_the_stand_ins_are_wire_compatible_with_the_real_packages() -> None:
    prefixes = os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    paths = [Path(p) / "share/control_msgs/action/FollowJointTrajectory.json" for p in prefixes]
    found = [path for path in paths if path.is_file()]
    if not found:
        pytest.skip("control_msgs is not built")
    tree = json.loads(found[0].read_text(encoding="utf-8"))
    hashes = {entry["type_name"]: entry["hash_string"] for entry in tree["type_hashes"]}
    for name, value in TYPE_HASHES.items():
        assert hashes[name] == f"RIHS01_{value}"
