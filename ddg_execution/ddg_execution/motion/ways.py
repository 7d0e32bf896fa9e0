"""Which of many ways of the hand, such as pre-grasp, grasp and lift, the arm can go as a whole."""

import numpy as np
from scipy.spatial.transform import Rotation

from ddg_core.arrays import Array, frozen_array
from ddg_core.ports import Reach
from ddg_core.transforms import inverse
from ddg_execution.motion.arm import Arm
from ddg_execution.motion.bodies import hand_poses
from ddg_execution.motion.collision import Checker
from ddg_execution.motion.inverse import descend, inverse_kinematics, pose_error
from ddg_execution.motion.port import Scene, Situation, Touch
from ddg_execution.motion.reach import reach_of
from ddg_execution.motion.robot import Robot

_ARM_ANGLES = 16  # elbow turns per pose
_BRANCHES = 4  # configurations at the first pose that are followed
_LEAST_MARGIN = 0.002  # of half a joint's range, as the planner's
_STEP = 0.04  # [m] between two looks on a straight line
_JUMP = 0.6  # [rad], largest change of a joint between two looks
_FOLLOWED = 1e-3  # [m] and [rad], how close the arm must follow


class WayChecker:
    """Answers for whole ways what `ReachChecker` answers for poses.

    One configuration at the first pose must follow the straight lines through all others without a
    jump, a limit or a collision. The fingers are where the grasp has them on its way. Of three
    poses or more the last line is the lift, on which the hand carries the object.
    """

    def __init__(self, robot: Robot) -> None:
        """Measure the arm."""
        self._robot = robot
        self._inverse = inverse_kinematics(robot.arm, arm_angles=_ARM_ANGLES)

    def check(self, T_base_wrist: Array, fingers: Array, scene: Scene) -> Reach:
        """Judge ways.

        Args:
            T_base_wrist: Wrist poses to go through, shape (N, W, 4, 4), in [m].
            fingers: Driven finger joints on each way, shape (N, D), in [rad].
            scene: What stands around; the hand may touch the object after the first pose.

        Returns:
            For each way the configuration at its first pose that stays farthest from the limits
            all the way, and how far that is; NaN and 0 where there is none.
        """
        poses = frozen_array("T_base_wrist", T_base_wrist, None, None, 4, 4)
        n, arm = len(poses), self._robot.arm
        joints, margin = np.full((n, len(arm)), np.nan), np.zeros(n)
        if n == 0:
            return reach_of(arm, joints, margin)
        paths, margins = follow(arm, self._starts(poses), poses)
        order = np.argsort(-margins, axis=1)
        T_wrist_base = inverse(poses[:, -2])
        away, near, laden = checkers = [
            Checker(self._robot, Situation(scene, fingers[0], touch, T_wrist_base[0]))
            for touch in (Touch.NOTHING, Touch.HAND, Touch.CARRIED)
        ]
        hands = hand_poses(self._robot, fingers)
        lift = len(_between(poses[:, -2], poses[:, -1])) + 1 if poses.shape[1] > 2 else 0
        up = paths.shape[2] - lift  # where it begins
        for i in range(n):
            for checker in checkers:
                checker.place_hand(hands[i])
            laden.place_carried(T_wrist_base[i])
            for j in order[i]:
                if margins[i, j] < _LEAST_MARGIN:
                    break
                path = paths[i, j]
                # Backwards from the grasp, which is where most touch something.
                legs = [(path[:1], away), (path[up:0:-1], near), (path[up:], laden)]
                free, hopeless = _free(legs)
                if free:
                    joints[i], margin[i] = paths[i, j, 0], margins[i, j]
                if free or hopeless:
                    break
        return reach_of(arm, joints, margin)

    def _starts(self, T_base_wrist: Array) -> Array:
        """Configurations (N, K, A) at the first poses; NaN where there are fewer.

        Those whose like (same elbow turn, same signs) are farthest from the limits at all poses.
        """
        n, w = T_base_wrist.shape[:2]
        q = self._inverse(T_base_wrist.reshape(-1, 4, 4))
        margin = np.nan_to_num(self._robot.arm.margin(q), nan=-1.0).reshape(n, w, -1)
        best = np.argsort(-margin.min(axis=1), axis=1)[:, :_BRANCHES]
        at_first = q.reshape(n, w, *q.shape[1:])[:, 0]
        found: Array = np.take_along_axis(at_first, best[..., None], axis=1)
        return found


def follow(arm: Arm, starts: Array, T_base_wrist: Array) -> tuple[Array, Array]:
    """Follow straight lines through wrist poses (N, W, 4, 4) from configurations (N, K, A).

    Returns:
        The configurations on the way, shape (N, K, S, A), in [rad], and the least margin to a limit
        on each, shape (N, K); negative where the arm cannot follow.
    """
    q = np.nan_to_num(starts)
    good = ~np.isnan(starts[..., 0])
    path = [q]
    for w in range(T_base_wrist.shape[1] - 1):
        for T in _between(T_base_wrist[:, w], T_base_wrist[:, w + 1]):
            target = np.broadcast_to(T[:, None], (*q.shape[:2], 4, 4))
            before = q
            for _ in range(2):
                q = descend(arm, q, target, most=_JUMP)
            error = np.abs(pose_error(arm.forward(q), target)).max(axis=-1)
            good &= (error < _FOLLOWED) & (np.abs(q - before).max(axis=-1) < _JUMP)
            q = np.where(good[..., None], q, before)
            path.append(q)
    paths = np.stack(path, axis=2)
    return paths, np.where(good, arm.margin(paths).min(axis=2), -1.0)


def _between(T_from: Array, T_to: Array) -> Array:
    """Poses (S, N, 4, 4) from N poses to others along straight lines, the first excluded."""
    relative = inverse(T_from) @ T_to
    turn = Rotation.from_matrix(relative[:, :3, :3]).as_rotvec()  # (N, 3)
    far = max(np.linalg.norm(relative[:, :3, 3], axis=1).max(), 0.3 * np.abs(turn).max())
    shares = np.linspace(0.0, 1.0, max(1, int(np.ceil(far / _STEP))) + 1)[1:]
    poses = np.tile(T_from, (len(shares), 1, 1, 1))
    for pose, share in zip(poses, shares, strict=True):
        pose[:, :3, 3] += share * (T_to[:, :3, 3] - T_from[:, :3, 3])
        pose[:, :3, :3] = T_from[:, :3, :3] @ Rotation.from_rotvec(share * turn).as_matrix()
    return poses


def _free(legs: list[tuple[Array, Checker]]) -> tuple[bool, bool]:
    """Whether a path of legs (S, A) is free, and if not, whether no other configuration helps."""
    for path, checker in legs:
        for q in path:
            if not checker.free(q):
                return False, checker.hopeless()
    return True, False
