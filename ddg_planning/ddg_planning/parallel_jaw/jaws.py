"""What two parallel jaws are, read from any hand that has one driven joint and two fingers."""

from dataclasses import dataclass

import numpy as np

from ddg_core.arrays import Array
from ddg_core.errors import BadInput
from ddg_core.grasp import Grasp
from ddg_core.hand import Hand
from ddg_core.shapes import Shape
from ddg_core.transforms import apply, compose
from ddg_planning.parallel_jaw.pads import Pads


@dataclass(frozen=True)
class JawSettings:
    """How the jaws are brought to a grasp.

    Attributes:
        behind_tip: The jaws close about a point so far behind their tips, in [m].
        back_off: The pre-grasp is so far off, against the approach, in [m].
    """

    behind_tip: float = 0.005
    back_off: float = 0.10


class Jaws:
    """Geometry of two parallel jaws, and grasps from the line on which they close.

    Attributes:
        axis, approach: Unit directions of closing and of the way in, in {wrist}, shape (3,).
        centre: Middle between the jaws, in {wrist}, shape (3,), in [m].
        stroke: Widest opening, in [m].
        pads: How far their pads reach from the line on which they close, against the approach.
    """

    def __init__(self, hand: Hand, settings: JawSettings) -> None:
        """Measure the fingers' shapes, open and closed.

        Raises:
            BadInput: More than one driven joint, or the fingers do not move along one line.
        """
        if len(hand.joint_names) != 1:
            raise BadInput(f"hand {hand.name!r} has {len(hand.joint_names)} driven joints, not one")
        self.hand, self.settings = hand, settings
        self._open, self._shut = hand.pose("open"), hand.pose("closed")
        one, other = (
            self._box(links, self._open) - self._box(links, self._shut)
            for links in (hand.settings.thumb_links, hand.settings.finger_links)
        )
        travel = one[0] - other[0]
        if np.linalg.norm(travel) < 1e-6 or np.abs(one[0] - one[1]).max() > 1e-6:
            raise BadInput(f"hand {hand.name!r}: its fingers are no parallel jaws")
        self.axis = -travel / np.linalg.norm(travel)  # in {wrist}, from thumb to finger
        self.approach = np.asarray(hand.settings.palm_normal, float)
        one_side = hand.settings.thumb_links
        tip = float((self._box(one_side, self._open) @ self.approach).max())
        inner = max(
            (apply(pose, shape.bounds()) for pose, shape in self._shapes(one_side, self._open)),
            key=lambda corners: float((corners @ self.axis).max()),
        )
        height = tip - float((inner @ self.approach).min())
        self.pads = Pads(-settings.behind_tip, height - settings.behind_tip)
        self.centre = (tip - settings.behind_tip) * self.approach  # in {wrist}
        self.stroke, self._least = self._gap(self._open), self._gap(self._shut)

    def grasp(
        self, centre: Array, axis: Array, approach: Array, width: float, kind: str, score: float
    ) -> Grasp:
        """The grasp that closes on a line.

        Args:
            centre: Middle between the jaws, shape (3,), in the base frame, in [m].
            axis: Unit direction in which they close, shape (3,).
            approach: Unit direction of the way in, across the axis, shape (3,).
            width: Distance of the contacts, in [m]; 0 closes until something stops the jaws.
            kind: What the grasp is called.
            score: Its log likelihood.
        """
        ours = np.stack([self.axis, np.cross(self.approach, self.axis), self.approach], axis=1)
        R = np.stack([axis, np.cross(approach, axis), approach], axis=1) @ ours.T
        at = compose(R, centre - R @ self.centre)
        back = compose(R, at[:3, 3] - self.settings.back_off * approach)
        touch = self._closed_to(width)
        squeeze = touch + self.hand.settings.squeeze * np.sign(self._shut - self._open)
        joints = self.hand.clip(np.stack([self._open, self._open, touch, squeeze]))
        half = 0.5 * width * axis
        return Grasp(
            np.stack([back, at, at, at]),
            joints,
            self.hand.name,
            kind,
            score,
            contacts=np.stack([centre - half, centre + half]),
        )

    def line(self, grasp: Grasp) -> tuple[Array, Array]:
        """Middle between the jaws (3,) and direction of closing (3,) of a grasp, base frame."""
        T = grasp.T_base_wrist_grasp
        return apply(T, self.centre[None])[0], T[:3, :3] @ self.axis

    def _closed_to(self, width: float) -> Array:
        """Driven joint (1,) at which the jaws are `width` [m] apart."""
        share = np.clip((width - self._least) / (self.stroke - self._least), 0.0, 1.0)
        joints: Array = self._shut + share * (self._open - self._shut)
        return joints

    def _gap(self, joints: Array) -> float:
        """Distance between the jaws, in [m]."""
        one = self._box(self.hand.settings.thumb_links, joints) @ self.axis
        other = self._box(self.hand.settings.finger_links, joints) @ self.axis
        return float(other.min() - one.max())

    def _box(self, links: tuple[str, ...], joints: Array) -> Array:
        """Corners (2, 3) in {wrist} of the box about links, whose axes are those of {wrist}."""
        corners = [apply(pose, shape.bounds()) for pose, shape in self._shapes(links, joints)]
        every = np.concatenate(corners)
        return np.stack([every.min(axis=0), every.max(axis=0)])

    def _shapes(self, links: tuple[str, ...], joints: Array) -> list[tuple[Array, Shape]]:
        """Pose in {wrist} of each shape of links, and the shape."""
        poses = self.hand.link_poses(joints)
        names = self.hand.link_names
        return [(poses[i], shape) for i, shape in self.hand.surfaces if names[i] in links]
