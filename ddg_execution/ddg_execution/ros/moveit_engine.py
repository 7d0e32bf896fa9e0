"""MoveIt 2 through `moveit_py`: compares bodies in a planning scene, searches with its pipeline.

Written against MoveIt 2.12 (Jazzy). It plans only; nothing here executes.
"""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from geometry_msgs.msg import Point, Pose
from moveit.planning import MoveItPy, PlanRequestParameters
from moveit_msgs.msg import AttachedCollisionObject, CollisionObject
from octomap_msgs.msg import Octomap
from scipy.spatial import ConvexHull
from shape_msgs.msg import Mesh, MeshTriangle, SolidPrimitive

from ddg_core.arrays import Array
from ddg_core.cell import CellSettings
from ddg_core.description import cell_srdf, cell_urdf
from ddg_core.ros.convert import pose_to_msg
from ddg_core.transforms import apply
from ddg_execution.motion.bodies import VOXEL, left_behind
from ddg_execution.motion.checks import Checks
from ddg_execution.motion.collision import Checker
from ddg_execution.motion.embedded import EmbeddedPlanner, EmbeddedSettings
from ddg_execution.motion.octomap import octomap_bytes
from ddg_execution.motion.port import NoPath, Situation, Touch
from ddg_execution.motion.robot import Robot, robot_of_cell

ARM = "arm"  # group of the SRDF
OBJECT = "object"
CLOUD = "<octomap>"  # what MoveIt calls it
FILES = {  # settings in config/moveit, and the parameter that they become; None: at the top
    "kinematics": "robot_description_kinematics",
    "joint_limits": "robot_description_planning",
    "ompl_planning": "ompl",
    "moveit_cpp": None,
    "moveit_controllers": None,
}
GOALS = 4  # tried one after the other, the best first


def moveit_parameters(cell: CellSettings, folder: Path) -> dict[str, Any]:
    """Parameters of MoveIt's node: descriptions of the cell, and the files of `folder`."""
    parameters: dict[str, Any] = {
        "robot_description": cell_urdf(cell),
        "robot_description_semantic": cell_srdf(cell),
    }
    for file, name in FILES.items():
        tree = yaml.safe_load((folder / f"{file}.yaml").read_text(encoding="utf-8"))
        parameters |= {name: tree} if name else tree
    return parameters


def make_moveit_planner(
    cell: CellSettings, settings: EmbeddedSettings, folder: Path
) -> EmbeddedPlanner:
    """Make the planner with MoveIt as its engine; for `RemotePlanner`."""
    robot = robot_of_cell(cell)
    return EmbeddedPlanner(robot, settings, MoveItEngine(robot, cell, settings, folder))


