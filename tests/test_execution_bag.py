"""Laws of the bag: standard tools read it without this project, and it is whole or not there."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("ddg_interfaces", reason="the interfaces are not built")

from control_msgs.action import FollowJointTrajectory
from ddg_interfaces.action import RunTrial
from ddg_interfaces.msg import StageTime
from rclpy.serialization import serialize_message
from rosbags.typesys import Stores, get_typestore
from sensor_msgs.msg import Image, JointState
from tf2_msgs.msg import TFMessage

from ddg_core.errors import BadInput, Failed
from ddg_execution import definitions
from ddg_execution.bag import BagWriter, Topic
from ddg_execution.definitions import definition, register, trimmed, typestore

pytestmark = pytest.mark.ros

JOINTS = Topic("/joint_states", "sensor_msgs/msg/JointState")
STATIC = Topic("/tf_static", "tf2_msgs/msg/TFMessage", latched=True)
DEPTH = Topic("/camera/depth/image_rect_raw", "sensor_msgs/msg/Image")
RESULT = Topic("/ddg/run_trial/result", "ddg_interfaces/action/RunTrial_Result")
FEEDBACK = Topic("/arm/feedback", "control_msgs/action/FollowJointTrajectory_FeedbackMessage")

READ_WITH_ROSBAGS = """
import sys
from pathlib import Path
from rosbags.highlevel import AnyReader
with AnyReader([Path(sys.argv[1])]) as reader:
    for connection, _, raw in reader.messages():
        message = reader.deserialize(raw, connection.msgtype)
        if connection.topic.endswith("result"):
            print(message.outcome.code, message.grasp.joints[0], message.stages[0].stage)
        if connection.topic == "/joint_states":
            print(message.position[0])
    print(sorted(reader.topics))
    static = reader.topics["/tf_static"].connections[0].ext.offered_qos_profiles[0]
    print(static.durability.name)
"""

READ_WITH_MCAP = """
import sys
from mcap_ros2.reader import read_ros2_messages
for message in read_ros2_messages(sys.argv[1]):
    data = message.ros_msg
    if message.channel.topic.endswith("result"):
        print(data.outcome.code, data.grasp.joints[0], data.stages[0].stage)
    if message.channel.topic == "/arm/feedback":
        print(data.joint_names[0], data.actual.positions[0])
    if message.channel.topic.endswith("raw"):
        print(data.encoding, len(data.data))
"""


def messages():
    result = RunTrial.Result()
    result.outcome.code = "HELD"
    result.grasp.joints = [0.25]
    result.stages = [StageTime(stage="capture", duration=0.1)]
    feedback = FollowJointTrajectory.Impl.FeedbackMessage()
    feedback.feedback.joint_names = ["A1"]
    feedback.feedback.actual.positions = [1.5]
    image = Image(encoding="32FC1", height=2, width=2, step=8, data=bytes(16))
    return [
        (JOINTS, JointState(name=["A1"], position=[0.5])),
        (STATIC, TFMessage()),
        (DEPTH, image),
        (FEEDBACK, feedback),
        (RESULT, result),
    ]


def write(path: Path) -> Path:
    bag = BagWriter(path)
    for i, (topic, message) in enumerate(messages()):
        bag.add(topic, 10**18 + i, trimmed(topic.type_name, serialize_message(message)))
    return bag.close()


def read(program: str, path: Path) -> list[str]:
    """Run a reader in an interpreter that knows neither this project nor ROS."""
    bare = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "AMENT_PREFIX_PATH")}
    done = subprocess.run(
        [sys.executable, "-c", program, path], capture_output=True, text=True, env=bare, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_rosbags_reads_it_without_this_project(tmp_path: Path):
    lines = read(READ_WITH_ROSBAGS, write(tmp_path / "trial"))
    assert lines[:2] == ["0.5", "HELD 0.25 capture"]
    assert lines[2] == str(sorted(topic.name for topic, _ in messages()))
    assert lines[3] == "TRANSIENT_LOCAL"


def test_mcap_reads_it_without_this_project(tmp_path: Path):
    path = write(tmp_path / "trial")
    assert read(READ_WITH_MCAP, path / "trial.mcap") == [
        "32FC1 16",
        "A1 1.5",
        "HELD 0.25 capture",
    ]
    assert (path / "metadata.yaml").is_file()


def test_until_it_is_complete_it_is_not_there(tmp_path: Path):
    bag = BagWriter(tmp_path / "trial")
    bag.add(*next((topic, 1, serialize_message(m)) for topic, m in messages()))
    assert not (tmp_path / "trial").exists()
    bag.abort()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_an_error_that_says_so_and_nothing_is_left(tmp_path: Path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    bag = BagWriter(tmp_path / "trial")
    monkeypatch.setattr(bag._writer.storage, "close_chunk", full)
    for i in range(3):
        bag.add(DEPTH, i, bytes(2**20))
    with pytest.raises(Failed, match="No space left on device"):
        bag.close()
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Failed, match="no bag at"):
        BagWriter(tmp_path / "file" / "trial")


def test_definitions_of_messages_are_the_built_ones():
    import json

    from ddg_core.description import package_folder  # the source text stands for the built one

    assert (package_folder("ddg_interfaces") / "msg").is_dir()
    built = [
        path
        for prefix in os.environ["AMENT_PREFIX_PATH"].split(":")
        for path in Path(prefix).glob("share/ddg_interfaces/msg/*.json")
    ]
    assert built
    for path in built:
        tree = json.loads(path.read_text())
        name = tree["type_description_msg"]["type_description"]["type_name"]
        hashes = {h["type_name"]: h["hash_string"] for h in tree["type_hashes"]}
        assert typestore().hash_rihs01(register(name)) == hashes[name]


def test_an_unknown_type_is_refused():
    with pytest.raises(BadInput, match="neither in the source tree nor installed"):
        definition("no_such_msgs/msg/Thing")
    with pytest.raises(BadInput, match="no definition"):
        definition("ddg_interfaces/msg/Thing")


def test_a_type_is_not_known_to_anybody_before_its_parts_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = get_typestore(Stores.ROS2_JAZZY)
    monkeypatch.setattr(definitions, "typestore", lambda: store)
    halfway, go_on = Event(), Event()

    def slow(name: str) -> str:
        if name.endswith("ModelId"):
            halfway.set()
            assert go_on.wait(60.0)
        return definition(name)

    monkeypatch.setattr(definitions, "definition", slow)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(register, "ddg_interfaces/msg/Grasp")
        assert halfway.wait(60.0)
        second = pool.submit(register, "ddg_interfaces/msg/Grasp")
        early, _ = wait([second], timeout=0.5)
        go_on.set()
        assert first.result(60.0) == second.result(60.0)
    assert not early
