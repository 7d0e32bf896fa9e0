"""A compiled model with the addresses of what we drive and look at in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import mujoco
import numpy as np
from scipy.spatial.transform import Rotation

from ddg_core.arrays import Array, IntArray
from ddg_core.errors import UnknownName
from ddg_core.hand import Hand
from ddg_core.transforms import compose, inverse
from ddg_sim.model.robot import wxyz

WRIST = ("wrist_x", "wrist_y", "wrist_z", "wrist_roll", "wrist_pitch", "wrist_yaw")


@dataclass(frozen=True, eq=False)
class World:
    """A model, its hand, and addresses; {base} is the world frame.

    `model` may be copied per thread; `data` is never kept here. Commands are positions: write
    `data.ctrl[world.hand_ctrl]` for the driven finger joints, `data.ctrl[world.ctrl(names)]`
    for others.
    """

    model: mujoco.MjModel
    hand: Hand

    def qpos(self, joint_names: Sequence[str]) -> IntArray:
        """Addresses in `data.qpos` of one-dimensional joints."""
        return np.array([self.model.jnt_qposadr[self._id("jnt", n)] for n in joint_names], int)

    def dofs(self, joint_names: Sequence[str]) -> IntArray:
        """Addresses in `data.qvel` of one-dimensional joints."""
        return np.array([self.model.jnt_dofadr[self._id("jnt", n)] for n in joint_names], int)

    def ctrl(self, joint_names: Sequence[str]) -> IntArray:
        """Addresses in `data.ctrl` of the drives of joints."""
        return np.array([self._id("actuator", name) for name in joint_names], int)

    def body(self, name: str) -> int:
        """Id of a body: a link, or an object."""
        return self._id("body", name)

    @cached_property
    def hand_qpos(self) -> IntArray:
        """Addresses of the D driven finger joints in `data.qpos`."""
        return self.qpos(self.hand.joint_names)

    @cached_property
    def hand_ctrl(self) -> IntArray:
        """Addresses of the D driven finger joints in `data.ctrl`."""
        return self.ctrl(self.hand.joint_names)

    @cached_property
    def hand_bodies(self) -> dict[int, str]:
        """Body ids of the hand's links that have a shape, with their names."""
        return {self.body(name): name for name in self.hand.link_names}

    @cached_property
    def geom_owners(self) -> list[int]:
        """Body id of every geom."""
        owners: list[int] = self.model.geom_bodyid.tolist()
        return owners

    def set_hand(self, data: mujoco.MjData, joints: Array) -> None:
        """Put all fingers where driven joints (D,) take them, and command them there."""
        data.qpos[self.qpos(self.hand.moving_joint_names)] = self.hand.expand(joints)
        data.ctrl[self.hand_ctrl] = joints

    def set_joints(self, data: mujoco.MjData, joint_names: Sequence[str], values: Array) -> None:
        """Put driven joints at `values` and command them there."""
        data.qpos[self.qpos(joint_names)] = values
        data.ctrl[self.ctrl(joint_names)] = values

    def pose(self, data: mujoco.MjData, name: str) -> Array:
        """Pose `T_base_body` (4, 4) of a link or object after the last forward step."""
        body = self.body(name)
        return compose(data.xmat[body].reshape(3, 3), data.xpos[body])

    def place(self, data: mujoco.MjData, T_base_object: Array, name: str = "object") -> None:
        """Put an object, at rest, at a pose (4, 4)."""
        joint = self._id("jnt", name)
        q, v = self.model.jnt_qposadr[joint], self.model.jnt_dofadr[joint]
        data.qpos[q : q + 7] = [*T_base_object[:3, 3], *wxyz(T_base_object)]
        data.qvel[v : v + 6] = 0.0

    def _id(self, kind: str, name: str) -> int:
        found = self._ids.get((kind, name), -1)
        if found < 0:
            found = self._ids[kind, name] = self._look_up(kind, name)
        return found

    @cached_property
    def _ids(self) -> dict[tuple[str, str], int]:
        """Ids that were asked for before: judges ask for the same few again and again."""
        return {}

    def _look_up(self, kind: str, name: str) -> int:
        objects = {"jnt": "JOINT", "body": "BODY", "actuator": "ACTUATOR", "geom": "GEOM"}
        found: int = mujoco.mj_name2id(
            self.model, getattr(mujoco.mjtObj, f"mjOBJ_{objects[kind]}"), name
        )
        if found < 0:
            count = {"jnt": "njnt", "body": "nbody", "actuator": "nu", "geom": "ngeom"}[kind]
            known = [getattr(self.model, kind)(i).name for i in range(getattr(self.model, count))]
            raise UnknownName(f"{objects[kind].lower()} of the model", name, known)
        return found


@dataclass(frozen=True, eq=False)
class FloatingHand(World):
    """A hand without an arm: its wrist is driven by six position actuators about a frame.

    The frame is the body pose of {wrist} with all six joints at 0; set it to (about) the grasp,
    so that the angles stay small. `model` is private to one user, since the frame is part of it.
    """

    @property
    def wrist(self) -> int:
        """Id of the wrist's body."""
        return self.body(self.hand.settings.wrist_link)

    def set_frame(self, T_base_wrist: Array) -> None:
        """Make a wrist pose (4, 4) the zero of the six joints."""
        self.model.body_pos[self.wrist] = T_base_wrist[:3, 3]
        self.model.body_quat[self.wrist] = wxyz(T_base_wrist)

    def wrist_joints(self, T_base_wrist: Array) -> Array:
        """Values of the six joints `WRIST` (..., 6) for wrist poses (..., 4, 4)."""
        zero = Rotation.from_quat(self.model.body_quat[self.wrist], scalar_first=True)
        T_base_zero = compose(zero.as_matrix(), self.model.body_pos[self.wrist])
        T = inverse(T_base_zero) @ T_base_wrist
        angles = Rotation.from_matrix(T[..., :3, :3].reshape(-1, 3, 3)).as_euler("XYZ")
        return np.concatenate([T[..., :3, 3], angles.reshape(*T.shape[:-2], 3)], axis=-1)

    def set_wrist(self, data: mujoco.MjData, T_base_wrist: Array) -> None:
        """Put the wrist at a pose (4, 4), at rest, and command it there."""
        self.set_joints(data, WRIST, self.wrist_joints(T_base_wrist))
        data.qvel[self.dofs(WRIST)] = 0.0
