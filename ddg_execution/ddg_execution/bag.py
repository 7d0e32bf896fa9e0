"""One rosbag2 per trial, MCAP with the message definitions inside: whole or not there at all."""

import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from rosbags.interfaces import (
    Connection,
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from ddg_core.errors import Failed
from ddg_core.outcome import Outcome
from ddg_execution.definitions import register, typestore

_FOREVER = QosTime(2147483647, 4294967295)


@dataclass(frozen=True)
class Topic:
    """A topic of a bag.

    Attributes:
        name: Its name, with the leading slash.
        type_name: Its type as `package/kind/Type`.
        latched: Whether late joiners got the last message; players must know.
    """

    name: str
    type_name: str
    latched: bool = False


class BagWriter:
    """Writes serialised messages to a new bag in a thread of its own.

    The bag grows in a hidden folder beside its place and is moved there when it is complete.
    """

    def __init__(self, path: Path) -> None:
        """Begin a bag that will be the folder `path`.

        Raises:
            Failed: INTERNAL: nothing can be written there; the message says why.
        """
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._hidden = Path(tempfile.mkdtemp(prefix=".", suffix=".partial", dir=path.parent))
            self._writer = Writer(
                self._hidden / path.name,
                version=Writer.VERSION_LATEST,
                storage_plugin=StoragePlugin.MCAP,
            )
            self._writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
            self._writer.open()
        except OSError as error:
            raise Failed(Outcome.INTERNAL, f"no bag at {path}: {error.strerror}") from error
        self._connections: dict[Topic, Connection] = {}
        self._queue: SimpleQueue[tuple[Topic, int, bytes] | None] = SimpleQueue()
        self._error: Exception | None = None
        self._thread = Thread(target=self._work, name="bag", daemon=True)
        self._thread.start()

    def add(self, topic: Topic, stamp: int, data: bytes) -> None:
        """Hand over a message: its topic, when it came in [ns] since 1970, and its CDR bytes."""
        if self._error is None:
            self._queue.put((topic, stamp, data))

    def close(self) -> Path:
        """Complete the bag, put it in its place and return that.

        Raises:
            Failed: INTERNAL: it could not be written, e.g. the disk is full; nothing is left.
        """
        self._queue.put(None)
        self._thread.join()
        try:
            if self._error is not None:
                raise self._error
            self._writer.close()
            (self._hidden / self.path.name).replace(self.path)
        except OSError as error:
            reason = error.strerror or str(error)
            raise Failed(Outcome.INTERNAL, f"no bag at {self.path}: {reason}") from error
        finally:
            self._discard()
        return self.path

    def abort(self) -> None:
        """Leave nothing of the bag."""
        self._queue.put(None)
        self._thread.join()
        self._discard()

    def _discard(self) -> None:
        with suppress(Exception):  # what cannot be flushed is thrown away all the same
            self._writer.abort()
        shutil.rmtree(self._hidden, ignore_errors=True)

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            try:
                self._write(*item)
            except Exception as error:  # told by `close`, where somebody listens
                self._error = error
                return

    def _write(self, topic: Topic, stamp: int, data: bytes) -> None:
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(
                topic.name,
                register(topic.type_name),
                typestore=typestore(),
                offered_qos_profiles=[_qos(topic)],
            )
        self._writer.write(self._connections[topic], stamp, data)


def _qos(topic: Topic) -> Qos:
    return Qos(
        QosHistory.KEEP_LAST,
        1 if topic.latched else 10,
        QosReliability.RELIABLE,
        QosDurability.TRANSIENT_LOCAL if topic.latched else QosDurability.VOLATILE,
        _FOREVER,
        _FOREVER,
        QosLiveliness.AUTOMATIC,
        _FOREVER,
        False,
    )
