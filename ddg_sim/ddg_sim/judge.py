"""The judge: was the object held? It reads poses and contacts of a simulation, and nothing else.

Held = at the end of the hold at least two hand links, one of them thumb or palm, carry the object,
nothing else touches it, and it moved less than 3 cm and 30 degrees in the hand since lift-off.
Lift-off is the last moment at which something other than the hand touched it.
"""

from dataclasses import dataclass

import mujoco
import numpy as np
from scipy.spatial.transform import Rotation

from ddg_core.arrays import Array
from ddg_core.errors import BadInput
from ddg_core.outcome import Outcome
from ddg_core.trial import Verdict
from ddg_sim.model.world import World


@dataclass(frozen=True)
class JudgeSettings:
    """What counts as held.

    Attributes:
        most_shift: The object may move this much in the hand since lift-off, in [m].
        most_turn: And turn this much, in [rad].
        least_force: A link carries if its normal forces sum to this, in [N].
        lifted: The object counts as lifted above this rise of its centre, in [m].
    """

    most_shift: float = 0.03
    most_turn: float = float(np.radians(30.0))
    least_force: float = 0.02
    lifted: float = 0.02


@dataclass(frozen=True)
class Touching:
    """Who touches an object.

    Attributes:
        links: Normal force in [N] of each hand link that carries it, by link name.
        others: Names of the geoms of anything else that touches it, e.g. "table".
    """

    links: dict[str, float]
    others: tuple[str, ...]


def touching(
    world: World, data: mujoco.MjData, *, body: str = "object", least_force: float = 0.02
) -> Touching:
    """Who presses on the object; hand links count from `least_force` [N], others always."""
    owners, thing, forces = world.geom_owners, world.body(body), data.efc_force
    links: dict[str, float] = {}
    others: set[str] = set()
    contacts = zip(data.contact.geom.tolist(), data.contact.efc_address.tolist(), strict=True)
    for (first, second), address in contacts:  # a plain loop: there are about ten
        if address < 0 or thing not in (owners[first], owners[second]):
            continue
        geom = second if owners[first] == thing else first
        force = float(forces[address])  # of an elliptic cone: the normal comes first
        name = world.hand_bodies.get(owners[geom])
        if name is not None:
            links[name] = links.get(name, 0.0) + force
        elif force > 0.0:
            others.add(world.model.geom(geom).name)
    carrying = {name: force for name, force in links.items() if force >= least_force}
    return Touching(carrying, tuple(sorted(others)))


@dataclass(frozen=True, eq=False)
class _Pose:
    """Where the object is in the hand, and how the hand is turned."""

    R_base_wrist: Array
    R_wrist_object: Array
    com: Array  # in {wrist}


