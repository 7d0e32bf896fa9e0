"""Transforms from /tf and /tf_static: one buffer of our own, the same with and without tf2_ros."""

from typing import Any

from ddg_core.arrays import Array
from ddg_core.errors import Failed, TimedOut
from ddg_core.frames import FrameBuffer
from ddg_core.ros.convert import stamp_from_msg, transforms_from_msg
from ddg_core.ros.node import DdgNode
from ddg_core.waiting import wait_until


class TfListener:
    """Listens to the frames of the graph; made in a node's `start`."""

    def __init__(self, node: DdgNode) -> None:
        """Subscribe; the node must be spun by other threads than the one that looks up."""
        self.buffer = FrameBuffer()
        node.subscribe("/tf", lambda msg: self._take(msg, static=False))
        node.subscribe("/tf_static", lambda msg: self._take(msg, static=True))

    def lookup(
        self, target: str, source: str, stamp: float | None = None, *, timeout: float = 1.0
    ) -> Array:
        """Return `T_target_source`, shape (4, 4), waiting for it up to `timeout` [s].

        Args:
            target: Frame to express things in.
            source: Frame that they are in.
            stamp: When, in [s] of the node's clock; None takes the newest common time.
            timeout: Longest wait, in [s].

        Raises:
            Failed: UNKNOWN_FRAME or STALE_DATA, see `FrameBuffer.lookup`.
        """
        found: list[Array] = []
        failure: Failed | None = None

        def look() -> bool:
            nonlocal failure
            try:
                found.append(self.buffer.lookup(target, source, stamp))
            except Failed as error:
                failure = error
            return bool(found)

        try:
            wait_until(look, what=f"transform {source} -> {target}", timeout=timeout, period=0.01)
        except TimedOut as error:
            raise (failure or error) from None
        return found[0]

    def _take(self, msg: Any, *, static: bool) -> None:
        poses = transforms_from_msg([entry.transform for entry in msg.transforms])
        for entry, T_parent_child in zip(msg.transforms, poses, strict=True):
            self.buffer.put(
                entry.header.frame_id.lstrip("/"),
                entry.child_frame_id.lstrip("/"),
                T_parent_child,
                None if static else stamp_from_msg(entry.header.stamp),
            )
