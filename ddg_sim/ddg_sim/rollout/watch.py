"""Looks into a grasp simulation: is the open hand free, where do the fingers rest."""

import mujoco
import numpy as np

from ddg_core.arrays import Array
from ddg_core.grasp import Grasp
from ddg_core.transforms import compose
from ddg_sim.model.objects import PlacedObject
from ddg_sim.model.world import FloatingHand
from ddg_sim.rollout.simulate import GraspSimulation

ENGINE = f"MuJoCo {mujoco.__version__}"
_AWAY = compose(np.eye(3), [0.0, 0.0, 3.0])


def touches_open(simulation: GraspSimulation, grasp: Grasp) -> bool:
    """Tell whether the open hand touches anything on its way to the grasp."""
    world, data = simulation.world, simulation.data
    world.set_frame(grasp.T_base_wrist[1])
    world.place(data, simulation.T_base_object)
    for share in (0.0, 0.5, 1.0):
        T = grasp.T_base_wrist[1].copy()
        T[:3, 3] += (1.0 - share) * (grasp.T_base_wrist[0] - grasp.T_base_wrist[1])[:3, 3]
        world.set_wrist(data, T)
        world.set_hand(data, grasp.joints[0])
        mujoco.mj_forward(world.model, data)
        bodies = np.asarray(world.model.geom_bodyid)[data.contact.geom]
        ours = np.isin(bodies, list(world.hand_bodies))
        if ((ours[:, 0] != ours[:, 1]) & (data.contact.dist < -5e-4)).any():
            return True
    return False


class Rest:
    """Notes, as `on_step` of a simulation, where things are after so many steps.

    Attributes:
        joints: Driven finger joints, shape (D,), in [rad].
        T_base_wrist: Pose of the wrist, shape (4, 4).
        T_base_object: Pose of the object, shape (4, 4).
    """

    def __init__(self, simulation: GraspSimulation, after: int) -> None:
        """Look once, after `after` steps."""
        self._world, self._left = simulation.world, after
        self.joints: Array = np.zeros(0)
        self.T_base_wrist: Array = np.eye(4)
        self.T_base_object: Array = np.eye(4)

    def __call__(self, data: mujoco.MjData) -> None:
        """Count a step."""
        self._left -= 1
        if self._left == 0:
            world = self._world
            self.joints = data.qpos[world.hand_qpos].copy()
            self.T_base_wrist = world.pose(data, world.hand.settings.wrist_link)
            self.T_base_object = world.pose(data, "object")


def hand_away(world: FloatingHand, placed: PlacedObject) -> Array:
    """State `qpos` in which the object is placed and the hand is far above it."""
    data = mujoco.MjData(world.model)
    world.set_frame(_AWAY)
    world.place(data, placed.T_base_object, placed.name)
    qpos: Array = data.qpos.copy()
    return qpos
