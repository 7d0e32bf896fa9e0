"""A hand that somebody guides, heard over ROS: where it stands still, and what the camera sees."""

import time
from collections import deque
from contextlib import ExitStack
from typing import Any, Self

import numpy as np
import rclpy
from rclpy.signals import SignalHandlerOptions

from ddg_core.arrays import Array
from ddg_core.cell import CellSettings
from ddg_core.errors import BadInput, TimedOut
from ddg_core.hand import Hand
from ddg_core.ros.calls import call, check
from ddg_core.ros.convert import stamp_from_msg, view_from_msg
from ddg_core.ros.interfaces import interface
from ddg_core.ros.node import DdgNode
from ddg_core.ros.spinning import attended
from ddg_core.ros.tf import TfListener
from ddg_core.transforms import angle_between
from ddg_core.view import ObjectView
from ddg_core.waiting import wait_until
from ddg_planning.teach.shown import Posture

PATIENCE = 15.0  # [s] for joint states, and for a hand that stands still
FRAMES = 5.0  # [s] for the wrist's frame
CAPTURE = 30.0  # [s] for a view
STILL = 10  # joint states in a row that agree
DRIFT = 0.01  # they agree within this, in [rad]
SHIFT = 0.002  # and the wrist within this, in [m]

CAPTURE_VIEW = "/ddg/capture_view"


class GuidedHand:
    """Listens to joint states, frames and the capture service; a context manager."""

    def __init__(self, cell: CellSettings, hand: Hand) -> None:
        """Join the ROS graph as a listener: nothing is ever commanded."""
        prefix = hand.settings.joint_prefix
        prefix = prefix if cell.hand_joint_prefix is None else cell.hand_joint_prefix
        self._names = [prefix + name for name in hand.joint_names]
        self._hand, self._base = hand, cell.base_frame
        self._newest: dict[str, float] = {}
        self._since = 0  # only what was received later counts, in [ns] of the system's clock
        self._heard: deque[tuple[float, Array]] = deque(maxlen=STILL)
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        self._node = DdgNode("ddg_teach")
        self._frames = TfListener(self._node)
        self._capture = self._node.call(CAPTURE_VIEW)
        self._node.subscribe("/joint_states", self._on_joints)
        self._background = ExitStack()
        self._background.enter_context(attended(self._node))

    def __enter__(self) -> Self:
        """Return the listener."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the ROS graph."""
        self._background.close()
        rclpy.try_shutdown()

    def posture(self) -> Posture:
        """Wait until the hand stands still, and tell where.

        Raises:
            TimedOut: No joint states, or the hand keeps moving.
            BadInput: There are joint states, but of another hand.
            Failed: UNKNOWN_FRAME, STALE_DATA: nobody says where the wrist is.
        """
        self._since = time.time_ns()
        self._heard.clear()
        try:
            wait_until(self._still, what="hand that stands still", timeout=PATIENCE)
        except TimedOut as error:
            self._explain()
            raise error
        (first, _), *_, (last, joints) = tuple(self._heard)
        return Posture(self._wrist(first, last), joints)

    def view(self) -> ObjectView:
        """Take one view of the object.

        Raises:
            TimedOut: Nobody offers the service, or it does not answer.
            Failed: What the capture node says, e.g. EMPTY_MASK.
        """
        request = interface(CAPTURE_VIEW, "srv").load_type().Request()
        answer = call(self._capture, request, timeout=CAPTURE, ready=PATIENCE)
        check(answer.outcome)
        return view_from_msg(answer.view)

    def _still(self) -> bool:
        heard = tuple(self._heard)
        if len(heard) < STILL:
            return False
        joints = np.stack([positions for _, positions in heard])
        return bool(np.isfinite(joints).all() and np.ptp(joints, axis=0).max() < DRIFT)

    def _explain(self) -> None:
        """Raise what is wrong, if it is not that the hand moves."""
        missing = [name for name in self._names if name not in self._newest]
        if not self._newest:
            what = f"no joint states on /joint_states within {PATIENCE:g} s; is the driver up?"
            raise TimedOut(what)
        if missing:
            raise BadInput(
                f"/joint_states has no {', '.join(missing)} (heard: "
                f"{', '.join(sorted(self._newest))}): not the joints of hand {self._hand.name!r}"
            )
        if len(self._heard) < STILL:
            raise TimedOut(
                f"no joint states of {self._names[0]} ... within {PATIENCE:g} s any more"
            )

    def _wrist(self, first: float, last: float) -> Array:
        """Pose of {wrist} in {base} at two times in [s], which must agree."""
        link = self._hand.settings.wrist_link
        # A driver that does not stamp its joint states is taken at the newest frames.
        before, after = (
            self._frames.lookup(self._base, link, stamp or None, timeout=FRAMES)
            for stamp in (first, last)
        )
        shift = float(np.linalg.norm(after[:3, 3] - before[:3, 3]))
        turn = float(angle_between(before[:3, :3], after[:3, :3]))
        if shift > SHIFT or turn > DRIFT:
            raise TimedOut(f"the wrist does not stand still: it moved {1e3 * shift:.1f} mm")
        return after

    def _on_joints(self, message: Any, info: Any) -> None:
        if info["received_timestamp"] < self._since:  # it waited for us to spin
            return
        positions = dict(zip(message.name, message.position, strict=False))
        self._newest.update(positions)
        if not positions.keys() & set(self._names) or not self._newest.keys() >= set(self._names):
            return
        joints = np.array([self._newest[name] for name in self._names])
        self._heard.append((stamp_from_msg(message.header.stamp), joints))
