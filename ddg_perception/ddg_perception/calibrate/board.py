"""The ChArUco board: its corners in an image, and where it was. OpenCV's home."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ddg_core.arrays import Array, IntArray
from ddg_core.camera import Camera
from ddg_core.errors import BadInput
from ddg_core.transforms import compose

FEWEST = 6  # corners that make a look worth while


@dataclass(frozen=True)
class BoardSettings:
    """A printed ChArUco board of the dictionary DICT_5X5_100.

    Attributes:
        columns, rows: Squares across and down.
        square: Edge of a square, in [m]; measure the print.
        marker: Edge of a marker, in [m].
    """

    columns: int = 7
    rows: int = 5
    square: float = 0.04
    marker: float = 0.03

    def __post_init__(self) -> None:
        """Refuse what is no board."""
        if not (0.0 < self.marker < self.square and min(self.columns, self.rows) >= 3):
            raise BadInput(
                f"a board needs 3 squares each way and markers smaller than squares, got {self}"
            )


@dataclass(frozen=True, eq=False)
class Look:
    """What one image shows of the board.

    Attributes:
        pixels: Corners seen, shape (N, 2), in [px].
        points: The same corners on the board, shape (N, 3), in [m].
        T_camera_board: Where the board was, by these corners alone, shape (4, 4).
    """

    pixels: Array
    points: Array
    T_camera_board: Array


def opencv_board(settings: BoardSettings) -> cv2.aruco.CharucoBoard:
    """OpenCV's board; x to the right, y down, z into the print, origin at the top left."""
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_5X5_100)
    size = (settings.columns, settings.rows)
    return cv2.aruco.CharucoBoard(size, settings.square, settings.marker, dictionary)


def draw_board(settings: BoardSettings, pixels_per_metre: float) -> NDArray[np.uint8]:
    """The board as an image to print, shape (H, W), 0 black to 255 white; no margin."""
    size = (settings.columns, settings.rows)
    width, height = (round(n * settings.square * pixels_per_metre) for n in size)
    image: NDArray[np.uint8] = opencv_board(settings).generateImage((width, height), marginSize=0)
    return image


def find_board(image: NDArray[np.uint8], camera: Camera, settings: BoardSettings) -> Look | None:
    """Look for the board in a rectified grey image (H, W); None if too little of it is seen."""
    board = opencv_board(settings)
    pixels, ids, _, _ = cv2.aruco.CharucoDetector(board).detectBoard(image)
    if ids is None or len(ids) < FEWEST:
        return None
    found: IntArray = np.asarray(ids).ravel()
    corners = np.asarray(pixels, np.float64).reshape(-1, 2)
    points = np.asarray(board.getChessboardCorners(), np.float64)[found]
    good, rotation, translation = cv2.solvePnP(
        points, corners, camera.matrix, None, flags=cv2.SOLVEPNP_IPPE
    )
    if not good:
        return None
    R, _ = cv2.Rodrigues(rotation)
    return Look(corners, points, compose(R, np.asarray(translation).ravel()))
