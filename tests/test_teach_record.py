"""Recording a demonstration over real ROS: a fake robot shows it, or shows something wrong."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import planning_world as world
import pytest

rclpy = pytest.importorskip("rclpy")
pytest.importorskip("ddg_interfaces", reason="the interfaces are not built")

from ddg_interfaces.srv import CaptureView
from geometry_msgs.msg import TransformStamped
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import JointState
from tf2_msgs.msg import TFMessage

from ddg_cli.main import main
from ddg_cli.report import Report
from ddg_cli.ros import guided
from ddg_cli.teach.folders import Folders
from ddg_cli.teach.record import MARKS, Lesson, record
from ddg_core.description import load_cell
from ddg_core.errors import BadInput, DdgError, Failed, TimedOut
from ddg_core.outcome import Outcome
from ddg_core.ros.convert import header, outcome_to_msg, transform_to_msg, view_to_msg
from ddg_core.ros.spinning import spinning
from ddg_planning.generate.demonstration import load_demonstration
from ddg_planning.generate.generator import GeneratorSettings
from ddg_planning.generate.search import SearchSettings
from ddg_planning.store import GenerationSettings, load_generator

pytestmark = pytest.mark.ros

CELL, HAND = load_cell("real"), world.svh()
CLOUD = world.tube()
SHOWN = world.wrap(CLOUD, HAND)
PREFIX = HAND.settings.joint_prefix
LESSON = Lesson("my_wrap", "a tube", "the test")
VIEW = world.view_of(world.seen(CLOUD))


class Robot(Node):
    """A hand that is guided, its wrist's frame, and a capture service."""

    def __init__(self, context: "rclpy.Context") -> None:
        super().__init__("robot", context=context)
        self.waypoint, self.names, self.talks, self.wrist = 0, HAND.joint_names, True, True
        self.trembles, self.shift, self.views = 0.0, np.zeros(3), [VIEW]
        self._joints = self.create_publisher(JointState, "/joint_states", 10)
        self._frames = self.create_publisher(TFMessage, "/tf", 10)
        self.create_service(CaptureView, "/ddg/capture_view", self._capture)
        self.create_timer(0.02, self._tell)

    def _tell(self) -> None:
        if not self.talks:
            return
        stamp = self.get_clock().now().to_msg()
        joints = SHOWN.joints[self.waypoint]
        self.trembles = -self.trembles
        named = [(PREFIX + n, v + self.trembles) for n, v in zip(self.names, joints, strict=True)]
        arm = JointState(name=["lbr_A1"], position=[0.3])  # another driver, on the same topic
        hand = JointState(name=[n for n, _ in named[::-1]], position=[v for _, v in named[::-1]])
        for message in (arm, hand):
            message.header.stamp = stamp
        T = SHOWN.T_base_wrist[self.waypoint].copy()
        T[:3, 3] += self.shift
        frame = TransformStamped(child_frame_id="base_link", transform=transform_to_msg(T))
        frame.header.frame_id, frame.header.stamp = CELL.base_frame, stamp
        if self.wrist:
            self._frames.publish(TFMessage(transforms=[frame]))
        self._joints.publish(arm)
        self._joints.publish(hand)

    def _capture(self, request, response):  # type: ignore[no-untyped-def]
        if not self.views:
            response.outcome = outcome_to_msg(Outcome.EMPTY_MASK, "nothing on the table")
            return response
        view = self.views[0]
        self.views = self.views[1:] or self.views
        response.view = view_to_msg(view, header(CELL.base_frame, 1.0))
        response.outcome = outcome_to_msg(Outcome.OK)
        return response


