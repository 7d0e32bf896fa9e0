"""A cloud as an octree in the bytes that octomap_msgs/Octomap carries."""

import numpy as np

from ddg_core.arrays import Array, IntArray

DEPTH = 16  # levels of OctoMap's trees
_INNER, _OCCUPIED = 0b11, 0b10  # two bits per child, the first bit is the lower one; 0: unknown


def octomap_bytes(points: Array, resolution: float) -> bytes:
    """Binary octree whose occupied leaves are the cells that hold a point.

    The stream of OctoMap's `writeBinaryData`: every inner node is two bytes, two bits per child,
    then its inner children, depth first.

    Args:
        points: Shape (N, 3), in [m]; at least one.
        resolution: Edge of a cell, in [m].
    """
    keys = np.floor(points / resolution).astype(np.int64) + (1 << (DEPTH - 1))
    out = bytearray()
    _write(np.unique(keys, axis=0), DEPTH - 1, out)
    return bytes(out)


def _write(keys: IntArray, level: int, out: bytearray) -> None:
    """Append the node that holds the cells `keys` (N, 3), whose children differ in bit `level`."""
    child = ((keys >> level) & 1) @ np.array([1, 2, 4])
    kind = _OCCUPIED if level == 0 else _INNER
    bits = sum(kind << (2 * int(i)) for i in np.unique(child))
    out += bits.to_bytes(2, "little")
    if level:
        for i in np.unique(child):
            _write(keys[child == i], level - 1, out)
