"""How many grasps are simulated per core-second, and how near that is to the limit.

A lifted grasp: closing around an object of up to three convex parts, lifting it 20 cm, holding it
for 1 s. The limit is a bare loop of mj_step with the same commands through the same states. Times
are CPU time of this process, the shortest of three, so that a busy machine disturbs them less.
"""

import resource
import time
from collections.abc import Callable
from functools import partial

import mujoco
import numpy as np

from ddg_core.arrays import Array
from ddg_core.description import load_hand
from ddg_core.grasp import Grasp
from ddg_sim.rollout.near_surface import NearSurfaceSettings, near_surface
from ddg_sim.rollout.rollout import RolloutSettings, open_scene
from ddg_sim.rollout.simulate import GraspSimulation
from ddg_sim.rollout.view import draw_view

_SCENES, _GRASPS, _REPEATS = 16, 8, 3
_KINDS = ("box", "can", "ball", "bottle", "salt_shaker", "stapler")  # of up to three parts


def run() -> dict[str, float]:
    """Measure on one core."""
    hand = load_hand("svh")
    names = tuple(f"{kind}_{i:03d}" for kind in _KINDS for i in range(4))
    settings = RolloutSettings(objects=names)
    ours, bare, scene_s, tries_s, tried = [], [], [], [], 0
    for seed in range(_SCENES):
        began = time.process_time()
        opened = open_scene(seed, settings)
        view = draw_view(opened.simulation, opened.scene, settings.view, rng=opened.seen)
        scene_s.append(time.process_time() - began)
        random = NearSurfaceSettings()
        grasps = near_surface(view, hand, random, n=_GRASPS, rng=opened.asked)
        began = time.process_time()
        held = [grasp for grasp in grasps if opened.simulation.run(grasp).held]
        tries_s.append(time.process_time() - began)
        tried += len(grasps)
        for grasp in held:
            fastest = _fastest(opened.simulation, grasp)
            ours.append(fastest[0])
            bare.append(fastest[1])
    return {
        "grasps_per_core_s": len(ours) / sum(ours),
        "grasp_median_ms": 1e3 * float(np.median(ours)),
        "share_of_bare_loop": sum(bare) / sum(ours),
        "random_tries_per_core_s": tried / sum(tries_s),
        "scene_and_view_median_ms": 1e3 * float(np.median(scene_s)),
        "held": float(len(ours)),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _fastest(simulation: GraspSimulation, grasp: Grasp) -> tuple[float, float]:
    """Shortest times of a try and of its bare loop, in turn, so that both meet the same machine."""
    tries = [
        (_seconds(partial(simulation.run, grasp)), _bare(simulation, grasp))
        for _ in range(_REPEATS)
    ]
    ours, bare = zip(*tries, strict=True)
    return min(ours), min(bare)


def _bare(simulation: GraspSimulation, grasp: Grasp) -> float:
    """Time of the bare loop that goes through the very states of a try."""
    commands: list[Array] = []
    states: list[Array] = []

    def note(data: mujoco.MjData) -> None:
        commands.append(data.ctrl.copy())
        states.append(np.concatenate([data.qpos, data.qvel, data.qacc_warmstart]))

    simulation.run(grasp, on_step=note)
    model, data = simulation.world.model, simulation.data
    mujoco.mj_resetData(model, data)
    parts = np.split(states[0], [model.nq, model.nq + model.nv])
    data.qpos[:], data.qvel[:], data.qacc_warmstart[:] = parts

    def loop() -> None:
        for command in commands[1:]:
            data.ctrl[:] = command
            mujoco.mj_step(model, data)

    seconds = _seconds(loop)
    assert np.array_equal(data.qpos, states[-1][: model.nq]), "the bare loop went another way"
    return seconds * len(commands) / (len(commands) - 1)
