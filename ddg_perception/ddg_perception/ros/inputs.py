"""What the capture node listens to: the newest camera messages and joint states."""

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np

from ddg_core.cell import CellSettings
from ddg_core.errors import Failed, TimedOut
from ddg_core.hand import HandSettings
from ddg_core.kinematics import MOVING, KinematicTree
from ddg_core.outcome import Outcome
from ddg_core.ros.convert import stamp_from_msg
from ddg_core.ros.node import DdgNode
from ddg_core.waiting import wait_until
from ddg_perception.robot_body import PosedShape, posed_shapes

AHEAD = 1.0  # [s] of the node's clock; what is stamped later was seen before it was set back
KEPT = 1.0  # of joint states, in [s]: a view may be older than the newest of them


class Newest:
    """The newest message of each of some topics."""

    def __init__(self, node: DdgNode, topics: Mapping[str, str]) -> None:
        """Subscribe to `topics`: real name -> name in the table of interfaces."""
        self._node = node
        self._messages: dict[str, Any] = {}
        for topic, like in topics.items():
            node.subscribe(like, self._keeper(topic), at=topic)

    def _keeper(self, topic: str) -> Any:
        return lambda msg: self._messages.__setitem__(topic, msg)

    def fresh(self, topic: str, after: float) -> bool:
        """Whether the newest message was stamped at or after a time in [s] of the node's clock."""
        msg = self._messages.get(topic)
        return msg is not None and after <= stamp_from_msg(msg.header.stamp) <= self._latest()

    def wait(self, topic: str, after: float, timeout: float) -> Any:
        """Return a message stamped at or after a time in [s] of the node's clock.

        Raises:
            Failed: NO_CLOUD if the topic is silent, STALE_DATA if its messages are too old, or of
                before the clock was set back.
        """
        try:
            wait_until(
                lambda: self.fresh(topic, after),
                what=f"view on {topic}",
                timeout=timeout,
                period=0.005,
            )
        except TimedOut:
            raise self._failure(topic, after, timeout) from None
        return self._messages[topic]

    def _latest(self) -> float:
        """Latest believable stamp, in [s]."""
        return self._node.get_clock().now().nanoseconds * 1e-9 + AHEAD

    def _failure(self, topic: str, after: float, timeout: float) -> Failed:
        msg = self._messages.get(topic)
        if msg is None:
            talkers = self._node.count_publishers(topic)
            return Failed(
                Outcome.NO_CLOUD,
                f"nothing came on {topic} within {timeout:g} s ({talkers} publishers)",
            )
        late = after - stamp_from_msg(msg.header.stamp)
        early = stamp_from_msg(msg.header.stamp) - self._latest() + AHEAD
        if early > AHEAD:
            return Failed(
                Outcome.STALE_DATA,
                f"the newest message on {topic} is stamped {early:.3f} s ahead of the clock: was it"
                " set back, or do the clocks differ?",
            )
        return Failed(
            Outcome.STALE_DATA,
            f"the newest message on {topic} is {late:.3f} s too old, none came in {timeout:g} s",
        )


class Body:
    """The robot's links where the joint states say that they are."""

    def __init__(
        self, node: DdgNode, cell: CellSettings, hand: HandSettings, tree: KinematicTree
    ) -> None:
        """Subscribe to /joint_states; `tree` is that of the cell."""
        self._tree = tree.subtree(cell.base_frame)
        self._prefixes = [p for p in (cell.arm.joint_prefix, hand.joint_prefix) if p]
        self._joints: dict[str, deque[tuple[float, float]]] = {}  # stamp, position
        node.subscribe("/joint_states", self._take)

    def _take(self, msg: Any) -> None:
        stamp = stamp_from_msg(msg.header.stamp)
        for name, position in zip(msg.name, msg.position, strict=False):
            for prefix in self._prefixes:
                name = name.removeprefix(prefix)
            known = self._joints.setdefault(name, deque())
            known.append((stamp, position))
            while not stamp - KEPT <= known[0][0] <= stamp:  # old, or the clock was set back
                known.popleft()

    def shapes(self, stamp: float, max_age: float) -> list[PosedShape]:
        """All link primitives in the base frame, where they were at `stamp` [s].

        Raises:
            Failed: STALE_DATA if a joint is unknown, or older than `max_age` [s] at `stamp` [s].
        """
        known = {name: list(states) for name, states in dict(self._joints).items()}
        moving = [j.name for j in self._tree.joints if j.kind in MOVING and j.mimic is None]
        missing = [name for name in moving if not known.get(name)]
        if missing:
            raise Failed(
                Outcome.STALE_DATA,
                f"no state of joints {', '.join(missing)} on /joint_states, so the robot cannot be "
                "told from the object (filter_robot: false leaves this out)",
            )
        joints = {name: _at(stamp, known[name]) for name in moving}
        oldest = min(moving, key=lambda name: joints[name][0], default=None)
        if oldest is not None and stamp - joints[oldest][0] > max_age:
            raise Failed(
                Outcome.STALE_DATA,
                f"the state of joint {oldest!r} is {stamp - joints[oldest][0]:.3f} s older than "
                f"the view, allowed is {max_age:g} s",
            )
        values = np.array([joints[name][1] for name in moving])
        return posed_shapes(self._tree, moving, values, np.eye(4))


def _at(stamp: float, states: list[tuple[float, float]]) -> tuple[float, float]:
    """The last of some states (stamp, position) before a time, or the first after it."""
    return next((state for state in reversed(states) if state[0] <= stamp), states[0])
