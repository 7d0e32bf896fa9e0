"""What only the judge may know: where the object is, who touches it, whether the hand holds it."""

from dataclasses import dataclass

import mujoco
import numpy as np

from ddg_core.arrays import Array
from ddg_sim.judge import Judge, JudgeSettings
from ddg_sim.model.world import World
from ddg_sim.twin.spawn import NAME
from ddg_sim.twin.twin import Spawned, Twin


@dataclass(frozen=True, eq=False)
class Touch:
    """One contact of the object with another body, in the base frame.

    Attributes:
        body_a, body_b: Names of the bodies; the object is "object", the world "world".
        position: Shape (3,), in [m].
        normal: Unit normal from a to b, shape (3,).
        force: Normal force, in [N].
        friction: Tangential force, in [N].
    """

    body_a: str
    body_b: str
    position: Array
    normal: Array
    force: float
    friction: float


@dataclass(frozen=True, eq=False)
class Hold:
    """Whether the hand carries the object.

    Attributes:
        held: At least two hand links, one of them thumb or palm, touch it, and nothing else does.
        links: Hand links that touch it.
        others: What else touches it.
        height: How far it is above where it came to rest when it was spawned, in [m].
        moved: Shift in the hand since lift-off, in [m]; NaN before.
        turned: Turn in the hand since lift-off, in [rad]; NaN before.
    """

    held: bool
    links: tuple[str, ...]
    others: tuple[str, ...]
    height: float
    moved: float
    turned: float


class Witness:
    """Watches the object of a twin; a new object, or a reset, begins a new story."""

    def __init__(self, twin: Twin) -> None:
        """Watch; `look` must be called often, lest it misses the moment of lift-off."""
        self._twin = twin
        self._object: Spawned | None = None
        self._resets = -1
        self._judge: Judge | None = None
        self._hold: Hold | None = None

    @property
    def hold(self) -> Hold | None:
        """As of the last `look`; None if there is no object."""
        return self._hold

    def look(self) -> None:
        """Follow the object."""
        twin = self._twin
        if twin.spawned is None:
            self._hold = None
            return
        if self._judge is None or twin.spawned is not self._object or twin.resets != self._resets:
            self._judge = Judge(twin.world, JudgeSettings(), body=NAME)
            self._object, self._resets = twin.spawned, twin.resets
        touching = self._judge.update(twin.data)
        numbers = self._judge.verdict().numbers
        in_hand = bool(touching.links) and not touching.others
        hand = twin.hand.settings
        opposed = bool(touching.links.keys() & {*hand.palm_links, *hand.thumb_links})
        rise = twin.world.pose(twin.data, NAME)[2, 3] - twin.spawned.T_base_object[2, 3]
        self._hold = Hold(
            held=in_hand and opposed and len(touching.links) >= 2,
            links=tuple(sorted(touching.links)),
            others=touching.others,
            height=float(rise),
            moved=numbers["shift"] if in_hand else float("nan"),
            turned=numbers["turn"] if in_hand else float("nan"),
        )


def contacts(world: World, data: mujoco.MjData) -> list[Touch]:
    """All contacts of the object now."""
    model, thing = world.model, world.body(NAME)
    found = []
    force = np.zeros(6)
    for i in range(data.ncon):
        contact = data.contact[i]
        bodies = model.geom_bodyid[contact.geom]
        if thing not in bodies or contact.exclude:
            continue
        mujoco.mj_contactForce(model, data, i, force)
        found.append(
            Touch(
                body_a=model.body(bodies[0]).name,
                body_b=model.body(bodies[1]).name,
                position=contact.pos.copy(),
                normal=contact.frame[:3].copy(),
                force=float(force[0]),
                friction=float(np.hypot(force[1], force[2])),
            )
        )
    return found
