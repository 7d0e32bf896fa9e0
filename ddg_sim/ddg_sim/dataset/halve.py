"""Is the physics fine enough? Grasps of a data set again, at half the time step."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

from ddg_sim.dataset.store import Dataset
from ddg_sim.rollout.rollout import RolloutSettings, open_scene


@dataclass(frozen=True)
class Halved:
    """Labels at the data set's time step and at half of it.

    Attributes:
        before, after: Whether each grasp held.
    """

    before: tuple[bool, ...]
    after: tuple[bool, ...]

    @property
    def changed(self) -> int:
        """How many labels differ."""
        return sum(a != b for a, b in zip(self.before, self.after, strict=True))


def halve(dataset: Dataset, labels: int, *, on_label: Callable[[int], None]) -> Halved:
    """Try the first grasp of each of the first `labels` scenes that have one.

    Args:
        dataset: Where the grasps and their labels are.
        labels: How many, at most.
        on_label: Told how many are done.
    """
    settings = halved(dataset.header.settings)
    with_grasp = [row["seed"] for row in dataset.rows(["seed", "grasps"]) if row["grasps"]]
    chosen = set(islice(sorted(with_grasp), labels))
    before, after = [], []
    for record in dataset.records(chosen):
        simulation = open_scene(record.seed, settings).simulation
        before.append(record.results[0].held)
        after.append(simulation.run(record.grasps[0]).held)
        on_label(len(after))
    return Halved(tuple(before), tuple(after))


def halved(settings: RolloutSettings) -> RolloutSettings:
    """The same at half the time step."""
    simulation = settings.simulation
    physics = replace(simulation.physics, timestep=simulation.physics.timestep / 2)
    return replace(settings, simulation=replace(simulation, physics=physics))
