"""Random scenes: which object, how it lies, what it weighs, what it stands on."""

from dataclasses import dataclass

import numpy as np

from ddg_core.arrays import Array
from ddg_core.shapes import Box
from ddg_core.transforms import compose
from ddg_sim.model.build import TABLE
from ddg_sim.model.objects import PlacedObject
from ddg_sim.objects.load import load_object
from ddg_sim.objects.sim_object import SimObject, scaled


@dataclass(frozen=True)
class SceneSettings:
    """What is drawn per scene.

    Attributes:
        centre: Where the object stands, in the base frame, in [m].
        scale: Range of an isotropic factor on the object's size.
        mass: Range of a factor on the object's mass; no object weighs more than `most_mass`.
        most_mass: In [kg].
        friction: Range of the sliding friction of the object; None takes the object's own.
        low: Objects lower than this, as they lie, stand on a pedestal, in [m].
        pedestal_height: In [m].
        pedestal_side: Least and most side of its square top, in [m].
        pedestal_share: Its side over that of a square of the object's footprint.
    """

    centre: tuple[float, float] = (0.55, 0.0)
    scale: tuple[float, float] = (1.0, 1.0)
    mass: tuple[float, float] = (1.0, 1.0)
    most_mass: float = 0.5
    friction: tuple[float, float] | None = None
    low: float = 0.05
    pedestal_height: float = 0.09
    pedestal_side: tuple[float, float] = (0.06, 0.12)
    pedestal_share: float = 0.6

    def __post_init__(self) -> None:
        """Refuse empty ranges."""
        for key in ("scale", "mass"):
            low, high = getattr(self, key)
            if not 0.0 < low <= high:
                raise ValueError(f"{key} must be (least, most), both positive, got {low}, {high}")


@dataclass(frozen=True, eq=False)
class Scene:
    """One object and what it stands on.

    Attributes:
        placed: The object with its pose before it settles, friction and mass.
        statics: Boxes that stand still, by name.
        support_height: Height of what the object stands on, in [m].
        scale: Factor on the object's size.
    """

    placed: PlacedObject
    statics: dict[str, Box]
    support_height: float
    scale: float


def draw_scene(name: str, settings: SceneSettings, *, rng: np.random.Generator) -> Scene:
    """Draw a scene with the object called `name` (see `load_object`)."""
    scale = float(rng.uniform(*settings.scale))
    item = scaled(load_object(name), scale)
    pose = int(rng.choice(len(item.stable_probabilities), p=item.stable_probabilities))
    return place(
        item,
        item.stable_rotations[pose],
        settings,
        yaw=float(rng.uniform(-np.pi, np.pi)),
        friction=float(rng.uniform(*(settings.friction or item.friction))),
        mass=min(item.mass * float(rng.uniform(*settings.mass)), settings.most_mass),
        scale=scale,
    )


def place(
    item: SimObject,
    R_table_object: Array,
    settings: SceneSettings,
    *,
    yaw: float,
    friction: float,
    mass: float,
    scale: float = 1.0,
) -> Scene:
    """Put an object on the table, or on the pedestal if it is low, with given numbers."""
    x, y = settings.centre
    T_base_object = item.resting(R_table_object, yaw=yaw)
    statics, height = {"table": TABLE}, 0.0
    if item.height(R_table_object) < settings.low:
        height = settings.pedestal_height
        footprint = np.sqrt(np.prod(np.ptp(item.vertices @ R_table_object[:2].T, axis=0)))
        half = np.clip(settings.pedestal_share * footprint, *settings.pedestal_side) / 2
        at = compose(np.eye(3), [x, y, height / 2])
        statics["pedestal"] = Box(at, np.array([half, half, height / 2]))
    T_base_object[:3, 3] += x, y, height
    placed = PlacedObject(item, T_base_object, friction=friction, mass=mass)
    return Scene(placed, statics, height, scale)
