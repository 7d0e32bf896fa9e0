"""What is watched while arm and hand are at work: that both are heard, and the fingers' effort."""

from collections.abc import Callable

import numpy as np

from ddg_core.cell import HandEffortSettings
from ddg_core.errors import DdgError, UnknownName
from ddg_core.outcome import Outcome
from ddg_execution.control import Controller


class HandOverloaded(DdgError):
    """A finger worked harder than it may, for longer than it may."""

    outcome = Outcome.HAND_STALLED


class Watch:
    """Looks at the controllers again and again; raises where the motion must end.

    Args:
        arm: The arm's controller.
        hand: The hand's controller.
        joints: The D driven finger joints.
        effort: How hard they may work; None: nobody looks.
        clock: The controllers' clock, in [s].
    """

    def __init__(
        self,
        arm: Controller,
        hand: Controller,
        joints: tuple[str, ...],
        effort: HandEffortSettings | None,
        clock: Callable[[], float],
    ) -> None:
        """Take the limits; UnknownName if they are not those of this hand."""
        self._arm, self._hand, self._joints = arm, hand, joints
        self._effort, self._clock = effort, clock
        named = effort.limits if effort else {}
        for name in named:
            if name not in joints:
                raise UnknownName("joint of the hand (hand_effort: limits)", name, joints)
        self._limits = np.array([named.get(name, np.inf) for name in joints])
        self.begin()

    def begin(self) -> None:
        """Forget what was seen before."""
        self._since = np.full(len(self._joints), np.inf)  # when each finger went above its limit

    def look(self) -> None:
        """Look once.

        Raises:
            Failed: Arm or hand is not heard of any more (CONTROLLER_ABORTED); each may have a
                driver of its own, and the hand is needed where only the arm moves too.
            HandOverloaded: The message names finger, effort and limit.
        """
        self._arm.measured()
        self._hand.measured()
        if self._effort is None:
            return
        now, efforts = self._clock(), np.abs(self._hand.efforts())
        # NaN, which is no word from the driver, is above nothing. The clock may be set back.
        self._since = np.where(efforts > self._limits, np.minimum(self._since, now), np.inf)
        i = int(self._since.argmin())
        if now - self._since[i] > self._effort.longest:
            raise HandOverloaded(
                f"guard: {self._joints[i]} works with {efforts[i]:.4g}, limit {self._limits[i]:.4g}"
                f" (in its driver's unit), for more than {self._effort.longest:g} s"
            )
