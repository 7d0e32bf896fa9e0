"""Who of those that move is missing, and whether the hand tells how hard it works."""

import math
from collections.abc import Callable
from threading import Lock

from ddg_core.cell import HandEffortSettings
from ddg_core.ros.node import DdgNode
from ddg_execution.ros.controller import RosController

PERIOD = 1.0  # [s] of wall time between two looks
GUARD = "hand-current guard"  # in the diagnostics


class Readiness:
    """Looks at both controllers, and says in the log when it sees something new.

    Attributes:
        arm: Why the arm cannot move; empty if it can.
        hand: The same of the hand.
    """

    def __init__(
        self,
        node: DdgNode,
        arm: RosController,
        hand: RosController,
        effort: HandEffortSettings | None,
        changed: Callable[[], None],
    ) -> None:
        """Nothing was seen yet.

        Args:
            node: Where it lives.
            arm: The arm's controller.
            hand: The hand's controller.
            effort: What is watched of the hand, if anything.
            changed: Called when somebody is missing, or there again.
        """
        self.arm = self.hand = ""
        self._node, self._arm, self._hand, self._effort = node, arm, hand, effort
        self._changed = changed
        self._lock = Lock()

    @property
    def trouble(self) -> str:
        """Why nothing can move, naming the culprit; empty if it can."""
        both = (("arm", self.arm), ("hand", self.hand))
        return "; ".join(f"{part}: {why}" for part, why in both if why)

    def look(self) -> None:
        """Look once; to be called every `PERIOD`."""
        with self._lock:  # looks that were kept waiting may come at once
            before = self.trouble
            self.arm, self.hand = self._arm.trouble(), self._hand.trouble()
            if self.trouble != before:
                if self.trouble:
                    self._node.get_logger().warning(self.trouble)
                self._changed()
            if self._effort is not None and not self.hand:
                self._look_at_effort(self._effort)

    def _look_at_effort(self, effort: HandEffortSettings) -> None:
        efforts = zip(self._hand.joint_names, self._hand.efforts(), strict=True)
        blind = [name for name, now in efforts if name in effort.limits and math.isnan(now)]
        told = f"blind: /joint_states has no effort of {', '.join(blind)}" if blind else "sees"
        if blind and self._node.vitals.get(GUARD) != told:
            self._node.get_logger().warning(f"the hand-current guard is {told}")
        self._node.vitals[GUARD] = told
