"""How many grasps that are said to be within reach the embedded planner then really plans.

Scenes of the training split, seen by the twin's camera; of each the best five grasps that the arm
reaches, as poses by themselves (what `/ddg/check_reach` is asked) and as whole ways among what
stands around (what `ddg plan --reach` asks). Planned means: transfer, straight approach, lift and
the way home, with all timings.

Of the ways, some more are tried: some within reach but not among the best, so that margins of all
sizes are there, and some that were refused. What was tried with a margin is told by its thirds.
"""

import sys
import time

import numpy as np

from ddg_cli.proposers import PLANNED, Asked, gm1
from ddg_core.arrays import Array
from ddg_core.cell import CellSettings
from ddg_core.description import config_folder, load_cell
from ddg_core.errors import DdgError, Failed
from ddg_core.grasp import Grasp
from ddg_core.ports import CheckReach, Reach
from ddg_core.settings import load
from ddg_core.transforms import look_at
from ddg_execution.executor_settings import ExecutorSettings
from ddg_execution.motion.embedded import EmbeddedPlanner
from ddg_execution.motion.port import Scene
from ddg_execution.motion.reach import ReachChecker
from ddg_execution.motion.robot import Robot, robot_of_cell
from ddg_execution.motion.ways import WayChecker
from ddg_execution.plan import plan_execution
from ddg_perception.perceive import PerceptionSettings, perceive
from ddg_planning.plan import ScoreSettings, reachable, scored
from ddg_sim.rollout.rollout import Propose, RolloutSettings, open_scene
from ddg_sim.rollout.scene import SceneSettings
from ddg_sim.rollout.view import view_from

SCENES, TOP, MORE, LIFT = 48, 5, 2, 0.2
T_BASE_CAMERA = look_at(np.array([0.80, 0.45, 0.58]), np.array([0.55, 0.0, 0.05]))


def run() -> dict[str, float]:
    """Measure; shares in [0, 1], times in seconds of processor time on one core."""
    cell = load_cell()
    robot = robot_of_cell(cell)
    propose = gm1(Asked(cell.hand, PLANNED, evaluator="em-s"))
    solved: dict[str, list[bool]] = {"poses": [], "ways": []}
    seconds: dict[str, list[float]] = {"poses": [], "ways": []}
    margins, refused_solved = list[tuple[float, bool]](), list[bool]()
    for seed in range(SCENES):
        try:
            scene, grasps = _planned(seed, propose)
        except DdgError as error:
            print(f"scene {seed}: {error}", file=sys.stderr)
            continue
        for name, check in {"poses": _by_poses(robot), "ways": _by_ways(robot, scene)}.items():
            began = time.process_time()
            near, refused = _parted(grasps, check)
            seconds[name].append((time.process_time() - began) * 100.0 / len(grasps))
            best = [(g, _solved(g, scene, robot, cell)) for g in near[:TOP]]
            solved[name] += [ok for _, ok in best]
        rng = np.random.default_rng(seed)
        more = [(g, _solved(g, scene, robot, cell)) for g in _some(near[TOP:], rng)]
        margins += [(g.reachability or 0.0, ok) for g, ok in (*best, *more)]
        refused_solved += [_solved(g, scene, robot, cell) for g in _some(refused, rng)]
    figures = {"grasps": float(len(solved["ways"]))}
    for name, found in solved.items():
        figures[f"{name}_planned_share"] = float(np.mean(found))
        figures[f"{name}_check_100_s"] = float(np.median(seconds[name]))
    figures |= _by_margin(margins)
    figures["refused_tried"] = float(len(refused_solved))
    figures["refused_planned_share"] = float(np.mean(refused_solved))
    return figures


def _parted(grasps: list[Grasp], check: CheckReach) -> tuple[list[Grasp], list[Grasp]]:
    """Grasps within reach, the best first, and those that were refused."""
    refused: list[Grasp] = []

    def remembered(T_base_wrist: Array, fingers: Array) -> Reach:
        reach = check(T_base_wrist, fingers)
        refused.extend(g for g, ok in zip(grasps, reach.reachable, strict=True) if not ok)
        return reach

    try:
        near = reachable(grasps, remembered, LIFT)
    except Failed:
        return [], refused
    return sorted((scored(g, ScoreSettings()) for g in near), key=lambda g: -g.score), refused


def _some(grasps: list[Grasp], rng: np.random.Generator) -> list[Grasp]:
    """A few of them, drawn at random."""
    return [grasps[i] for i in rng.permutation(len(grasps))[:MORE]]


def _by_margin(tried: list[tuple[float, bool]]) -> dict[str, float]:
    """Share that was planned in each third of the margins, and how large margins are there."""
    figures = {}
    ranked = sorted(tried, key=lambda one: one[0])
    for name, third in zip(("low", "middle", "high"), np.array_split(ranked, 3), strict=True):
        figures[f"margin_{name}_median"] = float(np.median(third[:, 0]))
        figures[f"margin_{name}_planned_share"] = float(third[:, 1].mean())
    return figures


def _planned(seed: int, propose: Propose) -> tuple[Scene, list[Grasp]]:
    """What stands around in a scene, and the grasps planned in it."""
    x, y = np.random.default_rng(seed).uniform([0.45, -0.08], [0.65, 0.08]).tolist()
    settings = RolloutSettings(scene=SceneSettings(centre=(x, y)))
    opened = open_scene(seed, settings)
    look = opened.simulation, opened.scene, T_BASE_CAMERA, settings.view
    view = view_from(*look, rng=opened.seen)
    perception = load(config_folder() / "perception.yaml", PerceptionSettings)
    seen = perceive(view.image, perception, rng=opened.seen)
    scene = Scene(obstacles=seen.obstacles, object_points=seen.cloud.points)
    return scene, list(propose(view, opened.asked))


def _by_poses(robot: Robot) -> CheckReach:
    """Every pose by itself, as the planner's ROS port puts ways together."""
    checker = ReachChecker(robot)

    def check(T_base_wrist: Array, fingers: Array) -> Reach:
        del fingers
        return checker.check(T_base_wrist.reshape(-1, 4, 4)).of_ways(T_base_wrist.shape[1])

    return check


def _by_ways(robot: Robot, scene: Scene) -> CheckReach:
    checker = WayChecker(robot)
    return lambda T_base_wrist, fingers: checker.check(T_base_wrist, fingers, scene)


def _solved(grasp: Grasp, scene: Scene, robot: Robot, cell: CellSettings) -> bool:
    settings = load(config_folder() / "execution.yaml", ExecutorSettings)
    try:
        plan_execution(
            grasp,
            robot.home,
            scene,
            planner=EmbeddedPlanner(robot, settings.embedded),
            robot=robot,
            settings=settings.execution,
            speed=settings.speed(cell.arm.speed),
            rng=np.random.default_rng(settings.seed),
        )
    except DdgError as error:
        print(f"not planned: {error}", file=sys.stderr)
        return False
    return True
