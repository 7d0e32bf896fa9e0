"""Who sees what becomes of the twin's object, and how often it is looked at, on the way in."""

import time
from math import nan
from typing import Any

import numpy as np

from ddg_cli.ros.onlooker import Onlooker
from ddg_core.arrays import Array
from ddg_core.ros.convert import pose_from_msg
from ddg_core.transforms import angle_between


class Bystander(Onlooker):
    """Compares the object's pose at the first word of a trial with that at the first of closing.

    Attributes:
        shift, turn: How far it went and turned, in [m] and [rad]; NaN until fingers began to close.
        looks: When corrections of the target came, in [s] of a clock that only runs.
    """

    shift: float = nan
    turn: float = nan

    def __init__(self) -> None:
        """Listen to where the object is, and to what follows it."""
        super().__init__("bystander")
        self.looks: list[float] = []
        self._object: Any = None
        self._first: Array | None = None
        self._listen("/ground_truth/object_pose", self._on_object)
        self._listen("/ddg/target_correction", lambda _: self.looks.append(time.monotonic()))

    def begin(self) -> None:
        """A trial begins: forget the one before."""
        self._first, self.shift, self.turn, self.looks = None, nan, nan, []

    def stage(self, name: str) -> None:
        """Hear which stage of the trial begins."""
        if self._object is None:
            return
        if self._first is None:
            self._first = pose_from_msg(self._object.pose)
        if name == "execute/close":
            now = pose_from_msg(self._object.pose)
            self.shift = float(np.linalg.norm(now[:3, 3] - self._first[:3, 3]))
            self.turn = float(angle_between(self._first[:3, :3], now[:3, :3]))

    def _on_object(self, message: Any) -> None:
        self._object = message