@pytest.fixture
def robot(domains: Callable[[], int], monkeypatch: pytest.MonkeyPatch) -> Iterator[Robot]:
    monkeypatch.setattr(guided, "PATIENCE", 60.0)
    monkeypatch.setattr(guided, "FRAMES", 60.0)
    monkeypatch.setattr(guided, "CAPTURE", 60.0)
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domains())
    node = Robot(context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    with spinning(executor):
        yield node
    node.destroy_node()
    rclpy.shutdown(context=context)


def teach(robot: Robot, folder: Path, lesson: Lesson = LESSON, **options) -> Report:  # type: ignore[no-untyped-def]
    """Show each posture when it is asked for, then press Enter."""

    def press(prompt: str) -> None:
        prompts.append(prompt)
        robot.waypoint = next((i for i, mark in enumerate(MARKS) if mark in prompt), 0)

    prompts: list[str] = []
    folders = Folders.of(folder, HAND)
    report = record(lesson, folders, CELL, HAND, press, robot="real", **options)
    assert len(prompts) == 3 + options.get("views", 1)
    backwards = options.get("closed_first", False)
    assert [mark for p in prompts for mark in MARKS if mark in p] == [
        *(reversed(MARKS) if backwards else MARKS)
    ]
    return report


def test_what_a_guided_hand_shows_becomes_a_grasp_type(
    robot: Robot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = teach(robot, tmp_path)
    made = load_demonstration(tmp_path / "demonstrations" / "my_wrap.npz")
    np.testing.assert_allclose(made.joints[:3], SHOWN.joints[:3], atol=1e-9)
    closed = np.abs(made.joints[2] - made.joints[1]) > 0.02
    np.testing.assert_array_equal(made.joints[3] > made.joints[2], closed)  # fingers press
    np.testing.assert_allclose(made.T_base_wrist, SHOWN.T_base_wrist, atol=1e-9)
    told = {"object": "a tube", "teacher": "the test", "robot": "real", "views": "1"}
    assert told.items() <= made.provenance.items()
    assert made.provenance["back"].startswith("guessed by")
    # The thumb closes on the side that the camera does not see.
    assert {"c", "t"} <= set(made.provenance["touching"].split())
    assert report.json["kind"] == "my_wrap"
    assert main(["teach", "show", str(tmp_path / "demonstrations" / "my_wrap.npz")]) == 0
    assert "the test" in capsys.readouterr().out
    generation = GenerationSettings(
        models=str(tmp_path / "models"),
        generator=GeneratorSettings(search=SearchSettings(candidates=300)),
    )
    grasps = load_generator(HAND, generation)(VIEW, n=3, rng=np.random.default_rng(0))
    assert grasps[0].kind == "my_wrap"
    with pytest.raises(BadInput, match="'my_wrap' is taken"):
        teach(robot, tmp_path)


def test_it_may_begin_with_the_hand_closed_and_the_camera_may_look_again(
    robot: Robot, tmp_path: Path
) -> None:
    robot.views = [VIEW, world.view_of(world.seen(CLOUD, np.array([0.3, -0.5, 0.4])))]
    lesson = replace(LESSON, kind="wrap")
    report = teach(robot, tmp_path, lesson, views=2, closed_first=True)
    assert (report.json["kind"], report.json["back"]) == ("wrap", "seen")
    made = load_demonstration(tmp_path / "demonstrations" / "my_wrap.npz")
    np.testing.assert_allclose(made.T_base_wrist, SHOWN.T_base_wrist, atol=1e-9)


def refused(robot: Robot, folder: Path, error: type[DdgError], match: str) -> None:
    with pytest.raises(error, match=match):
        teach(robot, folder)
    assert not list(folder.rglob("*.npz"))


def silent(robot: Robot) -> None:
    robot.talks = False


def other_hand(robot: Robot) -> None:
    robot.names = tuple(f"finger_{i}" for i in range(9))


def trembling(robot: Robot) -> None:
    robot.trembles = 0.2


def no_wrist(robot: Robot) -> None:
    robot.wrist = False


@pytest.mark.parametrize(
    ("wrong", "short", "error", "match"),
    [
        (silent, "PATIENCE", TimedOut, "no joint states on /joint_states"),
        (other_hand, "PATIENCE", BadInput, "Pinky.*heard: .*finger_0.*joints of hand 'svh'"),
        (trembling, "PATIENCE", TimedOut, "no hand that stands still"),
        (no_wrist, "FRAMES", Failed, "nobody publishes .*'base_link'"),
    ],
)
def test_a_robot_that_does_not_say_where_its_hand_is_is_named(
    robot: Robot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wrong: Callable[[Robot], None],
    short: str,
    error: type[DdgError],
    match: str,
) -> None:
    wrong(robot)
    hears = guided.GuidedHand.posture

    def once_joined(hand: guided.GuidedHand) -> guided.Posture:
        joined = lambda: wrong is silent or len(hand._newest) > 1  # noqa: E731
        guided.wait_until(joined, what="joint state", timeout=60.0)
        monkeypatch.setattr(guided, short, 1.0)
        return hears(hand)

    monkeypatch.setattr(guided.GuidedHand, "posture", once_joined)
    refused(robot, tmp_path, error, match)


def test_a_hand_beside_the_object_is_refused(robot: Robot, tmp_path: Path) -> None:
    robot.shift = np.array([0.0, 0.0, 0.3])
    refused(robot, tmp_path, BadInput, r"does not hold the object: .* mm from its surface")


def test_an_empty_table_is_told(robot: Robot, tmp_path: Path) -> None:
    robot.views = []
    refused(robot, tmp_path, Failed, "nothing on the table")


def test_the_command_line_refuses_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["teach", "record", "x", "--object", "a tube", "--folder", str(tmp_path)]
    monkeypatch.delenv("USER", raising=False)
    assert main(words) == 2
    assert "--teacher" in capsys.readouterr().err
    words += ["--teacher", "me"]
    for wrong, told in (
        (["--views", "0"], "--views must be at least 1"),
        (["--robot", "reel"], "did you mean 'real'"),
    ):
        assert main([*words, *wrong]) == 2
        assert told in capsys.readouterr().err
    words[2] = "../x"
    assert main(words) == 2
    assert "a name has letters" in capsys.readouterr().err
