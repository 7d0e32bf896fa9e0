"""The newest joint states, by joint name, and how old they are."""

import time
from collections.abc import Sequence
from threading import Lock

import numpy as np
from sensor_msgs.msg import JointState

from ddg_core.arrays import Array
from ddg_core.errors import Failed
from ddg_core.outcome import Outcome
from ddg_core.ros.convert import stamp_from_msg
from ddg_core.ros.node import DdgNode


class JointStates:
    """Listens to `/joint_states`; several publishers may share the topic.

    A state that comes again with the same stamp tells nothing new: a driver that repeats itself is
    as silent as one that says nothing.
    """

    def __init__(self, node: DdgNode) -> None:
        """Subscribe."""
        self._newest: dict[str, tuple[float, float, float]] = {}  # position, arrival, stamp
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
        age = time.monotonic() - min(newest[name][1] for name in names)
        if age > oldest:
            raise Failed(
                Outcome.CONTROLLER_ABORTED, f"no joint states of {names[0]} ... for {age:.1f} s"
            )
        positions = np.array([newest[name][0] for name in names])
        if not np.isfinite(positions).all():
            raise Failed(Outcome.CONTROLLER_ABORTED, f"joint states are {positions.tolist()}")
        return positions

    def _take(self, message: JointState) -> None:
        now, stamp = time.monotonic(), stamp_from_msg(message.header.stamp)
        with self._lock:
            for name, position in zip(message.name, message.position, strict=False):
                if not stamp or name not in self._newest or self._newest[name][2] != stamp:
                    self._newest[name] = (position, now, stamp)