class MoveItEngine:
    """An `Engine`. MoveIt knows robot and table from the URDF; the rest comes with each situation.

    MoveIt has no clearance to give up where a start is near something, so none is kept.
    """

    def __init__(
        self, robot: Robot, cell: CellSettings, settings: EmbeddedSettings, folder: Path
    ) -> None:
        """Bring MoveIt up."""
        self._robot, self._settings = robot, settings
        self._frame = cell.base_frame
        self._moveit = MoveItPy(
            node_name="ddg_moveit",
            config_dict=moveit_parameters(cell, folder),
            provide_planning_service=False,
        )
        self._component = self._moveit.get_planning_component(ARM)

    def checks(self, situation: Situation, *, clearance: float) -> "MoveItChecks":  # noqa: ARG002
        """See `Engine.checks`."""
        return MoveItChecks(self._robot, self._scene(situation), situation)

    def search(self, checks: Checks, start: Array, goals: Array, *, seed: int) -> Array:  # noqa: ARG002
        """See `Engine.search`; MoveIt's pipelines take no seed."""
        assert isinstance(checks, MoveItChecks)
        request = PlanRequestParameters(self._moveit, "")
        request.planning_time = self._settings.time_limit / min(len(goals), GOALS)
        self._component.set_start_state(robot_state=checks.state(start))
        for goal in goals[:GOALS]:
            self._component.set_goal_state(robot_state=checks.state(goal))
            response = self._component.plan(
                single_plan_parameters=request, planning_scene=checks.scene
            )
            if response:
                path = self._path(response.trajectory)
                if checks.free_path(path, resolution=self._settings.resolution):
                    return path
        raise NoPath(f"MoveIt found no free path within {self._settings.time_limit:g} s")

    def _path(self, trajectory: Any) -> Array:
        message = trajectory.get_robot_trajectory_msg().joint_trajectory
        columns = [message.joint_names.index(name) for name in self._robot.arm.joint_names]
        return np.array([point.positions for point in message.points])[:, columns]

    def _scene(self, situation: Situation) -> Any:
        """A planning scene of its own for a situation."""
        with self._moveit.get_planning_scene_monitor().read_only() as shared:
            scene = copy.deepcopy(shared)
        around, robot = situation.scene, self._robot
        hand = robot.hand.link_names
        allowed = scene.allowed_collision_matrix
        for i, a in enumerate(hand):  # fingers press on each other and do no harm
            for b in hand[:i]:
                allowed.set_entry(a, b, True)
        for i, box in enumerate(around.boxes):
            scene.apply_collision_object(collision_object_msg=self._box(f"box_{i}", box))
        carried = situation.touch == Touch.CARRIED
        cloud = left_behind(around) if carried else around.obstacles
        if len(cloud):
            scene.process_octomap(msg=self._octomap(cloud))
            base = robot.tree.joint(robot.arm.joint_names[0])
            for link in (base.parent, base.child):  # points so near are of the robot itself
                allowed.set_entry(CLOUD, link, True)
        if len(around.object_points) >= 4 and carried:
            assert situation.T_wrist_base is not None, "a carried object needs T_wrist_base"
            points = apply(situation.T_wrist_base, around.object_points)
            item = _hull(OBJECT, robot.wrist_link, points)
            scene.process_attached_collision_object(
                object=AttachedCollisionObject(
                    link_name=robot.wrist_link, object=item, touch_links=list(hand)
                )
            )
            for link, joints, _, _ in robot.bodies:  # it stood on a fixed body, and is at the hand
                if joints == 0 or joints >= len(robot.arm) - 1:
                    allowed.set_entry(OBJECT, link, True)
        elif len(around.object_points) >= 4:
            item = _hull(OBJECT, self._frame, around.object_points)
            scene.apply_collision_object(collision_object_msg=item)
            for link in hand if situation.touch == Touch.HAND else ():
                allowed.set_entry(OBJECT, link, True)
        scene.allowed_collision_matrix = allowed
        return scene

    def _box(self, name: str, box: Any) -> Any:
        item = CollisionObject(id=name, operation=CollisionObject.ADD)
        item.header.frame_id = self._frame
        item.primitives = [SolidPrimitive(type=SolidPrimitive.BOX, dimensions=[*(2.0 * box.half)])]
        item.primitive_poses = [pose_to_msg(box.T_link_box)]
        item.pose = Pose()
        return item

    def _octomap(self, points: Array) -> Any:
        message = Octomap(binary=True, id="OcTree", resolution=VOXEL)
        message.header.frame_id = self._frame
        message.data = np.frombuffer(octomap_bytes(points, VOXEL), np.int8).tolist()
        return message


class MoveItChecks(Checks):
    """Checks in one planning scene."""

    def __init__(self, robot: Robot, scene: Any, situation: Situation) -> None:
        """Put the fingers where they are."""
        self._robot, self.scene, self._situation = robot, scene, situation
        fingers = situation.fingers.tolist()
        self._fingers = dict(zip(robot.hand_joint_names, fingers, strict=True))
        self._now = self.state(robot.home)

    def state(self, q: Array) -> Any:
        """MoveIt's state of the robot at configuration (A,).

        What the hand carries is part of a state: that of the scene has it, one made anew has not.
        """
        state = copy.copy(self.scene.current_state)
        self._move(state, q)
        return state

    def free(self, q: Array) -> bool:
        """See `Checks.free`."""
        self._move(self._now, q)
        low, high = self._robot.workspace
        wrist = self._robot.arm.forward(q)[:3, 3]
        inside = bool(((low <= wrist) & (wrist <= high)).all())
        return inside and not self.scene.is_state_colliding(
            robot_state=self._now, joint_model_group_name=ARM
        )

    def touching(self, q: Array) -> tuple[tuple[str, str], ...]:
        """See `Checks.touching`; by our own checker.

        MoveIt tells Python that something collides, not what: its contacts have no binding
        (moveit2 issue 3685).
        """
        pairs = Checker(self._robot, self._situation).touching(q)
        return pairs or (("the robot", "what only MoveIt sees"),)

    def _move(self, state: Any, q: Array) -> None:
        arm = dict(zip(self._robot.arm.joint_names, q.tolist(), strict=True))
        state.joint_positions = self._fingers | arm
        state.update()


def _hull(name: str, frame: str, points: Array) -> Any:
    """Convex hull of points (N, 3) in `frame` as a collision object."""
    hull = ConvexHull(points)
    index = {int(v): i for i, v in enumerate(hull.vertices)}
    mesh = Mesh(
        triangles=[
            MeshTriangle(vertex_indices=[index[int(v)] for v in simplex])
            for simplex in hull.simplices
        ],
        vertices=[Point(x=x, y=y, z=z) for x, y, z in points[hull.vertices].tolist()],
    )
    item = CollisionObject(id=name, operation=CollisionObject.ADD)
    item.header.frame_id = frame
    item.meshes, item.mesh_poses, item.pose = [mesh], [Pose()], Pose()
    return item
