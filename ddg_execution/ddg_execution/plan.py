"""From one grasp to all that arm and hand do, planned before anything moves."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ddg_core.arrays import Array
from ddg_core.errors import BadInput
from ddg_core.grasp import Grasp
from ddg_core.transforms import inverse
from ddg_execution.motion.inverse import straight_poses
from ddg_execution.motion.port import MotionPlanner, NoIk, NoPath, Scene, Situation
from ddg_execution.motion.robot import Robot
from ddg_execution.motion.timing import SpeedSettings, timed
from ddg_execution.phases import Phase, Step
from ddg_execution.trajectory import Trajectory

WayOut = Callable[[Array], tuple[Phase, ...] | None]
"""Given where the planned way out of a grasp begins, (A,): what to do in its place, if anything."""


@dataclass(frozen=True)
class ExecutionSettings:
    """How a grasp is executed.

    Attributes:
        lift_height: How far the grasped object is lifted, in [m].
        retreat_height: How far up the hand goes where it stands too close to begin, in [m].
        hold_time: How long it is held up, in [s].
        approach_speed: Largest speed of the wrist from pre-grasp to grasp and back, in [m/s].
        lift_speed: Largest speed of the wrist while it carries, in [m/s].
        transfer_speed: Largest speed of the wrist between home and pre-grasp, in [m/s].
        shape_time: Least duration of shaping and opening the hand, in [s].
        shape_slack: How far a finger joint may stay from the shape of the pre-grasp, in [rad]:
            neighbouring fingers touch each other where the palm folds.
        landing: What meets something this far above its place, or less, when it is put back is
            let go there, in [m].
        close_time: Least duration of closing, in [s].
        squeeze_time: Least duration of squeezing, in [s].
        configurations: Arm configurations at the pre-grasp that are followed to the grasp.
        step: Distance of the poses along straight motions, in [m].
    """

    lift_height: float = 0.2
    retreat_height: float = 0.12
    hold_time: float = 1.0
    approach_speed: float = 0.15
    lift_speed: float = 0.2
    transfer_speed: float = 1.0
    shape_time: float = 0.6
    shape_slack: float = 0.35
    landing: float = 0.1
    close_time: float = 1.0
    squeeze_time: float = 0.5
    configurations: int = 12
    step: float = 0.01


def plan_execution(
    grasp: Grasp,
    q_start: Array,
    scene: Scene,
    *,
    planner: MotionPlanner,
    robot: Robot,
    settings: ExecutionSettings,
    speed: SpeedSettings,
    rng: np.random.Generator,
    put_back: bool = True,
    way_out: WayOut = lambda _: None,
) -> tuple[Phase, ...]:
    """Plan all phases of a grasp; nothing moves.

    Args:
        grasp: What to do.
        q_start: Where the arm is, shape (A,), in [rad].
        scene: What stands around; the object may be touched by the hand from the pre-grasp on.
        planner: Finds configurations and paths.
        robot: Whose limits hold.
        settings: Speeds of the wrist, heights, times.
        speed: Shares of the joint limits to use.
        rng: For the search of free paths.
        put_back: Place, release and go home after the hold; else the last phase is the hold.
        way_out: Asked when the fingers have let go.

    Raises:
        BadInput: The grasp is for another hand, or beyond its joint limits before the squeeze.
        NoIk: No collision-free arm configuration at the pre-grasp.
        NoPath: None of them can be followed to the grasp and up, or none can be gone to.
    """
    if grasp.joints.shape[1] != len(robot.hand_joint_names):
        raise BadInput(
            f"the grasp has {grasp.joints.shape[1]} finger joints, the hand has"
            f" {len(robot.hand_joint_names)}: {', '.join(robot.hand_joint_names)}"
        )
    grasp = _within_finger_limits(grasp, robot)
    situation = Situation(scene, grasp.joints[0])
    chains = _chains(grasp, q_start, situation, planner, settings)
    begin = np.stack([chain[0][0] for chain in chains])
    transfer = _transfer(q_start, begin, situation, planner, robot, settings, rng)
    chosen = int(np.abs(begin - transfer[-1][-1]).max(axis=1).argmin())
    arm = robot.arm
    *approach_paths, lift_path = chains[chosen]
    to_pregrasp = [timed(p, arm, speed, wrist_speed=settings.transfer_speed) for p in transfer]
    approach = [timed(p, arm, speed, wrist_speed=settings.approach_speed) for p in approach_paths]
    lift = timed(lift_path, arm, speed, wrist_speed=settings.lift_speed)
    phases = _grasping(grasp, to_pregrasp, approach, lift, settings)
    if put_back:
        way_home = planner.free(begin[chosen], robot.home[None], situation, rng=rng)
        home = timed(way_home, arm, speed, wrist_speed=settings.transfer_speed)
        phases += _putting_back(grasp, approach, lift, home, settings, way_out)
    return phases


def plan_home(
    q_start: Array,
    situation: Situation,
    *,
    planner: MotionPlanner,
    robot: Robot,
    settings: ExecutionSettings,
    speed: SpeedSettings,
    rng: np.random.Generator,
) -> tuple[Phase, ...]:
    """Plan the way home from wherever the arm was left.

    Args:
        q_start: Where the arm is, (A,), in [rad].
        situation: What stands around, and how the fingers are; they stay so.
        planner: Finds paths.
        robot: Whose limits hold.
        settings: Speeds of the wrist, heights.
        speed: Shares of the joint limits to use.
        rng: For the search.

    Raises:
        NoPath: There is none, not even from straight above.
    """
    way = _transfer(q_start, robot.home[None], situation, planner, robot, settings, rng)
    legs = [timed(leg, robot.arm, speed, wrist_speed=settings.transfer_speed) for leg in way]
    return (Phase("home", tuple(Step(arm=leg) for leg in legs)),)


def _within_finger_limits(grasp: Grasp, robot: Robot) -> Grasp:
    """Cut the squeeze's targets, which may lie deep in the object, at the limits."""
    lower, upper, _ = robot.hand_limits
    outside = (grasp.joints[:-1] < lower - 1e-3) | (grasp.joints[:-1] > upper + 1e-3)
    if outside.any():
        k, d = np.argwhere(outside)[0]
        raise BadInput(
            f"waypoint {k}: {robot.hand_joint_names[d]} at {grasp.joints[k, d]:.4g} rad is beyond"
            f" its limits {lower[d]:.4g} to {upper[d]:.4g}"
        )
    return replace(grasp, joints=np.clip(grasp.joints, lower, upper))


