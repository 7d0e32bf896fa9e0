"""What a view leaves open: which points may lie inside the object, which are seen to be free."""

import numpy as np
from scipy import ndimage

from ddg_core.arrays import Array, BoolArray
from ddg_core.transforms import inverse, look_at
from ddg_core.view import ObjectView


class RangeGrid:
    """A coarse depth image of the object, rendered from its cloud at the viewpoint.

    One code path serves camera images, recorded clouds and simulated ones alike.

    Attributes:
        spacing: Size of a pixel at the object, in [m].
    """

    def __init__(self, view: ObjectView, *, spacing: float) -> None:
        """Splat the cloud into pixels of about `spacing` [m]; small holes are closed."""
        points = view.cloud.points
        centre = (points.min(axis=0) + points.max(axis=0)) / 2
        up = (0.0, 0.0, 1.0) if abs((centre - view.viewpoint)[:2]).max() > 1e-3 else (1.0, 0.0, 0.0)
        self.spacing = spacing
        self._T_camera_base = inverse(look_at(view.viewpoint, centre, up))
        self._focal = float(np.linalg.norm(centre - view.viewpoint)) / spacing
        local = self._local(points)
        pixels = self._pixels(local)
        self._corner = np.floor(pixels.min(axis=0)).astype(int) - 4
        self._size = np.ceil(pixels.max(axis=0)).astype(int) - self._corner + 5
        depth = np.full(self._size, np.inf)
        cell = np.round(pixels).astype(int) - self._corner
        np.minimum.at(depth, (cell[:, 0], cell[:, 1]), local[:, 2])
        self._mask = ndimage.binary_closing(
            np.isfinite(depth), np.ones((3, 3), dtype=bool), iterations=2
        )
        self._mask = ndimage.binary_fill_holes(self._mask)
        filled = ndimage.distance_transform_edt(
            ~np.isfinite(depth), return_distances=False, return_indices=True
        )
        self._depth = depth[tuple(filled)]
        self._outline = ndimage.distance_transform_edt(~self._mask)
        self._occluded = np.zeros_like(self._mask)
        self._add_obstacles(view.obstacles)

    def _local(self, points: Array) -> Array:
        local: Array = points @ self._T_camera_base[:3, :3].T + self._T_camera_base[:3, 3]
        return local

    def _pixels(self, local: Array) -> Array:
        pixels: Array = local[..., :2] / np.maximum(local[..., 2:], 1e-6) * self._focal
        return pixels

    def _add_obstacles(self, obstacles: Array) -> None:
        """Pixels where an obstacle stands before the object tell nothing of what is behind."""
        if not len(obstacles):
            return
        local = self._local(obstacles)
        local = local[local[:, 2] < self._depth.min()]
        cell = np.round(self._pixels(local)).astype(int) - self._corner
        cell = cell[((cell >= 0) & (cell < self._size)).all(axis=1)]
        self._occluded[cell[:, 0], cell[:, 1]] = True

    def behind(self, points: Array) -> Array:
        """How far points (..., 3) lie behind the seen surface, in [m], shape (...).

        Negative: in front of it, or beside it, where the view shows that nothing is; beside it
        the number is minus the distance to the outline at the object.
        """
        local = self._local(points)
        cell = np.round(self._pixels(local)).astype(int) - self._corner
        inside: BoolArray = ((cell >= 0) & (cell < self._size)).all(axis=-1)
        cell = np.where(inside[..., None], cell, 0)
        at = (cell[..., 0], cell[..., 1])
        beside = self._outline[at] * self.spacing
        depth = np.where(self._mask[at], local[..., 2] - self._depth[at], -beside)
        depth = np.where(self._occluded[at], np.maximum(depth, 0.0), depth)
        result: Array = np.where(inside, depth, -4.0 * self.spacing)
        return result
