"""Collision checks of one robot in one situation: Pinocchio moves the bodies, Coal compares them.

Two passes: first the whole hand as one convex hull, which clears most configurations with few
pairs; only where that touches, every link of the hand by itself.
"""

import itertools

import pinocchio as pin

from ddg_core.arrays import Array
from ddg_execution.motion.bodies import (
    AROUND,
    Body,
    hand_bodies,
    hull_body,
    robot_bodies,
    scene_bodies,
)
from ddg_execution.motion.checks import Checks
from ddg_execution.motion.port import Situation, Touch
from ddg_execution.motion.robot import Robot

_FEW = 6  # a hand of so few bodies needs no hull


class Checker(Checks):
    """Says whether configurations are free in one situation. Not for two threads at once.

    Args:
        robot: The robot.
        situation: What stands around, how the fingers are, what the object may touch.
        clearance: Distance to keep from everything that is not the robot, in [m].
    """

    def __init__(self, robot: Robot, situation: Situation, *, clearance: float = 0.0) -> None:
        """Build the models; a few milliseconds."""
        self._robot = robot
        self._model = _chain(robot)
        self._data = self._model.createData()
        self._wrist = robot.arm.T_last_wrist[:3, 3]
        self._low, self._high = robot.workspace.tolist()
        around = [*robot_bodies(robot), *scene_bodies(robot, situation)]
        hand = hand_bodies(robot, situation.fingers)
        self._first_of_hand = len(around)
        self._carried = [i for i, body in enumerate(around) if body.role == "carried"]
        self._fine = _Pass(robot, [*around, *hand], situation.touch, clearance)
        self._passes = [self._fine]
        if len(hand) > _FEW:
            hull = hull_body(robot, situation.fingers)
            coarse = _Pass(robot, [*around, hull], situation.touch, clearance + 1e-3)
            self._passes = [coarse, self._fine]

    def place_hand(self, T_joint_body: Array) -> None:
        """Move the hand's bodies to poses (B, 4, 4) of `hand_poses`; quicker than to begin anew.

        The hull of the hand is not made anew: it pays only where much is asked.
        """
        bodies = self._fine.model.geometryObjects
        for i, T in enumerate(T_joint_body, start=self._first_of_hand):
            bodies[i].placement = pin.SE3(T)
        self._passes = [self._fine]

    def place_carried(self, T_wrist_base: Array) -> None:
        """Take the carried object up anew, where {base} was seen so from {wrist}, (4, 4)."""
        T = pin.SE3(self._robot.arm.T_last_wrist @ T_wrist_base)
        for body in self._carried:
            self._fine.model.geometryObjects[body].placement = T
        self._passes = [self._fine]

    def free(self, q: Array) -> bool:
        """See `Checks.free`."""
        return any(not self._collides(p, q) for p in self._passes) and self._inside()

    def hopeless(self) -> bool:
        """Whether the configuration just found not free is so by its wrist pose alone.

        Then hand or load touches what is around, or {wrist} is outside the workspace, and no other
        configuration of the arm helps.
        """
        results = itertools.islice(self._fine.data.collisionResults, self._fine.hand_pairs)
        return any(result.isCollision() for result in results) or not self._inside()

    def touching(self, q: Array) -> tuple[tuple[str, str], ...]:
        """See `Checks.touching`."""
        self._collides(self._fine, q, stop_at_first=False)
        names = [g.name.rpartition("#")[0] for g in self._fine.model.geometryObjects]
        pairs = {
            (names[pair.first], names[pair.second])
            for pair, result in zip(
                self._fine.model.collisionPairs, self._fine.data.collisionResults, strict=True
            )
            if result.isCollision()
        }
        if not self._inside():
            pairs.add((self._robot.wrist_link, "the border of the workspace"))
        return tuple(sorted(pairs))

    def _collides(self, look: "_Pass", q: Array, *, stop_at_first: bool = True) -> bool:
        hit: bool = pin.computeCollisions(
            self._model, self._data, look.model, look.data, q, stop_at_first
        )
        return hit

    def _inside(self) -> bool:
        """Whether {wrist} is in the workspace, at the configuration looked at last."""
        wrist = self._data.oMi[self._model.njoints - 1].act(self._wrist).tolist()
        return all(
            low <= x <= high for low, x, high in zip(self._low, wrist, self._high, strict=True)
        )


class _Pass:
    """Bodies and the pairs of them that are compared, hand against surroundings first."""

    def __init__(self, robot: Robot, bodies: list[Body], touch: Touch, clearance: float) -> None:
        self.model = pin.GeometryModel()
        for i, body in enumerate(bodies):
            placement = pin.SE3(body.T_joint_body)
            self.model.addGeometryObject(
                pin.GeometryObject(f"{body.link}#{i}", body.joints_before, placement, body.geometry)
            )
        pairs = [
            (j, i)
            for i, a in enumerate(bodies)
            for j, b in enumerate(bodies[:i])
            if _may_collide(robot, a, b, touch)
        ]
        roles = {pair: {bodies[pair[0]].role, bodies[pair[1]].role} for pair in pairs}
        held = {"hand", "carried"}
        by_wrist = {pair for pair in pairs if roles[pair] & held and roles[pair] & AROUND}
        pairs.sort(key=lambda pair: pair not in by_wrist)
        for pair in pairs:
            self.model.addCollisionPair(pin.CollisionPair(*pair))
        self.data = self.model.createData()
        self.hand_pairs = len(by_wrist)
        for request, pair in zip(self.data.collisionRequests, pairs, strict=True):
            # Only what is not the robot is uncertain enough to keep away from.
            request.security_margin = clearance if roles[pair] & AROUND else 0.0


def _may_collide(robot: Robot, a: Body, b: Body, touch: Touch) -> bool:
    roles = {a.role, b.role}
    near, far = sorted((a.joints_before, b.joints_before))
    if frozenset((a.link, b.link)) in robot.allowed:
        return False
    if "carried" in roles:  # it stood on a fixed body, and is in the hand
        return not roles & {"fixed", "hand"} and near < len(robot.arm) - 1
    if roles == {"hand", "object"}:
        return touch == Touch.NOTHING
    if roles & {"obstacle", "object"}:  # points near the base are the base's own
        return far >= 2
    if "fixed" in roles:
        return far >= 1
    return far - near >= 2  # neighbours touch at their joint


def _chain(robot: Robot) -> pin.Model:
    """The arm's moving joints; everything else hangs on them as geometry."""
    model = pin.Model()
    arm = robot.arm
    for i, name in enumerate(arm.joint_names):
        joint = pin.JointModelRevoluteUnaligned(*arm.axes[i])
        model.addJoint(i, joint, pin.SE3(arm.T_before[i]), name)
    return model
