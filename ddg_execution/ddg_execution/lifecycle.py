"""Brings parts up stage by stage, and down where one is lost that they need. Knows no ROS."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future


class Lineup:
    """Parts in stages: each needs all of the stages before its own.

    Args:
        stages: Names; what moves is in the last stage, so that it comes up last and goes down
            first.
        up: Begins to bring one up; the future says whether that worked.
        down: Takes one down.
    """

    def __init__(
        self,
        stages: Sequence[Sequence[str]],
        up: Callable[[str], "Future[bool]"],
        down: Callable[[str], None],
    ) -> None:
        """Nobody is up yet."""
        self._stages, self._up, self._down = stages, up, down
        self._active: set[str] = set()
        self._adrift: set[str] = set()  # lost while up: one that was frozen comes back as it was
        self._rising: dict[str, Future[bool]] = {}

    @property
    def down(self) -> tuple[str, ...]:
        """Who is not up."""
        return tuple(n for stage in self._stages for n in stage if n not in self._active)

    def settle(self, alive: Mapping[str, bool]) -> None:
        """Take down, last first, what needs somebody lost; begin to bring up what can come.

        To be called again whenever somebody is lost or found, or has come up.

        Args:
            alive: Whether each part's process lives.
        """
        self._collect()
        missing = [not all(alive[name] for name in stage) for stage in self._stages]
        for i, stage in reversed(list(enumerate(self._stages))):
            for name in stage:
                if name in self._active and not alive[name]:
                    self._active.discard(name)
                    self._adrift.add(name)
                elif any(missing[:i]) and alive[name] and name in self._active | self._adrift:
                    self._active.discard(name)
                    self._adrift.discard(name)
                    self._down(name)
        for stage in self._stages:
            for name in stage:
                if alive[name] and name not in self._active and name not in self._rising:
                    self._adrift.discard(name)
                    self._rising[name] = self._up(name)
            if not self._active.issuperset(stage):
                break

    def _collect(self) -> None:
        for name, future in list(self._rising.items()):
            if future.done():
                del self._rising[name]
                if future.result():
                    self._active.add(name)
