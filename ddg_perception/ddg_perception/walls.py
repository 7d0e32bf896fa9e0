"""Upright walls below a height, seen from above as squares that show most of it."""

import numpy as np
from scipy import ndimage

from ddg_core.arrays import Array, BoolArray, IntArray

CELL = 0.005  # surfaces are measured in squares of this edge, in [m]
WALL = 0.015  # lower than this below a support's top are only its walls, in [m]
_BIN = 0.01  # heights on a wall are told apart by this much, in [m]
_UPRIGHT = 0.7  # share of the heights that a square and its neighbours show of an upright wall
_MOST = 0.85  # share of what is seen well below the height that is on upright walls, at least,
_REACH = 0.6  # ... or share of the walls' squares that are seen up to it
_GO_ON = 0.6  # share of the walls' squares that are seen below and above the height, at least
_NEAR = 0.01  # so far up and down the height are these, in [m]


class Walls:
    """The squares of upright walls below a height.

    Attributes:
        of: Which of the points are below the height and on a wall, shape (N,).
        upright: Whether the thing below the height has upright walls up to it, as a pedestal has;
            those of a teapot lean in before they come to its lid.
        go_on: Whether most of the walls go on above the height, as a can's do.
    """

    def __init__(self, points: Array, rise: Array, known: float) -> None:
        """Find the walls.

        Args:
            points: Shape (N, 3), in [m].
            rise: How far they are above the height, shape (N,), in [m].
            known: The height above the table, in [m].
        """
        square = np.floor((points[:, :2] - points[:, :2].min(axis=0)) / CELL).astype(np.int64)
        size = square.max(axis=0) + 1
        low = rise < -WALL
        wall = _columns(square[low], rise[low] + known, size, known - WALL)
        self.of: BoolArray = low & wall[tuple(square.T)]
        upper = low & (rise >= np.median(rise[low])) if low.any() else low
        below = seen_in(square[(rise > -_NEAR) & (rise < -0.2 * _NEAR)], size)
        above = seen_in(square[(rise > 0.3 * _NEAR) & (rise < _NEAR)], size)
        self.upright = wall.any() and bool(
            self.of[upper].mean() > _MOST or below[wall].mean() > _REACH
        )
        self.go_on = wall.any() and bool((below & above)[wall].mean() > _GO_ON)


def _columns(square: IntArray, height: Array, size: IntArray, most: float) -> BoolArray:
    """Which squares, with their neighbours, show most heights up to `most` [m]."""
    n = max(1, int(most / _BIN))
    at = np.floor(height / _BIN).astype(np.int64).clip(0, n - 1)
    shown = np.zeros((*size, n), bool)
    shown[square[:, 0], square[:, 1], at] = True
    near = ndimage.binary_dilation(shown, np.ones((3, 3, 1), bool))
    columns: BoolArray = shown.any(axis=2) & (near.sum(axis=2) >= _UPRIGHT * n)
    return columns


def seen_in(square: IntArray, size: IntArray) -> BoolArray:
    """A map (size) of squares (N, 2) that hold a point; squares beyond it are left out."""
    seen = np.zeros(size, bool)
    seen[tuple(square[((square >= 0) & (square < size)).all(axis=1)].T)] = True
    return seen
