"""One object, one hand without an arm: settle the object, play grasps, judge them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import mujoco
import numpy as np

from ddg_core.arrays import Array
from ddg_core.grasp import Grasp
from ddg_core.hand import Hand
from ddg_core.outcome import Outcome
from ddg_core.shapes import Box
from ddg_core.transforms import compose
from ddg_sim.judge import Judge, JudgeSettings
from ddg_sim.model.build import floating_hand
from ddg_sim.model.objects import PlacedObject
from ddg_sim.model.settings import PhysicsSettings
from ddg_sim.model.world import WRIST
from ddg_sim.objects.sim_object import SimObject
from ddg_sim.rollout.motion import Commands, MotionSettings, close, lift, way_in

_CALM = 0.01  # slower than this in all coordinates the object is at rest, in [m/s] and [rad/s]
_LOST = 0.05  # with the wrist this high and the object on the table, it is lost for good, in [m]
_LOOK = 10  # steps from one look of the judge to the next
_AWAY = np.array([0.0, 0.0, 5.0])  # where hand or object wait while the other is looked at, in [m]
OnStep = Callable[[mujoco.MjData], None]


@dataclass(frozen=True)
class SimulationSettings:
    """How grasps are simulated and judged.

    Attributes:
        physics: Solver, contacts, drives.
        motion: Speeds and times.
        judge: What counts as held.
        settle_time: Longest time that the object gets to come to rest, in [s].
        way_spacing: Distance of the points at which the way in is checked, in [m].
        six_directions: Also ask the second judge (it costs as much again).
        pull: The second judge pulls with this many times the object's weight.
        pull_time: For so long in each direction, in [s].
        pull_shift: The object may shift this much, in [m].
    """

    physics: PhysicsSettings = field(default_factory=PhysicsSettings)
    motion: MotionSettings = field(default_factory=MotionSettings)
    judge: JudgeSettings = field(default_factory=JudgeSettings)
    settle_time: float = 1.5
    way_spacing: float = 0.01
    six_directions: bool = False
    pull: float = 1.5
    pull_time: float = 1.0
    pull_shift: float = 0.10


@dataclass(frozen=True)
class GraspResult:
    """What became of one grasp.

    Attributes:
        outcome: HELD, SLIPPED, DROPPED, NOT_HELD, or ALL_IN_COLLISION if the hand would hit the
            table on the way in (it is not played then).
        message: One sentence for people.
        lifted: The hand touched the object after closing, so the lift was played.
        steps: Time steps simulated.
        numbers: What the judge looked at; see `Judge.verdict`.
        six_directions: Verdict of the second judge; None if it was not asked.
        pull_shift: Largest shift that it saw, in [m].
    """

    outcome: Outcome
    message: str
    lifted: bool
    steps: int
    numbers: dict[str, float]
    six_directions: bool | None = None
    pull_shift: float = 0.0

    @property
    def held(self) -> bool:
        """The object was held."""
        return self.outcome is Outcome.HELD


class GraspSimulation:
    """An object at rest, at which any number of grasps is tried, each from the same state."""

    def __init__(
        self,
        hand: Hand,
        placed: PlacedObject,
        settings: SimulationSettings,
        *,
        statics: Mapping[str, Box] | None = None,
    ) -> None:
        """Build the model and let the object come to rest, the hand far away.

        Args:
            hand: The hand.
            placed: The object, about at rest.
            settings: How to simulate.
            statics: What stands still; None: a table whose top is z = 0.
        """
        self.settings, self.placed, self.name = settings, placed, placed.name
        self.world = floating_hand(hand, (placed,), statics, settings.physics)
        self.data = mujoco.MjData(self.world.model)
        model = self.world.model
        weld, contype = np.asarray(model.body_weldid), np.asarray(model.geom_contype)
        self._statics = (weld[np.asarray(model.geom_bodyid)] == 0) & (contype != 0)
        self._object = self.world.body(placed.name)
        self._hand = np.isin(model.geom_bodyid, list(self.world.hand_bodies))
        self._wrist_qpos = self.world.qpos(WRIST)
        self._finger_qpos = self.world.qpos(self.world.hand.moving_joint_names)
        self._settle(placed)

    @property
    def T_base_object(self) -> Array:
        """Pose (4, 4) of the object at rest."""
        return self._T_base_object

    @property
    def lowest(self) -> float:
        """Height of the lowest point of the object at rest, in [m]."""
        T = self._T_base_object
        return float((self.placed.item.contact_vertices @ T[2, :3]).min() + T[2, 3])

    def at_rest(self) -> mujoco.MjData:
        """State with the object at rest and the hand far away; valid until the next call."""
        mujoco.mj_resetData(self.world.model, self.data)
        self.world.set_frame(compose(np.eye(3), _AWAY))
        self.world.place(self.data, self._T_base_object, self.name)
        mujoco.mj_kinematics(self.world.model, self.data)
        return self.data

    def posed(self, grasp: Grasp, waypoint: int = -1) -> Array:
        """Joint positions, shape (nq,), with the object at rest and the hand at a waypoint."""
        data = self.at_rest()
        self.world.set_wrist(data, grasp.T_base_wrist[waypoint])
        self.world.set_hand(data, grasp.joints[waypoint])
        state: Array = data.qpos.copy()
        return state

    def run(self, grasp: Grasp, *, on_step: OnStep | None = None) -> GraspResult:
        """Try a grasp: way in, close, squeeze, lift, hold.

        Args:
            grasp: Poses are in the base frame of the simulation.
            on_step: Called after every step, e.g. to film.
        """
        if self.hits_on_the_way_in(grasp):
            message = "the hand would hit what the object stands on"
            return GraspResult(Outcome.ALL_IN_COLLISION, message, False, 0, {})
        physics, motion = self.settings.physics, self.settings.motion
        judge = Judge(self.world, self.settings.judge, body=self.name)
        self._start(grasp)
        steps = self._play(close(grasp, motion, physics.timestep), judge, on_step)
        if not judge.update(self.data).links:
            return GraspResult(Outcome.NOT_HELD, "closed on nothing", False, steps, {})
        closed = _State.of(self.data)
        final = lift(grasp.T_base_wrist[-1], grasp.joints[-1], motion, physics.timestep)
        steps += self._play(final, judge, on_step, stop_when_lost=True)
        verdict = judge.verdict()
        result = GraspResult(verdict.outcome, verdict.message, True, steps, verdict.numbers)
        if not self.settings.six_directions:
            return result
        held, shift = self._pull(closed)
        return replace(result, six_directions=held, pull_shift=shift)

    def hits_on_the_way_in(self, grasp: Grasp, *, thing: bool = False) -> bool:
        """Tell whether hand and table (or pedestal; or the `thing`) overlap on the way in."""
        model, data = self.world.model, self.data
        way = way_in(grasp, self.settings.way_spacing)
        self.world.set_frame(grasp.T_base_wrist[-1])
        at = self._T_base_object if thing else compose(np.eye(3), _AWAY)
        self.world.place(data, at, self.name)
        wrist = self.world.wrist_joints(way.T_base_wrist)
        fingers = self.world.hand.expand(way.joints)
        for i in reversed(range(len(way))):  # what is hit is mostly hit at the end
            data.qpos[self._wrist_qpos], data.qpos[self._finger_qpos] = wrist[i], fingers[i]
            mujoco.mj_kinematics(model, data)
            mujoco.mj_collision(model, data)
            hand = self._hand[data.contact.geom]
            if (hand.any(axis=1) & ~hand.all(axis=1) & (data.contact.dist < 0.0)).any():
                return True
        return False

    def _settle(self, placed: PlacedObject) -> None:
        """Let the object come to rest alone, and remember where."""
        model, data = self.world.model, self.data
        self.world.set_frame(compose(np.eye(3), _AWAY))
        self.world.place(data, placed.T_base_object, self.name)
        dof = model.body_dofadr[self._object]
        calm = 0
        for _ in range(round(self.settings.settle_time / model.opt.timestep)):
            mujoco.mj_step(model, data)
            calm = calm + 1 if np.abs(data.qvel[dof : dof + 6]).max() < _CALM else 0
            if calm > 50:
                break
        self._T_base_object = self.world.pose(data, self.name)

    def _start(self, grasp: Grasp) -> None:
        mujoco.mj_resetData(self.world.model, self.data)
        self.world.set_frame(grasp.T_base_wrist[-1])
        self.world.place(self.data, self._T_base_object, self.name)
        self.world.set_wrist(self.data, grasp.T_base_wrist[0])
        self.world.set_hand(self.data, grasp.joints[0])

    def _play(
        self,
        commands: Commands,
        judge: Judge,
        on_step: OnStep | None,
        *,
        stop_when_lost: bool = False,
    ) -> int:
        """Step through commands; return how many steps that were."""
        model, data = self.world.model, self.data
        controls = np.zeros((len(commands), model.nu))
        controls[:, self.world.ctrl(WRIST)] = self.world.wrist_joints(commands.T_base_wrist)
        controls[:, self.world.hand_ctrl] = commands.joints
        for i, control in enumerate(controls):
            data.ctrl[:] = control
            mujoco.mj_step(model, data)
            if on_step is not None:
                on_step(data)
            if stop_when_lost and i % _LOOK == 0:
                now = judge.update(data)
                raised = commands.T_base_wrist[i, 2, 3] - commands.T_base_wrist[0, 2, 3]
                if raised > _LOST and now.others and not now.links:
                    return i + 1
        return len(commands)

    def _pull(self, closed: "_State") -> tuple[bool, float]:
        """Second judge: no gravity, nothing but the hand, a pull along each axis in turn."""
        model, data, settings = self.world.model, self.data, self.settings
        force = settings.pull * model.body_mass[self._object] * np.linalg.norm(model.opt.gravity)
        saved = model.opt.gravity.copy(), model.geom_contype.copy(), model.geom_conaffinity.copy()
        worst = 0.0
        try:
            model.opt.gravity[:] = 0.0
            model.geom_contype[self._statics] = model.geom_conaffinity[self._statics] = 0
            for direction in np.concatenate([np.eye(3), -np.eye(3)]):
                closed.restore(data)
                data.xfrc_applied[self._object, :3] = force * direction
                start = closed.com(self._object)
                for _ in range(round(settings.pull_time / model.opt.timestep)):
                    mujoco.mj_step(model, data)
                    shift = float(np.linalg.norm(data.xipos[self._object] - start))
                    worst = max(worst, shift)
                    if shift >= settings.pull_shift:
                        return False, shift
        finally:
            data.xfrc_applied[:] = 0.0
            model.opt.gravity[:], model.geom_contype[:], model.geom_conaffinity[:] = saved
        return True, worst


@dataclass(frozen=True, eq=False)
class _State:
    """What makes a simulation go on as it would have."""

    qpos: Array
    qvel: Array
    ctrl: Array
    warmstart: Array
    xipos: Array

    @classmethod
    def of(cls, data: mujoco.MjData) -> "_State":
        return cls(
            *(a.copy() for a in (data.qpos, data.qvel, data.ctrl, data.qacc_warmstart, data.xipos))
        )

    def restore(self, data: mujoco.MjData) -> None:
        data.qpos[:], data.qvel[:], data.ctrl[:] = self.qpos, self.qvel, self.ctrl
        data.qacc_warmstart[:] = self.warmstart

    def com(self, body: int) -> Array:
        centre: Array = self.xipos[body]
        return centre


def simulate_grasp(
    hand: Hand,
    item: SimObject,
    T_base_object: Array,
    grasp: Grasp,
    settings: SimulationSettings | None = None,
    *,
    friction: float = 0.75,
    statics: Mapping[str, Box] | None = None,
    on_step: OnStep | None = None,
) -> GraspResult:
    """Try one grasp at one object; for many, keep a `GraspSimulation`."""
    placed = PlacedObject(item, T_base_object, friction=friction)
    simulation = GraspSimulation(hand, placed, settings or SimulationSettings(), statics=statics)
    return simulation.run(grasp, on_step=on_step)
