"""A stand-in for moveit_py where MoveIt is not installed: names, arguments and behaviour of Jazzy's
bindings as far as our engine uses them, with our own collision checks inside.

It proves that the engine builds scenes rightly and calls what exists, not that MoveIt plans well.
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from geometry_msgs.msg import Pose
from motion_fixtures import cell_robot
from std_msgs.msg import Header

from ddg_core.ros.convert import pose_from_msg
from ddg_core.shapes import Box
from ddg_core.transforms import apply, inverse
from ddg_execution.motion.collision import Checker
from ddg_execution.motion.embedded import CoalOmpl, EmbeddedSettings
from ddg_execution.motion.port import NoPath, Scene, Situation, Touch

DEPTH = 16
CLOUD = "<octomap>"


def occupied(data: bytes, resolution: float) -> np.ndarray:
    """Centres (N, 3) of the occupied leaves of OctoMap's binary stream, read node by node."""
    found: list[np.ndarray] = []
    stream = iter(data)

    def node(key: np.ndarray, level: int) -> None:
        bits = next(stream) | next(stream) << 8
        children = []
        for i in range(8):
            kind = bits >> (2 * i) & 0b11
            child = key + (np.array([i & 1, i >> 1 & 1, i >> 2 & 1]) << level)
            if kind == 0b11:
                children.append(child)
            elif kind == 0b10:
                assert level == 0
                found.append(child)
        for child in children:
            node(child, level - 1)

    node(np.zeros(3, np.int64), DEPTH - 1)
    assert next(stream, None) is None
    return (np.array(found) - (1 << (DEPTH - 1)) + 0.5) * resolution


@dataclass
class CollisionObject:
    ADD = b"\x00"
    id: str = ""
    operation: bytes = b""
    header: Header = field(default_factory=Header)
    pose: Pose = field(default_factory=Pose)
    primitives: list = field(default_factory=list)
    primitive_poses: list = field(default_factory=list)
    meshes: list = field(default_factory=list)
    mesh_poses: list = field(default_factory=list)


@dataclass
class AttachedCollisionObject:
    link_name: str
    object: CollisionObject
    touch_links: list


@dataclass
class Octomap:
    binary: bool
    id: str
    resolution: float
    header: Header = field(default_factory=Header)
    data: list = field(default_factory=list)


class AllowedCollisionMatrix:
    def __init__(self) -> None:
        self.pairs: set[frozenset[str]] = set()

    def set_entry(self, name1: str, name2: str, allowed: bool) -> None:
        assert allowed
        self.pairs.add(frozenset((name1, name2)))


class CollisionResult:
    @property
    def contacts(self) -> Any:
        raise TypeError("Unable to convert function return value to a Python type!")  # issue 3685


class RobotState:
    def __init__(self, model: Any) -> None:
        self.joint_positions: dict[str, float] = {}
        self.carried = np.zeros((0, 3))  # a new state carries nothing, whatever the scene's does
        self.fresh = False

    def update(self, force: bool = False, type: str = "all") -> None:  # noqa: A002
        self.fresh = True


class PlanningScene:
    def __init__(self) -> None:
        self.allowed_collision_matrix = AllowedCollisionMatrix()
        self.boxes: list[Box] = []
        self.cloud = np.zeros((0, 3))
        self.standing = np.zeros((0, 3))
        self.current_state = RobotState("model")

    def __deepcopy__(self, memo: dict) -> "PlanningScene":
        return PlanningScene()

    def apply_collision_object(self, collision_object_msg: Any, color_msg: Any = None) -> None:
        item = collision_object_msg
        assert item.header.frame_id == "link_0"
        assert item.operation == item.ADD
        for solid, pose in zip(item.primitives, item.primitive_poses, strict=True):
            assert solid.type == solid.BOX
            self.boxes.append(Box(pose_from_msg(pose), np.array(solid.dimensions) / 2.0))
        if item.meshes:
            self.standing = _vertices(item)

    def process_octomap(self, msg: Octomap) -> None:
        assert (msg.id, msg.binary) == ("OcTree", True)
        self.cloud = occupied(np.array(msg.data, np.int8).tobytes(), msg.resolution)

    def process_attached_collision_object(self, object: AttachedCollisionObject) -> None:  # noqa: A002
        assert object.link_name == object.object.header.frame_id == cell_robot().wrist_link
        assert set(object.touch_links) >= set(cell_robot().hand.link_names)
        self.current_state.carried = _vertices(object.object)

    def is_state_colliding(
        self, robot_state: RobotState, joint_model_group_name: str, verbose: bool = False
    ) -> bool:
        checker, q = self.checker(robot_state)
        return not checker.free(q)

    def check_collision(self, collision_request: Any, collision_result: Any, state: Any) -> None:
        checker, q = self.checker(state)
        collision_result.collision = not checker.free(q)

    def checker(self, state: RobotState) -> tuple[Checker, np.ndarray]:
        assert state.fresh, "MoveIt refuses states whose transforms are not updated"
        robot = cell_robot()
        fingers = np.array([state.joint_positions[name] for name in robot.hand_joint_names])
        item, touch, T = self.standing, Touch.NOTHING, None
        if len(state.carried):
            assert self.allowed(
                "object", [link for link, n, _, _ in robot.bodies if n in (0, 6, 7)]
            )
            T = inverse(robot.arm.forward(robot.home))
            item, touch = apply(inverse(T), state.carried), Touch.CARRIED
        elif self.allowed("object", robot.hand.link_names):
            touch = Touch.HAND
        if len(self.cloud):
            assert self.allowed(CLOUD, [robot.tree.joint(robot.arm.joint_names[0]).child])
        scene = Scene(self.cloud, item, tuple(self.boxes))
        q = np.array([state.joint_positions[name] for name in robot.arm.joint_names])
        key = (len(self.boxes), len(self.cloud), len(item), touch, fingers.tobytes())
        if getattr(self, "_key", None) != key:
            self._key, self._checker = key, Checker(robot, Situation(scene, fingers, touch, T))
        return self._checker, q

    def allowed(self, name: str, links: Iterable[str]) -> bool:
        pairs = self.allowed_collision_matrix.pairs
        return all(frozenset((name, link)) in pairs for link in links)


