"""Listens to the topics of a bag as raw bytes, and passes them on while a bag is open."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

import rclpy
from control_msgs.action import FollowJointTrajectory
from rclpy.serialization import serialize_message

from ddg_core.cell import CellSettings
from ddg_core.errors import Failed
from ddg_core.outcome import Outcome
from ddg_core.ros.interfaces import LATCHED, RELIABLE, interface
from ddg_core.ros.node import DdgNode
from ddg_execution.bag import BagWriter, Topic
from ddg_execution.definitions import trimmed, typestore
from ddg_execution.trial_settings import BagSettings

FEEDBACK_RATE = 10.0  # [1/s] of what a controller reports of itself
FETCH_EVERY = 0.05  # [s]; camera topics keep two messages, which must last as long


@dataclass(eq=False)
class _Stream:
    """A subscription, what it is in the bag, and when its next message is due, in [s]."""

    subscription: Any
    topic: Topic
    period: float
    due: float = 0.0


class Recorder:
    """Writes one bag at a time from raw subscriptions.

    They belong to a node that nobody spins: messages gather in the middleware and are fetched a
    few times per second while a bag is open, which costs a fraction of waking up for each.
    """

    def __init__(self, node: DdgNode, settings: BagSettings, cell: CellSettings) -> None:
        """Subscribe to the topics of the settings, and to what both controllers of the cell say."""
        self._settings = settings
        self._bag: BagWriter | None = None
        self._latched: list[tuple[Topic, bytes]] = []
        self._lock = Lock()
        typestore()  # takes a moment, once
        self._node = rclpy.create_node(
            f"{node.get_name()}_recorder", start_parameter_services=False, enable_rosout=False
        )
        self._streams = list(self._subscribe(cell))
        self._over = Event()
        thread = Thread(target=self._run, name="recorder", daemon=True)
        thread.start()

        def finish() -> None:
            self._over.set()
            thread.join()
            self._node.destroy_node()

        node.keep(thread, finish)

    def begin(self, path: Path) -> None:
        """Open the bag `path`.

        Raises:
            Failed: INTERNAL: it cannot be written, or the disk has too little room left.
        """
        bag = BagWriter(path)
        free = shutil.disk_usage(path.parent).free / 1e6
        if free < self._settings.room_mb:
            bag.abort()
            wanted = f"{self._settings.room_mb:.0f} MB are needed"
            raise Failed(Outcome.INTERNAL, f"{path.parent}: {free:.0f} MB left on disk, {wanted}")
        with self._lock:
            self._fetch()  # what gathered before the trial
            for topic, data in self._latched:
                bag.add(topic, time.time_ns(), data)
            self._bag = bag

    def write(self, name: str, type_name: str, message: Any) -> None:
        """Put a message of our own into the open bag, if there is one."""
        data = trimmed(type_name, serialize_message(message))
        with self._lock:
            if self._bag is not None:
                self._bag.add(Topic(name, type_name), time.time_ns(), data)

    def end(self) -> Path:
        """Complete the bag and return its path.

        Raises:
            Failed: INTERNAL: it could not be written; nothing of it is left.
        """
        with self._lock:
            self._fetch()
            bag, self._bag = self._bag, None
        assert bag is not None, "begin comes first"
        return bag.close()

    def abort(self) -> None:
        """Leave nothing of the open bag, if there is one."""
        with self._lock:
            bag, self._bag = self._bag, None
        if bag is not None:
            bag.abort()

    def _subscribe(self, cell: CellSettings) -> Iterator[_Stream]:
        here = {
            "/camera/depth/image_rect_raw": cell.camera.depth_topic,
            "/camera/depth/camera_info": cell.camera.info_topic,
            "/camera/color/image_raw": cell.camera.color_topic,
        }
        for name, rate in self._settings.topics.items():
            entry = interface(name, "msg")
            topic = Topic(here.get(name, name), entry.type_name, entry.qos == LATCHED)
            yield self._stream(topic, entry.load_type(), entry.qos, rate)
        feedback = "control_msgs/action/FollowJointTrajectory_FeedbackMessage"
        for name in (cell.arm.action, cell.hand_action):
            topic = Topic(f"{name}/_action/feedback", feedback)
            kind = FollowJointTrajectory.Impl.FeedbackMessage
            yield self._stream(topic, kind, RELIABLE, FEEDBACK_RATE)

    def _stream(self, topic: Topic, kind: Any, qos: Any, rate: float) -> _Stream:
        subscription = self._node.create_subscription(
            kind, topic.name, lambda _: None, qos, raw=True
        )
        return _Stream(subscription, topic, 1.0 / rate if rate > 0.0 else 0.0)

    def _run(self) -> None:
        while not self._over.wait(FETCH_EVERY):
            with self._lock:
                if self._bag is not None:
                    self._fetch()

    def _fetch(self) -> None:
        """Take all that has come in; the lock must be held."""
        for stream in self._streams:
            handle, kind = stream.subscription.handle, stream.subscription.msg_type
            with handle:
                while (taken := handle.take_message(kind, True)) is not None:
                    self._keep(stream, taken[0], taken[1]["received_timestamp"])

    def _keep(self, stream: _Stream, data: bytes, stamp: int) -> None:
        topic = stream.topic
        if topic.latched and (topic, data) not in self._latched:
            self._latched.append((topic, data))
        if self._bag is not None and stamp * 1e-9 >= stream.due:
            self._bag.add(topic, stamp, data)
            stream.due = max(stream.due + stream.period, stamp * 1e-9 + 0.5 * stream.period)
