"""The cell in MuJoCo: physics with both controllers inside, stepped by whoever owns it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import mujoco
import numpy as np

from ddg_core.arrays import Array
from ddg_core.cell import CellSettings
from ddg_core.description import cell_tree
from ddg_core.errors import BadInput
from ddg_core.hand import Hand
from ddg_sim.model.build import cell_world
from ddg_sim.model.world import World
from ddg_sim.twin.controller import ControlledJoints, TrajectoryController
from ddg_sim.twin.settings import TwinSettings
from ddg_sim.twin.spawn import (
    NAME,
    Placement,
    SpawnRequest,
    draw_placement,
    robot_on_object,
    settle,
)


@dataclass(frozen=True, eq=False)
class JointState:
    """All J moving joints, named as the drivers do: angles [rad], speeds [rad/s], torques [N m]."""

    names: tuple[str, ...]
    position: Array
    velocity: Array
    effort: Array


@dataclass(frozen=True, eq=False)
class Spawned:
    """The object that is there: what it is, and where it came to rest."""

    placement: Placement

    @property
    def T_base_object(self) -> Array:
        """Where it came to rest, shape (4, 4)."""
        return self.placement.placed.T_base_object

    @property
    def mass(self) -> float:
        """In [kg]."""
        placed = self.placement.placed
        return placed.item.mass if placed.mass is None else placed.mass


@dataclass(frozen=True, eq=False)
class _Watch:
    periods: int
    call: Callable[[], None]


class Twin:
    """Arm, hand, table and at most one object; not safe for use from two threads.

    Both controllers advance each control period; the commands of MuJoCo's position drives go
    linearly from one to the next, with the speed fed forward so that the drives do not lag.
    """

    def __init__(self, cell: CellSettings, hand: Hand, settings: TwinSettings) -> None:
        """Build the empty cell, with arm and hand at home."""
        self.cell, self.hand, self.settings = cell, hand, settings
        tree = cell_tree(cell)
        arm = [tree.joint(name) for name in cell.arm.joint_names]
        self.arm_controller = TrajectoryController(
            ControlledJoints(
                tuple(cell.arm.joint_prefix + joint.name for joint in arm),
                np.array([[joint.lower, joint.upper] for joint in arm]),
                np.array([joint.velocity for joint in arm]),
            ),
            settings.arm,
        )
        self.hand_controller = TrajectoryController(
            ControlledJoints(
                tuple(hand.settings.joint_prefix + name for name in hand.joint_names),
                hand.limits,
                hand.velocity_limits,
            ),
            settings.hand,
        )
        self.joint_names = (*cell.arm.joint_names, *hand.moving_joint_names)
        prefixes = [cell.arm.joint_prefix] * len(arm)
        prefixes += [hand.settings.joint_prefix] * len(hand.moving_joint_names)
        self._driver_names = tuple(p + n for p, n in zip(prefixes, self.joint_names, strict=True))
        self.home = np.array(cell.arm.home)
        self.open = np.array(hand.settings.poses["open"])
        self.spawned: Spawned | None = None
        self._watches: list[_Watch] = []
        self._steps = 0
        self.resets = -1
        world = cell_world(cell, hand)
        self._enter(world, mujoco.MjData(world.model))
        self.reset()

    @property
    def time(self) -> float:
        """Simulated time, in [s]."""
        return float(self.data.time)

    @property
    def joint_state(self) -> JointState:
        """All moving joints now."""
        data = self.data
        return JointState(
            self._driver_names,
            data.qpos[self._qpos],
            data.qvel[self._dofs],
            data.qfrc_actuator[self._dofs],
        )

    def watch(self, rate: float, call: Callable[[], None]) -> None:
        """Call `call` about `rate` times per second of simulated time, between control periods."""
        periods = max(1, round(1.0 / (rate * self.settings.control_period)))
        self._watches.append(_Watch(periods, call))

    def advance(self, until: float) -> None:
        """Step until simulated time `until` [s], in whole control periods."""
        while self.time + self.settings.control_period <= until + 1e-9:
            self.step(self._substeps)

    def step(self, steps: int) -> None:
        """Go on by physics steps; controllers advance whenever a control period begins."""
        for _ in range(steps):
            phase = self._steps % self._substeps
            if phase == 0:
                self._control()
            share = (phase + 1) / self._substeps
            self.data.ctrl[self._ctrl] = self._from + share * (self._to - self._from)
            mujoco.mj_step(self.world.model, self.data)
            self._steps += 1
            if phase == self._substeps - 1:
                self._call_watches()

    def reset(self) -> None:
        """Arm and hand home, goals aborted, the object back where it came to rest; time goes on."""
        time = self.time
        mujoco.mj_resetData(self.world.model, self.data)
        self.data.time = time
        self.resets += 1
        self._steps = 0
        self._go_home(self.world, self.data)
        if self.spawned is not None:
            self.world.place(self.data, self.spawned.T_base_object)
        self.arm_controller.hold(self.home)
        self.hand_controller.hold(self.open)
        self._to = np.concatenate([self.home, self.open])
        self._from = self._to
        mujoco.mj_forward(self.world.model, self.data)

    def spawn(self, request: SpawnRequest) -> Spawned:
        """Put an object on the table in place of the one that is there; the robot is left alone.

        Raises:
            BadInput: It does not come to rest where it is put, or the robot is in the way; the
                world is as it was.
        """
        world, placement = self._settled(request)
        data = self._transplant(world)
        world.place(data, placement.placed.T_base_object)
        mujoco.mj_forward(world.model, data)
        in_the_way = robot_on_object(world, data)
        if in_the_way:
            raise BadInput(
                f"{request.item.name}: the robot is in the way with {', '.join(in_the_way)};"
                " move it, or reset the world first"
            )
        self._enter(world, data)
        self.spawned = Spawned(placement)
        return self.spawned

    def _settled(self, request: SpawnRequest) -> tuple[World, Placement]:
        """Draw a placement until the object comes to rest in it.

        The robot is at home meanwhile, wherever it really is: the same seed gives the same pose.
        """
        rng = np.random.default_rng(request.seed)
        settings = self.settings.spawn
        for last in (*(False,) * (settings.tries - 1), True):
            drawn = draw_placement(request, settings, table=self.cell.table_height, rng=rng)
            world = cell_world(self.cell, self.hand, [drawn.placed], drawn.statics)
            data = mujoco.MjData(world.model)
            self._go_home(world, data)
            try:
                T = settle(world, data, settings)
            except BadInput as error:
                if last:
                    raise BadInput(f"{request.item.name}: {error}") from error
            else:
                return world, replace(drawn, placed=replace(drawn.placed, T_base_object=T))
        raise AssertionError("the last try returns or raises")

    def object_pose(self) -> Array | None:
        """Pose `T_base_object` (4, 4) now; None if there is no object."""
        return None if self.spawned is None else self.world.pose(self.data, NAME)

    def move_object(self, T_base_object: Array) -> None:
        """Put the object, if there is one, at a pose (4, 4), at rest: somebody moved it."""
        if self.spawned is not None:
            self.world.place(self.data, T_base_object)

    def _go_home(self, world: World, data: mujoco.MjData) -> None:
        """Put arm and hand home, and command them there."""
        world.set_joints(data, self.cell.arm.joint_names, self.home)
        world.set_hand(data, self.open)

    def _enter(self, world: World, data: mujoco.MjData) -> None:
        """Go on in a world, in the state of `data`."""
        self.world, self.data = world, data
        arm, model = self.cell.arm.joint_names, world.model
        self._qpos, self._dofs = world.qpos(self.joint_names), world.dofs(self.joint_names)
        self._measured = world.qpos(arm), world.hand_qpos
        self._ctrl = np.concatenate([world.ctrl(arm), world.hand_ctrl])
        stiffness, damping = model.actuator_gainprm[:, 0], -model.actuator_biasprm[:, 2]
        self._lead = (damping / stiffness)[self._ctrl]
        self._substeps = max(1, round(self.settings.control_period / model.opt.timestep))

    def _transplant(self, world: World) -> mujoco.MjData:
        """State of a world with the robot and the time as they are now in this one."""
        data, old = mujoco.MjData(world.model), self.data
        data.time = old.time
        data.qpos[world.qpos(self.joint_names)] = old.qpos[self._qpos]
        data.qvel[world.dofs(self.joint_names)] = old.qvel[self._dofs]
        drives = [*self.cell.arm.joint_names, *self.hand.joint_names]
        data.ctrl[world.ctrl(drives)] = old.ctrl[self._ctrl]
        return data

    def _control(self) -> None:
        """Let the controllers say where the drives are to be at the end of this period."""
        period = self.settings.control_period
        end = self.time + period
        positions, speeds = [], []
        for controller, measured in zip(
            (self.arm_controller, self.hand_controller), self._measured, strict=True
        ):
            positions.append(controller.update(end, period, self.data.qpos[measured]))
            speeds.append(controller.velocity)
        self._from = self._to
        self._to = np.concatenate(positions) + self._lead * np.concatenate(speeds)

    def _call_watches(self) -> None:
        count = self._steps // self._substeps
        for watch in self._watches:
            if count % watch.periods == 0:
                watch.call()