def first_at_grasp(grasp: Grasp) -> int:
    """Index of the first waypoint whose wrist pose is that of the grasp."""
    same = np.abs(grasp.T_base_wrist - grasp.T_base_wrist_grasp).max(axis=(1, 2)) < 1e-6
    return int(same.argmax())


def _chains(
    grasp: Grasp,
    q_start: Array,
    situation: Situation,
    planner: MotionPlanner,
    settings: ExecutionSettings,
) -> list[list[Array]]:
    """For every usable configuration at the pre-grasp the paths to the grasp and up, best first."""
    T = grasp.T_base_wrist
    starts = planner.configurations(T[0], situation, near=q_start)[: settings.configurations]
    if not len(starts):
        raise _no_ik(T[0], q_start, situation, planner)
    T_up = T[-2].copy()
    T_up[2, 3] += settings.lift_height
    reached = first_at_grasp(grasp)
    legs = [
        (T[k], T[k + 1], replace(situation.touching(), fingers=grasp.joints[k + 1]))
        for k in range(reached)
    ]
    carrying = replace(situation.carrying(inverse(T[-2])), fingers=grasp.joints[reached])
    chains: list[list[Array]] = [[] for _ in starts]
    for name, (T_from, T_to, holds) in zip(
        [*["straight approach"] * reached, "lift"], [*legs, (T[-2], T_up, carrying)], strict=True
    ):
        poses = straight_poses(T_from, T_to, step=settings.step, turn=3 * settings.step)
        paths = planner.straight(starts, poses, holds)
        chains = [[*c, p] for c, p in zip(chains, paths, strict=True) if len(p)]
        if not chains:
            raise NoPath(f"the arm cannot do the {name} from any of {len(paths)} configurations")
        starts = np.stack([chain[-1][-1] for chain in chains])
    return chains


