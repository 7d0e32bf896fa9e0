"""A target that moves: the grasp goes with its object, and is planned again on each new view."""

from dataclasses import dataclass, replace

import numpy as np

from ddg_core.arrays import Array
from ddg_core.errors import BadInput, Failed
from ddg_core.grasp import Grasp
from ddg_core.outcome import Outcome
from ddg_core.transforms import apply
from ddg_core.view import ObjectView, Plane
from ddg_planning.parallel_jaw.policy import JawPlanner

HAND = 0.03  # what is higher than that above an object is the hand that comes, in [m]


@dataclass(frozen=True)
class FollowSettings:
    """How a target goes on from one view to the next.

    Attributes:
        seen: Least share of the object's pixels that must be in view, and of what is seen that
            must be the object: where the hand hides more of it nobody knows where it went.
        reach: Grasps are looked for so far around where the last one would be now, in [m].
        count: Grasps that it chooses from.
        shift: A grasp so far from there counts e^-1/2 of what it would there, in [m].
        turn: The same for a turn of the jaws' line, in [rad].
    """

    seen: float = 0.85
    reach: float = 0.05
    count: int = 30
    shift: float = 0.01
    turn: float = 0.5

    def __post_init__(self) -> None:
        """Refuse to look at nothing."""
        if min(self.reach, self.shift, self.turn) <= 0.0 or self.count < 1:
            raise ValueError("reach, shift, turn and count must be positive")
        if not 0.0 < self.seen <= 1.0:
            raise ValueError(f"seen must be in (0, 1], got {self.seen}")


@dataclass(frozen=True, eq=False)
class Sighting:
    """What a view says of where its object is.

    Attributes:
        pixels: Number of pixels in which it is seen when nothing hides it.
        middle: Mean of the points seen, shape (3,), in the base frame, in [m].
        table: What it stands on.
    """

    pixels: int
    middle: Array
    table: Plane


def sighting(view: ObjectView) -> Sighting:
    """Say where the object of a view is.

    Raises:
        BadInput: The view has no image.
        Failed: NO_CLOUD: no pixel of it has a reading.
    """
    if view.image is None or view.mask is None:
        raise BadInput("a target is followed in depth images, not in bare clouds")
    points = view.image.camera.deproject(view.image.depth, view.mask)
    if not len(points):
        raise Failed(Outcome.NO_CLOUD, "the object has no pixel with a reading")
    middle = apply(view.image.T_base_camera, points.mean(axis=0)[None])[0]
    return Sighting(len(points), middle, view.table)


class Follower:
    """Moves a grasp with the object that it is meant for."""

    def __init__(self, planner: JawPlanner, settings: FollowSettings) -> None:
        """Take who plans; policy "fc" judges all places of the window at once."""
        self._planner, self._settings = planner, settings

    def __call__(
        self, view: ObjectView, grasp: Grasp, before: Sighting, *, rng: np.random.Generator
    ) -> tuple[Grasp, Sighting]:
        """The grasp that is best now, those near where it would be counting more.

        Args:
            view: The object as it lies now.
            grasp: Where the hand is going.
            before: Where the object was when `grasp` was planned.
            rng: Source of all randomness.

        Returns:
            The grasp, and where the object was then; what was given where too little is seen.
        """
        now, s = sighting(view), self._settings
        if not s.seen <= now.pixels / before.pixels <= 1.0 / s.seen:
            return grasp, before
        now = replace(now, pixels=before.pixels)  # or it would be hidden little by little
        carried = _shifted(grasp, _level(now.middle - before.middle, view.table))
        place, line = self._planner.jaws.line(carried)
        try:
            found = self._planner.near(
                _without_hand(view), place, line, s.reach, n=s.count, rng=rng
            )
        except Failed:  # the jaws can close nowhere there
            return carried, now
        worth = []
        for one in found:
            middle, axis = self._planner.jaws.line(one)
            turn = np.arccos(min(abs(float(axis @ line)), 1.0))  # a line has no direction
            off = (np.linalg.norm(middle - place) / s.shift) ** 2 + (turn / s.turn) ** 2
            worth.append(np.log(one.p_success or 1.0) - off / 2.0)
        return self._unturned(found[int(np.argmax(worth))], line), now

    def _unturned(self, grasp: Grasp, line: Array) -> Grasp:
        """The same grasp, half a turn about its approach away if that is nearer to a line (3,)."""
        if self._planner.jaws.line(grasp)[1] @ line >= 0.0:
            return grasp
        T, axis = grasp.T_base_wrist.copy(), self._planner.jaws.approach
        T[:, :3, :3] = T[:, :3, :3] @ (2.0 * np.outer(axis, axis) - np.eye(3))
        return replace(grasp, T_base_wrist=T)


def _without_hand(view: ObjectView) -> ObjectView:
    """The view without reading where something is well above the object: the network knows no hand.

    Holes are filled with what is behind.
    """
    image, mask = view.image, view.mask
    assert image is not None
    assert mask is not None
    normal = image.T_base_camera[:3, :3].T @ view.table.normal  # in the camera's frame
    v, u = np.ogrid[: mask.shape[0], : mask.shape[1]]
    x, y = (u - image.camera.cx) / image.camera.fx, (v - image.camera.cy) / image.camera.fy
    height = image.depth * (normal[0] * x + normal[1] * y + normal[2])  # above the camera's level
    top = float(np.nanmax(height[mask]))
    depth = np.where(height > top + HAND, np.nan, image.depth)
    return replace(view, image=replace(image, depth=depth))


def _level(shift: Array, table: Plane) -> Array:
    """What a shift (3,) is along the table: of how high it stands, half a view tells nothing."""
    up = np.asarray(table.normal)
    along: Array = shift - (shift @ up) * up
    return along


def _shifted(grasp: Grasp, by: Array) -> Grasp:
    """A grasp `by` (3,) [m] further on."""
    T = grasp.T_base_wrist.copy()
    T[:, :3, 3] += by
    return replace(grasp, T_base_wrist=T, contacts=grasp.contacts + by)
