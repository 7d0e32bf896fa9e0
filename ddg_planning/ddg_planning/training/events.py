"""A log that TensorBoard reads: scalars in an event file, without needing TensorBoard."""

import struct
import time
from pathlib import Path

_TABLE = []
for _byte in range(256):
    _value = _byte
    for _ in range(8):
        _value = (_value >> 1) ^ (0x82F63B78 if _value & 1 else 0)
    _TABLE.append(_value)


class EventLog:
    """Appends scalars to one event file."""

    def __init__(self, folder: Path) -> None:
        """Begin a file.

        Raises:
            ValueError: There is a file in the place of the folder.
        """
        if folder.is_file():
            raise ValueError(f"{folder}: is a file, the log needs a folder; take another --out")
        folder.mkdir(parents=True, exist_ok=True)
        stamp = time.time()
        self._path = folder / f"events.out.tfevents.{stamp:.0f}.ddg"
        self._add(_double(1, stamp) + _text(3, b"brain.Event:2"))

    def scalar(self, name: str, value: float, step: int) -> None:
        """Add one point of a curve."""
        point = _text(1, name.encode()) + _key(2, 5) + struct.pack("<f", value)
        event = _double(1, time.time()) + _key(2, 0) + _varint(step)
        self._add(event + _text(5, _text(1, point)))

    def _add(self, event: bytes) -> None:
        """Append a record: length, its checksum, content, its checksum."""
        length = struct.pack("<Q", len(event))
        with self._path.open("ab") as file:
            file.write(length + _checksum(length) + event + _checksum(event))


def _checksum(data: bytes) -> bytes:
    """CRC-32C, masked as TensorFlow's records ask for."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def _key(field: int, kind: int) -> bytes:
    return _varint(field << 3 | kind)


def _double(field: int, value: float) -> bytes:
    return _key(field, 1) + struct.pack("<d", value)


def _text(field: int, value: bytes) -> bytes:
    return _key(field, 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])
