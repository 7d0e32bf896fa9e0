"""Where on the whole object a grasp is: what a crop about the grasp does not show."""

from dataclasses import dataclass

import numpy as np

from ddg_core.arrays import Array
from ddg_core.transforms import apply
from ddg_planning.parallel_jaw.prepare import Prepared

FEATURES = (
    "off_side",  # of the middle of the object, level, across the jaws' line: it twists the pads
    "off_line",  # and along it
    "height",  # above the support
    "below_surface",  # of the middle between the jaws, under what is seen there
    "below_top",  # and under the object's highest parts
    "spread_least",  # of the seen surface along its principal directions, level
    "spread_most",
    "area",  # of the seen surface, seen from above, in [m^2]
    "span_line",  # of the object along the jaws' line
    "span_side",  # and across it
)
_POINTS = 1000  # of the surface, at most
_TOP = 98.0  # percentile of the heights that counts as the top


@dataclass(frozen=True, eq=False)
class Whole:
    """The seen surface of an object.

    Attributes:
        points: Evenly spread over the image, shape (P, 3), base frame, in [m].
        area: Seen from the camera, in [m^2].
        view: The image.
        up: Normal of the table, shape (3,).
        support: Height of what the object stands on along `up`, in [m].
    """

    points: Array
    area: float
    view: Prepared
    up: Array
    support: float

    @classmethod
    def of(cls, view: Prepared, up: Array, support: float) -> "Whole":
        """Take the object's pixels of an image."""
        camera = view.camera
        seen = camera.deproject(view.depth, view.mask)
        area = float((seen[:, 2] ** 2).sum() / (camera.fx * camera.fy))
        few = slice(None, None, -(-len(seen) // _POINTS))
        points = apply(view.image.T_base_camera, seen[few])
        return cls(points, area, view, up, support)

    def features(self, centres: Array, axes: Array) -> Array:
        """`FEATURES` of grasps, shape (N, 10), in [m] but for the area.

        Args:
            centres: Middles between the jaws, shape (N, 3), base frame.
            axes: Level directions of closing, shape (N, 3).
        """
        sides = np.cross(self.up, axes)
        heights = self.points @ self.up
        level = self.points - heights[:, None] * self.up
        off = centres - level.mean(axis=0)
        spread = np.sqrt(np.maximum(np.linalg.eigvalsh(np.cov(level.T))[1:], 0.0))
        height = centres @ self.up
        alike = (*spread, self.area)
        return np.column_stack(
            [
                np.abs(np.einsum("ni,ni->n", off, sides)),
                np.abs(np.einsum("ni,ni->n", off, axes)),
                height - self.support,
                self._below(centres),
                np.percentile(heights, _TOP) - height,
                np.tile(alike, (len(centres), 1)),
                np.ptp(level @ axes.T, axis=0),
                np.ptp(level @ sides.T, axis=0),
            ]
        )

    def _below(self, centres: Array) -> Array:
        """How far under the seen surface points (N, 3) are, along the camera's axis."""
        T = self.view.image.T_base_camera
        seen = (centres - T[:3, 3]) @ T[:3, :3]
        below: Array = seen[:, 2] - self.view.at(self.view.camera.project(seen))
        return below
