"""Out of a grasp from where the fingers let go, which is not always where that was planned."""

from itertools import pairwise

import numpy as np

from ddg_core.arrays import Array
from ddg_core.grasp import Grasp
from ddg_core.transforms import inverse
from ddg_execution.motion.inverse import straight_poses
from ddg_execution.motion.port import MotionPlanner, Scene, Situation
from ddg_execution.motion.robot import Robot
from ddg_execution.motion.timing import SpeedSettings, timed
from ddg_execution.phases import Phase, Step
from ddg_execution.plan import ExecutionSettings, first_at_grasp, plan_home


def plan_way_out(
    grasp: Grasp,
    q_start: Array,
    scene: Scene,
    *,
    planner: MotionPlanner,
    robot: Robot,
    settings: ExecutionSettings,
    speed: SpeedSettings,
    rng: np.random.Generator,
) -> tuple[Phase, ...]:
    """Plan the rest of a release: out as the hand came in, and home.

    Where the arm cannot go out so, it goes home as from wherever it was left.

    Args:
        grasp: What was done.
        q_start: Where the arm is, its fingers open, shape (A,), in [rad].
        scene: What stands around.
        planner: Finds paths.
        robot: Whose limits hold.
        settings: Speeds of the wrist, heights.
        speed: Shares of the joint limits to use.
        rng: For the search.

    Raises:
        NoPath: There is no way home, not even from straight above.
    """
    joints, reached = grasp.joints, first_at_grasp(grasp)
    T_wrist_base = inverse(grasp.T_base_wrist_grasp)
    T_start = robot.arm.forward(q_start)
    ways = [T_start @ T_wrist_base @ T for T in grasp.T_base_wrist[reached::-1]]
    q, fingers, steps = q_start, joints[reached], []
    for k, (T_from, T_to) in zip(range(reached - 1, -1, -1), pairwise(ways), strict=True):
        poses = straight_poses(T_from, T_to, step=settings.step, turn=3 * settings.step)
        among = Situation(scene, fingers).touching()
        (path,) = planner.straight(q[None], poses, among)
        if not len(path):
            break
        leg = timed(path, robot.arm, speed, wrist_speed=settings.approach_speed)
        steps.append(Step(arm=leg, fingers=joints[k], may_stall=True))
        q, fingers = path[-1], joints[k]
    home = plan_home(
        q,
        Situation(scene, fingers),
        planner=planner,
        robot=robot,
        settings=settings,
        speed=speed,
        rng=rng,
    )
    return (Phase("release", tuple(steps)), *home)
