"""Where an object is put on the twin's table, and how it comes to rest there."""

from dataclasses import dataclass

import mujoco
import numpy as np

from ddg_core.arrays import Array
from ddg_core.errors import BadInput
from ddg_core.shapes import Box
from ddg_core.transforms import angle_between, compose
from ddg_sim.model.objects import PlacedObject
from ddg_sim.model.world import World
from ddg_sim.objects.sim_object import SimObject
from ddg_sim.twin.settings import SpawnSettings

GAP = 0.001  # objects are let go this far above what carries them, in [m]
NAME = "object"  # the body's name, whatever the object is
PEDESTAL = "pedestal"


@dataclass(frozen=True, eq=False)
class SpawnRequest:
    """What to put on the table.

    Attributes:
        item: The object.
        seed: Of whatever is left to be drawn.
        T_base_object: Where to let it go, shape (4, 4); None: drawn, at rest on the table.
        mass: In [kg]; None: the object's own.
        friction: Sliding friction of its surface; None: drawn from the object's range.
    """

    item: SimObject
    seed: int
    T_base_object: Array | None = None
    mass: float | None = None
    friction: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated."""
        if self.seed < 0:
            raise BadInput(f"seed must be >= 0, got {self.seed}")


@dataclass(frozen=True, eq=False)
class Placement:
    """An object where it is let go, and the pedestal it stands on, if it needs one."""

    placed: PlacedObject
    pedestal: Box | None

    @property
    def statics(self) -> dict[str, Box]:
        """Boxes that go into the model with it, by name."""
        return {} if self.pedestal is None else {PEDESTAL: self.pedestal}


def draw_placement(
    request: SpawnRequest, settings: SpawnSettings, *, table: float, rng: np.random.Generator
) -> Placement:
    """Draw what the request leaves open: stable pose by its probability, yaw, place, friction.

    Args:
        request: What to put there.
        settings: Where objects go.
        table: Height of the table's top, in [m].
        rng: Source of all that is drawn.
    """
    item = request.item
    friction = request.friction or float(rng.uniform(*item.friction))
    choice = rng.choice(len(item.stable_probabilities), p=item.stable_probabilities)
    yaw = rng.uniform(-np.pi, np.pi)
    x, y = rng.uniform(*settings.x), rng.uniform(*settings.y)
    if request.T_base_object is not None:
        placed = PlacedObject(item, request.T_base_object, friction, request.mass, NAME)
        return Placement(placed, None)
    R = item.stable_rotations[choice]
    pedestal = None
    if item.height(R) < settings.low:
        half = settings.pedestal / 2
        pedestal = Box(
            compose(np.eye(3), [x, y, table + half]),
            np.array([settings.pedestal_half, settings.pedestal_half, half]),
        )
        table += settings.pedestal
    T = item.resting(R, yaw=yaw)
    T = compose(T[:3, :3], T[:3, 3] + [x, y, table + GAP])
    return Placement(PlacedObject(item, T, friction, request.mass, NAME), pedestal)


def settle(world: World, data: mujoco.MjData, settings: SpawnSettings) -> Array:
    """Let the object of a world come to rest while the robot holds; `data` is used up.

    Returns:
        Its pose at rest, shape (4, 4).

    Raises:
        BadInput: It moved too far, or went on moving.
    """
    model = world.model
    mujoco.mj_forward(model, data)
    start = world.pose(data, NAME)
    joint = model.jnt(NAME)
    velocity = slice(joint.dofadr[0], joint.dofadr[0] + 6)
    still, needed = 0, round(0.1 / model.opt.timestep)
    for _ in range(round(settings.settle / model.opt.timestep)):
        mujoco.mj_step(model, data)
        still = still + 1 if np.abs(data.qvel[velocity]).max() < settings.still else 0
        if still >= needed:
            break
    mujoco.mj_forward(model, data)
    end = world.pose(data, NAME)
    moved = float(np.linalg.norm(end[:2, 3] - start[:2, 3]))
    if moved > settings.drift or not np.isfinite(end).all():
        raise BadInput(f"the object does not stay where it is put: it moved {moved:.3f} m")
    if still < needed:
        turned = float(np.degrees(angle_between(start[:3, :3], end[:3, :3])))
        raise BadInput(
            f"the object does not come to rest within {settings.settle:g} s"
            f" (it turned by {turned:.0f} degrees)"
        )
    return end


def robot_on_object(world: World, data: mujoco.MjData) -> tuple[str, ...]:
    """Names of the links that touch the object, after a forward step; none is as it should be."""
    model, thing = world.model, world.body(NAME)
    touching = set()
    for contact in data.contact:
        bodies = model.geom_bodyid[contact.geom]
        if thing in bodies:
            touching |= {int(body) for body in bodies if model.body_weldid[body] != 0}
    return tuple(sorted(model.body(body).name for body in touching - {thing}))
