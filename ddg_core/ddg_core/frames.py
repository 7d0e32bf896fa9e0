"""A tree of frames that move in time: what a robot publishes on /tf, without ROS.

Why not pytransform3d's TemporalTransformManager: it takes each edge's whole history at once and
leaves bounded histories, static edges, late or restarted clocks and typed errors to its caller,
who would then be as long as this module.
"""

import threading
from bisect import bisect_left
from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from ddg_core.arrays import Array
from ddg_core.errors import Failed
from ddg_core.outcome import Outcome
from ddg_core.transforms import compose, inverse

RESTART = 1.0  # [s]; a stamp this much older than the newest means that the clock was set back


@dataclass
class _Edge:
    """Poses of a child frame in its parent; one without a stamp if they never change."""

    parent: str
    stamps: list[float] = field(default_factory=list)
    poses: list[Array] = field(default_factory=list)


class FrameBuffer:
    """The last seconds of all edges; many threads may use it."""

    def __init__(self, history: float = 10.0) -> None:
        """Keep `history` seconds of every moving edge."""
        self._history = history
        self._edges: dict[str, _Edge] = {}
        self._lock = threading.Lock()

    def put(self, parent: str, child: str, T_parent_child: Array, stamp: float | None) -> None:
        """Add the pose of `child` in `parent`, shape (4, 4).

        A child that comes with another parent is moved there.

        Args:
            parent: Frame that the pose is in.
            child: Frame whose pose it is.
            T_parent_child: The pose.
            stamp: When, in [s]; None: it never changes.
        """
        with self._lock:
            edge = self._edges.get(child)
            fresh = (
                edge is None
                or edge.parent != parent
                or stamp is None
                or not edge.stamps
                or stamp < edge.stamps[-1] - RESTART
            )
            if edge is None or fresh:
                stamps = [] if stamp is None else [stamp]
                self._edges[child] = _Edge(parent, stamps, [T_parent_child])
                return
            assert stamp is not None
            if stamp <= edge.stamps[-1]:
                return
            edge.stamps.append(stamp)
            edge.poses.append(T_parent_child)
            old = bisect_left(edge.stamps, stamp - self._history)
            del edge.stamps[:old], edge.poses[:old]

    def lookup(self, target: str, source: str, stamp: float | None = None) -> Array:
        """Return `T_target_source`, shape (4, 4), at a time in [s]; None: the newest common time.

        Raises:
            Failed: UNKNOWN_FRAME where no chain joins the frames, STALE_DATA where the time is
                outside of what is known.
        """
        with self._lock:
            up, down = self._chain(source), self._chain(target)
            if up[-1] != down[-1]:
                raise Failed(
                    Outcome.UNKNOWN_FRAME,
                    f"no transform from {source!r} to {target!r}: {self._why(source, target)}",
                )
            while len(up) > 1 and len(down) > 1 and up[-2] == down[-2]:
                up.pop()
                down.pop()
            if stamp is None:
                moving = [self._edges[f].stamps for f in (*up[:-1], *down[:-1])]
                stamp = min((s[-1] for s in moving if s), default=0.0)
            T_top_source, T_top_target = (self._climb(chain, stamp) for chain in (up, down))
        return inverse(T_top_target) @ T_top_source

    def _chain(self, frame: str) -> list[str]:
        chain = [frame]
        while chain[-1] in self._edges:
            chain.append(self._edges[chain[-1]].parent)
            if chain[-1] in chain[:-1]:
                raise Failed(Outcome.UNKNOWN_FRAME, f"frames form a loop: {' -> '.join(chain)}")
        return chain

    def _why(self, *frames: str) -> str:
        known = sorted({*self._edges, *(edge.parent for edge in self._edges.values())})
        missing = [repr(frame) for frame in frames if frame not in known]
        if missing:
            return f"nobody publishes {' and '.join(missing)} (known: {', '.join(known) or 'none'})"
        return "they are in trees that nothing joins"

    def _climb(self, chain: list[str], stamp: float) -> Array:
        """Pose of the first frame of the chain in the last one."""
        T: Array = np.eye(4)
        for frame in chain[:-1]:
            T = self._at(frame, stamp) @ T
        return T

    def _at(self, frame: str, stamp: float) -> Array:
        edge = self._edges[frame]
        if not edge.stamps:
            return edge.poses[0]
        first, last = edge.stamps[0], edge.stamps[-1]
        if not first <= stamp <= last:
            late = stamp > last
            apart = stamp - last if late else first - stamp
            raise Failed(
                Outcome.STALE_DATA,
                f"the {'newest' if late else 'oldest'} pose of {frame!r} in {edge.parent!r} is "
                f"{apart:.3f} s {'older' if late else 'newer'} than the time asked for",
            )
        i = bisect_left(edge.stamps, stamp)
        if edge.stamps[i] == stamp:
            return edge.poses[i]
        span = edge.stamps[i] - edge.stamps[i - 1]
        share = (stamp - edge.stamps[i - 1]) / span
        before, after = edge.poses[i - 1], edge.poses[i]
        turns = Rotation.from_matrix(np.stack([before[:3, :3], after[:3, :3]]))
        R = Slerp([0.0, 1.0], turns)(share).as_matrix()
        return compose(R, (1.0 - share) * before[:3, 3] + share * after[:3, 3])
