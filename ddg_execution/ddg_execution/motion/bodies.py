"""The solids that collision checks compare, as Coal's geometries on the arm's joints."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import coal
import numpy as np
from scipy.spatial import ConvexHull

from ddg_core.arrays import Array
from ddg_core.shapes import Box, Capsule, Shape
from ddg_core.transforms import apply
from ddg_execution.motion.port import Scene, Situation, Touch
from ddg_execution.motion.robot import Robot

AROUND = frozenset({"fixed", "obstacle", "object"})  # roles of what is not the robot
STOOD_ON = 0.02  # points so near to an object's hull may be of what it stands on, in [m]
VOXEL = 0.005  # edge of the cubes that stand for points of a cloud, in [m]


@dataclass(frozen=True, eq=False)
class Body:
    """One solid: what it is part of, behind how many joints, and what it is called.

    Attributes:
        role: "arm", "fixed", "hand", "obstacle", "object" or "carried".
        link: Link of the URDF, or "box", "obstacle", "object".
        joints_before: Number of arm joints that move it.
        geometry: Its shape.
        T_joint_body: Its pose in the frame of the last of those joints, shape (4, 4), in [m].
    """

    role: str
    link: str
    joints_before: int
    geometry: coal.CollisionGeometry
    T_joint_body: Array


def robot_bodies(robot: Robot) -> Iterator[Body]:
    """The arm and what the URDF has fixed around it."""
    base = robot.tree.joint(robot.arm.joint_names[0]).parent
    for link, n, shape, T_joint_link in robot.bodies:
        role = "fixed" if n == 0 and link != base else "arm"
        geometry, T_link_body = _solid(shape)
        yield Body(role, link, n, geometry, T_joint_link @ T_link_body)


def hand_bodies(robot: Robot, fingers: Array) -> list[Body]:
    """Every solid of the hand, at finger joints (D,)."""
    bodies = []
    for link, shape, T_wrist_link in robot.hand_bodies(fingers):
        geometry, T_link_body = _solid(shape)
        T = robot.arm.T_last_wrist @ T_wrist_link @ T_link_body
        bodies.append(Body("hand", link, len(robot.arm), geometry, T))
    return bodies


def hand_poses(robot: Robot, fingers: Array) -> Array:
    """Where the B bodies of `hand_bodies` are at finger joints (N, D), shape (N, B, 4, 4)."""
    links = robot.hand.forward(robot.hand_joint_names, fingers)  # (N, L, 4, 4)
    hand = [
        (i, _solid(shape)[1])
        for i, link in enumerate(robot.hand.link_names)
        for shape in robot.hand.shapes[link]
    ]
    index, T_link_body = [i for i, _ in hand], np.stack([T for _, T in hand])
    poses: Array = robot.arm.T_last_wrist @ links[:, index] @ T_link_body
    return poses


def hull_body(robot: Robot, fingers: Array) -> Body:
    """The convex hull of the whole hand, at finger joints (D,)."""
    hull = _hand_hull(robot, tuple(fingers.tolist()))
    return Body("hand", "hand", len(robot.arm), hull, robot.arm.T_last_wrist)


@lru_cache(maxsize=16)  # one grasp asks again and again for the same few shapes of the hand
def _hand_hull(robot: Robot, fingers: tuple[float, ...]) -> coal.CollisionGeometry:
    bodies = robot.hand_bodies(np.array(fingers))
    return _hull(np.concatenate([apply(T, shape.sample(0.004)[0]) for _, shape, T in bodies]))


def scene_bodies(robot: Robot, situation: Situation) -> Iterator[Body]:
    """What stands around, and the object: standing, or carried as its convex hull.

    What a carried object stood on touches it when it is taken up, and is left out.
    """
    scene: Scene = situation.scene
    for box in scene.boxes:
        geometry, T = _solid(box)
        yield Body("obstacle", "box", 0, geometry, T)
    carried = situation.touch == Touch.CARRIED
    obstacles = left_behind(scene) if carried else scene.obstacles
    if len(obstacles):
        cloud = coal.makeOctree(np.asfortranarray(obstacles), VOXEL)
        yield Body("obstacle", "obstacle", 0, cloud, np.eye(4))
    if len(scene.object_points) >= 4 and carried:
        assert situation.T_wrist_base is not None, "a carried object needs T_wrist_base"
        T = robot.arm.T_last_wrist @ situation.T_wrist_base
        yield Body("carried", "object", len(robot.arm), _hull(scene.object_points), T)
    elif len(scene.object_points):
        cloud = coal.makeOctree(np.asfortranarray(scene.object_points), VOXEL)
        yield Body("object", "object", 0, cloud, np.eye(4))


def left_behind(scene: Scene) -> Array:
    """Obstacles (M, 3) that can be in the way of the object when it is taken up.

    Those left out touch its hull where it stands: what carries it, or what it stands over.
    """
    if len(scene.object_points) < 4:
        return scene.obstacles
    faces: Array = ConvexHull(scene.object_points, qhull_options="QJ").equations  # (F, 4)
    outside = (scene.obstacles @ faces[:, :3].T + faces[:, 3]).max(axis=1)
    apart: Array = scene.obstacles[outside > STOOD_ON]
    return apart


def _solid(shape: Shape) -> tuple[coal.CollisionGeometry, Array]:
    """Coal's solid of a primitive and its pose in the frame of the primitive."""
    if isinstance(shape, Box):
        return coal.Box(*(2.0 * shape.half)), shape.T_link_box
    assert isinstance(shape, Capsule), f"no solid for {type(shape).__name__}"
    axis = shape.b - shape.a
    length = float(np.linalg.norm(axis))
    T = np.eye(4)
    T[:3, 3] = (shape.a + shape.b) / 2.0
    if length > 1e-9:
        z = axis / length
        x = np.cross(z, np.eye(3)[np.argmin(np.abs(z))])
        x /= np.linalg.norm(x)
        T[:3, :3] = np.stack([x, np.cross(z, x), z], axis=1)
    return coal.Capsule(shape.radius, length), T


def _hull(points: Array) -> coal.CollisionGeometry:
    """Convex hull of points (N, 3)."""
    mesh = coal.BVHModelOBBRSS()
    mesh.beginModel(0, len(points))
    mesh.addVertices(np.asfortranarray(points))
    mesh.endModel()
    mesh.buildConvexHull(True, "Qt")
    return mesh.convex