class Judge:
    """Follows one object through a lift: `update` every few steps, `verdict` at the end."""

    def __init__(self, world: World, settings: JudgeSettings, *, body: str = "object") -> None:
        """Prepare to watch `body`.

        Raises:
            BadInput: Friction cones are not elliptic (their forces read differently), or
                something other than contact acts on the object.
        """
        if world.model.opt.cone != mujoco.mjtCone.mjCONE_ELLIPTIC:
            raise BadInput("the judge reads the forces of elliptic friction cones only")
        refuse_ties(world.model, world.body(body))
        self._world, self._settings, self._name = world, settings, body
        self._body = world.body(body)
        self._wrist = world.body(world.hand.settings.wrist_link)
        self._now = Touching({}, ())
        self._pose = self._reference = _Pose(np.eye(3), np.eye(3), np.zeros(3))
        self._in_hand_since: float | None = None
        self._start: float | None = None
        self._most_rise = self._time_held = 0.0

    def update(self, data: mujoco.MjData) -> Touching:
        """Look at the simulation after a step; return who touches the object."""
        self._now = touching(
            self._world, data, body=self._name, least_force=self._settings.least_force
        )
        height = float(data.xipos[self._body][2])
        self._start = height if self._start is None else self._start
        self._most_rise = max(self._most_rise, height - self._start)
        self._pose = self._in_hand(data)
        if self._now.others:
            self._in_hand_since = None
        elif self._now.links:
            if self._in_hand_since is None:
                self._in_hand_since, self._reference = float(data.time), self._pose
            self._time_held = max(self._time_held, float(data.time) - self._in_hand_since)
        return self._now

    def verdict(self) -> Verdict:
        """Judge the state of the last update as the end of the hold.

        The numbers are `shift` [m], `turn`, `tilt` and `yaw` [rad] in the hand since lift-off,
        `time_held` and `most_rise`, and how many `links` carry the object.
        """
        links, others = self._now.links, " and ".join(self._now.others)
        numbers = self._numbers()
        if others or not links:
            where = f"it lies on {others}" if others else "nothing holds it"
            if numbers["most_rise"] > self._settings.lifted:
                return Verdict(Outcome.DROPPED, f"lifted, then {where}", numbers)
            return Verdict(Outcome.NOT_HELD, f"not lifted, {where}", numbers)
        shift, turn = numbers["shift"], numbers["turn"]
        if shift >= self._settings.most_shift or turn >= self._settings.most_turn:
            moved = f"{100 * shift:.1f} cm and {np.degrees(turn):.0f} degrees"
            return Verdict(Outcome.SLIPPED, f"moved {moved} in the hand", numbers)
        hand = self._world.hand.settings
        names = ", ".join(sorted(links))
        if len(links) < 2:
            return Verdict(Outcome.NOT_HELD, f"hangs on {names} alone", numbers)
        if not links.keys() & {*hand.palm_links, *hand.thumb_links}:
            return Verdict(Outcome.NOT_HELD, f"neither thumb nor palm carries: {names}", numbers)
        return Verdict(Outcome.HELD, f"carried by {names}", numbers)

    def _in_hand(self, data: mujoco.MjData) -> "_Pose":
        R_base_wrist = data.xmat[self._wrist].reshape(3, 3).copy()
        R_base_object = data.xmat[self._body].reshape(3, 3)
        com = R_base_wrist.T @ (data.xipos[self._body] - data.xpos[self._wrist])
        return _Pose(R_base_wrist, R_base_wrist.T @ R_base_object, com)

    def _numbers(self) -> dict[str, float]:
        moved = self._in_hand_since is not None
        now, then = self._pose, self._reference if moved else self._pose
        R = now.R_wrist_object @ then.R_wrist_object.T
        tilt, yaw = tilt_and_yaw(now.R_base_wrist @ R @ now.R_base_wrist.T)
        return {
            "shift": float(np.linalg.norm(now.com - then.com)),
            "turn": float(Rotation.from_matrix(R).magnitude()),
            "tilt": tilt,
            "yaw": yaw,
            "time_held": self._time_held,
            "most_rise": self._most_rise,
            "links": float(len(self._now.links)),
        }


def tilt_and_yaw(R: Array) -> tuple[float, float]:
    """Split a rotation (3, 3) into its tilt away from, and its turn about, the vertical [rad]."""
    x, y, z, w = Rotation.from_matrix(R).as_quat()
    tilt = 2.0 * np.arctan2(np.hypot(x, y), np.hypot(z, w))
    yaw = 2.0 * np.arctan2(z, w)
    return float(tilt), float((yaw + np.pi) % (2 * np.pi) - np.pi)


def refuse_ties(model: mujoco.MjModel, body: int) -> None:
    """Raise BadInput if anything but contact and gravity could act on a free body."""
    joints = set(range(model.body_jntadr[body], model.body_jntadr[body] + model.body_jntnum[body]))
    obj, trn = mujoco.mjtObj, mujoco.mjtTrn
    ties = [
        f"equality {model.equality(i).name!r}"
        for i in range(model.neq)
        for kind, ids in ((obj.mjOBJ_BODY, {body}), (obj.mjOBJ_JOINT, joints))
        if {model.eq_obj1id[i], model.eq_obj2id[i]} & ids
        and (model.eq_objtype[i] == kind or model.eq_type[i] == mujoco.mjtEq.mjEQ_JOINT)
        and (kind == obj.mjOBJ_JOINT) == (model.eq_type[i] == mujoco.mjtEq.mjEQ_JOINT)
    ]
    ties += [
        f"actuator {model.actuator(i).name!r}"
        for i in range(model.nu)
        if (model.actuator_trntype[i] == trn.mjTRN_BODY and model.actuator_trnid[i, 0] == body)
        or (model.actuator_trntype[i] == trn.mjTRN_JOINT and model.actuator_trnid[i, 0] in joints)
    ]
    if model.body_gravcomp[body]:
        ties.append("gravity compensation")
    if ties:
        raise BadInput(f"only contact may act on the object, but there is {', '.join(ties)}")