class PlanningComponent:
    def set_start_state(self, configuration_name: Any = None, robot_state: Any = None) -> bool:
        self.start = robot_state
        return True

    def set_goal_state(self, configuration_name: Any = None, robot_state: Any = None) -> bool:
        self.goal = robot_state
        return True

    def plan(self, single_plan_parameters: Any = None, planning_scene: Any = None) -> Any:
        robot = cell_robot()
        planning_scene.current_state = self.start  # with all that it carries, or no longer carries
        checker, start = planning_scene.checker(self.start)
        _, goal = planning_scene.checker(self.goal)
        engine = CoalOmpl(robot, EmbeddedSettings(time_limit=single_plan_parameters.planning_time))
        try:
            path = engine.search(checker, start, goal[None], seed=1)
        except NoPath:
            return False
        names = list(reversed(robot.arm.joint_names))  # MoveIt promises no order
        points = [SimpleNamespace(positions=q[::-1].tolist()) for q in path]
        message = SimpleNamespace(
            joint_trajectory=SimpleNamespace(joint_names=names, points=points)
        )
        trajectory = SimpleNamespace(get_robot_trajectory_msg=lambda: message)
        return SimpleNamespace(trajectory=trajectory)


class MoveItPy:
    def __init__(
        self, node_name: str, config_dict: dict, provide_planning_service: bool = True
    ) -> None:
        assert config_dict["planning_pipelines"]["pipeline_names"] == ["ompl"]
        assert config_dict["robot_description"].startswith("<?xml")
        assert "arm" in config_dict["robot_description_kinematics"]
        assert "A1" in config_dict["robot_description_planning"]["joint_limits"]
        assert config_dict["ompl"]["planning_plugins"]

    def get_planning_component(self, planning_component_name: str) -> PlanningComponent:
        assert planning_component_name == "arm"
        return PlanningComponent()

    def get_planning_scene_monitor(self) -> Any:
        return self

    @contextmanager
    def read_only(self) -> Iterator[PlanningScene]:
        yield PlanningScene()


class PlanRequestParameters:
    def __init__(self, moveit: MoveItPy, ns: str) -> None:
        self.planning_time = 0.0


def _vertices(item: CollisionObject) -> np.ndarray:
    mesh = item.meshes[0]
    assert {i for t in mesh.triangles for i in t.vertex_indices} == set(range(len(mesh.vertices)))
    return np.array([(p.x, p.y, p.z) for p in mesh.vertices])


@contextmanager
def installed() -> Iterator[None]:
    """Put the stand-ins where Python looks for modules, for as long as the block lasts."""
    names = {
        "moveit": {},
        "moveit.core": {},
        "moveit.core.collision_detection": {
            "CollisionRequest": SimpleNamespace,
            "CollisionResult": CollisionResult,
        },
        "moveit.core.robot_state": {"RobotState": RobotState},
        "moveit.planning": {
            "MoveItPy": MoveItPy,
            "PlanRequestParameters": PlanRequestParameters,
        },
        "moveit_msgs": {},
        "moveit_msgs.msg": {
            "CollisionObject": CollisionObject,
            "AttachedCollisionObject": AttachedCollisionObject,
        },
        "octomap_msgs": {},
        "octomap_msgs.msg": {"Octomap": Octomap},
    }
    for name, content in names.items():
        module = ModuleType(name)
        vars(module).update(content)
        sys.modules[name] = module
    try:
        yield
    finally:
        for name in (*names, "ddg_execution.ros.moveit_engine"):
            sys.modules.pop(name, None)
