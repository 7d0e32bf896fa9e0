"""Which of many wrist poses the arm can reach without running into anything."""

import numpy as np

from ddg_core.arrays import Array, frozen_array
from ddg_core.ports import Reach
from ddg_execution.motion.arm import Arm
from ddg_execution.motion.collision import Checker
from ddg_execution.motion.inverse import inverse_kinematics
from ddg_execution.motion.port import Scene, Situation, Touch
from ddg_execution.motion.robot import Robot

_ARM_ANGLES = 16  # elbow turns per pose; twice as many reach 0.2 % more poses
_MOST_CHECKS = 16  # configurations tried per pose before it counts as blocked
_LEAST_MARGIN = 0.01  # of half a joint's range


class ReachChecker:
    """Answers `check_reach` for one robot.

    The fingers' joints are not asked for, so of the hand only the palm counts (all that does not
    move with a finger joint); whether fingers are free, the one who planned the grasp knows.
    """

    def __init__(self, robot: Robot) -> None:
        """Measure the arm."""
        self._robot = robot.without_fingers()
        self._inverse = inverse_kinematics(robot.arm, arm_angles=_ARM_ANGLES)

    def check(self, T_base_wrist: Array, scene: Scene | None = None) -> Reach:
        """Judge wrist poses.

        Args:
            T_base_wrist: Wrist poses, shape (N, 4, 4), in [m].
            scene: What the arm must keep away from besides the cell's bodies; the hand may touch
                the object.

        Returns:
            For each pose the best free configuration: the farthest from the limits.
        """
        poses = frozen_array("T_base_wrist", T_base_wrist, None, 4, 4)
        arm = self._robot.arm
        n = len(poses)
        joints = np.full((n, len(arm)), np.nan)
        if n == 0:
            return reach_of(arm, joints, np.zeros(0))
        q = self._inverse(poses)  # (N, B, A)
        margin = np.nan_to_num(arm.margin(q), nan=-1.0)  # (N, B)
        order = np.argsort(-margin, axis=1)[:, :_MOST_CHECKS]
        fingers = np.zeros(len(self._robot.hand_joint_names))
        checker = Checker(self._robot, Situation(scene or Scene(), fingers, Touch.HAND))
        for i in range(n):
            for j in order[i]:
                if margin[i, j] < _LEAST_MARGIN:
                    break
                if checker.free(q[i, j]):
                    joints[i] = q[i, j]
                    break
                if checker.hopeless():
                    break
        return reach_of(arm, joints, arm.margin(joints))


def reach_of(arm: Arm, joints: Array, margin: Array) -> Reach:
    """What is answered of configurations (N, A) with margins (N,); NaN where there is none."""
    reachable = ~np.isnan(joints[:, 0])
    filled = np.where(reachable[:, None], joints, 0.0)
    return Reach(
        reachable=reachable,
        joints=joints,
        manipulability=np.where(reachable, arm.manipulability(filled), 0.0),
        margin=np.where(reachable, np.clip(margin, 0.0, 1.0), 0.0),
    )
