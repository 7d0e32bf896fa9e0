"""Somebody who moves the twin's object while the hand is on its way to it."""

from math import cos, sin
from threading import Event
from typing import Any

import numpy as np

from ddg_cli.ros.onlooker import Onlooker
from ddg_core.cell import CellSettings
from ddg_core.description import cell_tree, load_hand
from ddg_core.ros.interfaces import interface

NEAR = 0.40  # [m] from the object's origin to the wrist: the hand is above it, on its way down


class Nudge(Onlooker):
    """Moves the object once each time it is asked to."""

    def __init__(self, cell: CellSettings) -> None:
        """Listen to where hand and object are."""
        self._arm = cell.arm
        self._tree = cell_tree(cell)
        self._wrist = self._tree.link_names.index(load_hand(cell.hand).settings.wrist_link)
        self._base = self._tree.link_names.index(cell.base_frame)
        self._by: tuple[float, float] | None = None
        self._object: Any = None
        self.done = Event()
        super().__init__("nudge")
        self._listen("/joint_states", self._on_joints)
        self._listen("/ground_truth/object_pose", self._on_object)
        move = interface("/twin/move_object", "msg")
        self._move = self._node.create_publisher(move.load_type(), move.name, move.qos)

    def once(self, shift: float, way: float) -> None:
        """Move the object once by `shift` [m], at `way` [rad] on the table, when the hand comes."""
        self.done.clear()
        self._by = shift * cos(way), shift * sin(way)

    def _on_object(self, message: Any) -> None:
        self._object = message

    def _on_joints(self, message: Any) -> None:
        where = dict(zip(message.name, message.position, strict=False))
        joints = [self._arm.joint_prefix + name for name in self._arm.joint_names]
        if self._by is None or self._object is None or not all(name in where for name in joints):
            return
        q = np.array([where[name] for name in joints])
        poses = self._tree.forward(self._arm.joint_names, q)
        wrist = np.linalg.solve(poses[self._base], poses[self._wrist])[:3, 3]
        place = self._object.pose.position
        if np.linalg.norm(wrist - [place.x, place.y, place.z]) > NEAR:
            return
        (x, y), self._by = self._by, None
        place.x, place.y = place.x + x, place.y + y
        self._move.publish(self._object)
        self.done.set()
