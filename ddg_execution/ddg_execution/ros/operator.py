"""What only the operator can say: that the hand is homed, and that a phase may begin."""

from collections.abc import Callable
from threading import Event
from typing import Any

from ddg_core.ros.node import DdgNode

HOMED = "the first motion: is every finger of the hand homed?"


class Operator:
    """Is asked in the log and in `/diagnostics`, and says yes by `/ddg/confirm`, once a question.

    Attributes:
        homed: Whether the hand may move; if not, he is asked before the first phase.
        question: What he is asked before; empty: nothing.
    """

    def __init__(
        self, node: DdgNode, *, homed: bool, each_phase: bool, changed: Callable[[], None]
    ) -> None:
        """Offer the service.

        Args:
            node: Where it lives.
            homed: Whether the hand needs no homing.
            each_phase: Ask before every phase.
            changed: Called when there is another question, or none.
        """
        self.homed, self.question = homed, ""
        self._node, self._each_phase, self._changed = node, each_phase, changed
        self._yes = Event()
        node.serve("/ddg/confirm", self._on_confirm)

    def permit(self, phase: str) -> bool:
        """Whether a phase may begin: at once, or when he has said so; to be asked again."""
        if not self.homed:
            self.homed = self._said_yes(HOMED)
            return False
        return not self._each_phase or self._said_yes(phase)

    def dismiss(self) -> None:
        """Ask nothing any more."""
        self.question = ""
        self._changed()

    def _said_yes(self, question: str) -> bool:
        if self.question != question:
            self._yes.clear()
            self.question = question
            self._changed()
            self._node.get_logger().warning(f"waiting for /ddg/confirm before {question}")
        if not self._yes.is_set():
            return False
        self.dismiss()
        return True

    def _on_confirm(self, _: Any, response: Any) -> Any:
        response.success = bool(self.question)
        response.message = f"confirmed: {self.question}" if response.success else "nobody asked"
        if response.success:
            self._yes.set()
        return response