def _no_ik(T_base_wrist: Array, q_start: Array, at: Situation, planner: MotionPlanner) -> NoIk:
    """Say whether the arm is too short for a pre-grasp or something is in its way."""
    where = np.round(T_base_wrist[:3, 3], 3).tolist()
    alone = planner.configurations(T_base_wrist, replace(at, scene=Scene()), near=q_start)
    why = "the object or other things are in the way" if len(alone) else "it is out of reach"
    return NoIk(f"no arm configuration at the pre-grasp at {where} m: {why}")


def _transfer(
    q_start: Array,
    goals: Array,
    situation: Situation,
    planner: MotionPlanner,
    robot: Robot,
    settings: ExecutionSettings,
    rng: np.random.Generator,
) -> list[Array]:
    """Paths from where the arm is to one of the goals (B, A).

    Where the hand still touches the object, as after a cancel, it first moves straight up.
    """
    try:
        return [planner.free(q_start, goals, situation, rng=rng)]
    except NoPath as blocked:
        T_now = robot.arm.forward(q_start)
        T_up = T_now.copy()
        T_up[2, 3] += settings.retreat_height
        poses = straight_poses(T_now, T_up, step=settings.step, turn=3 * settings.step)
        (away,) = planner.straight(q_start[None], poses, situation.touching())
        if not len(away):
            raise blocked
        return [away, planner.free(away[-1], goals, situation, rng=rng)]


def _grasping(
    grasp: Grasp,
    to_pregrasp: list[Trajectory],
    approach: list[Trajectory],
    lift: Trajectory,
    settings: ExecutionSettings,
) -> tuple[Phase, ...]:
    joints, reached = grasp.joints, first_at_grasp(grasp)
    # On the last way in fingers may meet the object: they close on from where it stops them.
    arrive = [
        Step(arm=leg, fingers=joints[k + 1], may_stall=True) for k, leg in enumerate(approach)
    ]
    shape = Step(fingers=joints[0], slack=settings.shape_slack, duration=settings.shape_time)
    closing = [
        Step(fingers=joints[k], may_stall=True, duration=settings.close_time)
        for k in range(reached + 1, len(joints) - 1)
    ]
    squeeze = Step(fingers=joints[-1], may_stall=True, duration=settings.squeeze_time)
    return (
        Phase("approach", (shape, *(Step(arm=leg) for leg in to_pregrasp), *arrive)),
        Phase("close", tuple(closing)),
        Phase("squeeze", (squeeze,)),
        Phase("lift", (Step(arm=lift),)),
        Phase("hold", (Step(hold=settings.hold_time),)),
    )


def _putting_back(
    grasp: Grasp,
    approach: list[Trajectory],
    lift: Trajectory,
    home: Trajectory,
    settings: ExecutionSettings,
    way_out: WayOut,
) -> tuple[Phase, ...]:
    # A finger between object and table cannot open before the hand is on its way out.
    open_hand = grasp.joints[first_at_grasp(grasp)]
    opening = Step(fingers=open_hand, may_stall=True, duration=settings.shape_time)
    back = [
        Step(arm=leg.reversed(), fingers=grasp.joints[k], may_stall=True)
        for k, leg in reversed(list(enumerate(approach)))
    ]
    return (
        Phase("place", (Step(arm=lift.reversed(), landing=settings.landing),)),
        Phase("release", (opening,), lambda: way_out(lift.positions[0])),
        Phase("release", tuple(back)),
        Phase("home", (Step(arm=home),)),
    )
