"""The newest joint states, by joint name, and how old they are."""

import math
import time
from collections.abc import Sequence
from threading import Lock
from typing import NamedTuple

import numpy as np
from sensor_msgs.msg import JointState

from ddg_core.arrays import Array
from ddg_core.errors import Failed
from ddg_core.outcome import Outcome
from ddg_core.ros.convert import stamp_from_msg
from ddg_core.ros.node import DdgNode


class Heard(NamedTuple):
    """The newest word of one joint.

    Attributes:
        position: In [rad].
        effort: In the unit of its driver; NaN where it says nothing of it.
        arrival: When it came, in [s] of the monotonic clock.
        stamp: When it was measured, in [s] of the driver's clock.
    """

    position: float
    effort: float
    arrival: float
    stamp: float


class JointStates:
    """Listens to `/joint_states`; several publishers may share the topic.

    A state that comes again with the same stamp tells nothing new: a driver that repeats itself is
    as silent as one that says nothing.
    """

    def __init__(self, node: DdgNode) -> None:
        """Subscribe."""
        self._newest: dict[str, Heard] = {}
        self._lock = Lock()
        node.subscribe("/joint_states", self._take)

    def positions(self, names: Sequence[str], *, oldest: float) -> Array:
        """Positions of the named joints, shape (D,), in [rad].

        Args:
            names: Joints, as their driver calls them.
            oldest: Largest age, in [s] of wall time.

        Raises:
            Failed: CONTROLLER_ABORTED: nothing is heard, or not of these joints, or no longer.
        """
        with self._lock:
            newest = dict(self._newest)
        missing = [name for name in names if name not in newest]
        if missing:
            heard = ", ".join(sorted(newest)) or "nothing"
            raise Failed(
                Outcome.CONTROLLER_ABORTED,
                f"/joint_states has no {', '.join(missing)} (heard: {heard}); is the driver up, "
                "and is joint_prefix right?",
            )
        age = time.monotonic() - min(newest[name].arrival for name in names)
        if age > oldest:
            raise Failed(
                Outcome.CONTROLLER_ABORTED, f"no joint states of {names[0]} ... for {age:.1f} s"
            )
        positions = np.array([newest[name].position for name in names])
        if not np.isfinite(positions).all():
            wild = ", ".join(np.array(names)[~np.isfinite(positions)])
            raise Failed(
                Outcome.CONTROLLER_ABORTED,
                f"/joint_states has no number for {wild}; is its driver still homing?",
            )
        return positions

    def efforts(self, names: Sequence[str]) -> Array:
        """Efforts of the named joints, shape (D,), in their driver's unit; NaN: no word of it."""
        with self._lock:
            newest = [self._newest.get(name) for name in names]
        return np.array([math.nan if heard is None else heard.effort for heard in newest])

    def _take(self, message: JointState) -> None:
        now, stamp = time.monotonic(), stamp_from_msg(message.header.stamp)
        efforts = message.effort or [math.nan] * len(message.name)
        with self._lock:
            for name, position, effort in zip(
                message.name, message.position, efforts, strict=False
            ):
                if not stamp or name not in self._newest or self._newest[name].stamp != stamp:
                    self._newest[name] = Heard(position, effort, now, stamp)
