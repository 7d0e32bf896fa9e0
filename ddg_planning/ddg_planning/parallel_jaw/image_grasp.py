"""Grasps as a depth image shows them, and the same grasps in space.

A grasp in an image is a pixel, the angle of the jaws' line in the image, and the depth of the
point that the jaws close about. In space that point and the direction of closing, which lies in
the plane of the table: the way in is straight down onto it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ddg_core.arrays import Array, BoolArray, IntArray, frozen_array
from ddg_core.camera import Camera
from ddg_core.transforms import apply, inverse
from ddg_core.view import DepthImage


@dataclass(frozen=True, eq=False)
class ImageGrasps:
    """N grasps in a depth image.

    Attributes:
        pixels: Projected middle between the jaws as (u, v), shape (N, 2).
        angles: Of the jaws' line in the image, from +u to +v, shape (N,), in [rad].
        depths: z of the middle between the jaws, shape (N,), in [m]: below the surface there.
        widths: Distance of the contacts, shape (N,), in [m]; 0 where it is not known.
    """

    pixels: Array
    angles: Array
    depths: Array
    widths: Array

    def __post_init__(self) -> None:
        """Check and freeze the arrays."""
        pixels = frozen_array("ImageGrasps.pixels", self.pixels, None, 2)
        object.__setattr__(self, "pixels", pixels)
        for key in ("angles", "depths", "widths"):
            values = frozen_array(f"ImageGrasps.{key}", getattr(self, key), len(pixels))
            object.__setattr__(self, key, values)

    def __len__(self) -> int:
        """Return the number of grasps."""
        return len(self.pixels)

    def at(self, rows: IntArray | BoolArray) -> "ImageGrasps":
        """The grasps of these rows."""
        return ImageGrasps(
            self.pixels[rows], self.angles[rows], self.depths[rows], self.widths[rows]
        )


def join(parts: Sequence[ImageGrasps]) -> ImageGrasps:
    """All grasps in one."""
    keys = ("pixels", "angles", "depths", "widths")
    return ImageGrasps(*(np.concatenate([getattr(p, key) for p in parts]) for key in keys))


def to_space(grasps: ImageGrasps, image: DepthImage, up: Array) -> tuple[Array, Array]:
    """Middle between the jaws and direction of closing, both (N, 3), in the base frame.

    Args:
        grasps: In the image.
        image: Its camera and pose are used.
        up: Normal of the table in the base frame, shape (3,).
    """
    rays = _rays(grasps.pixels, image.camera)
    normal = image.T_base_camera[:3, :3].T @ up
    across = _directions(grasps.angles, image.camera)
    # Along the ray a point stays on its pixel: add as much of it as makes the line level.
    axes = across * (rays @ normal)[:, None] - rays * (across @ normal)[:, None]
    axes *= np.where(rays @ normal < 0.0, -1.0, 1.0)[:, None]
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    centres = apply(image.T_base_camera, rays * grasps.depths[:, None])
    return centres, axes @ image.T_base_camera[:3, :3].T


def to_image(centres: Array, axes: Array, widths: Array, image: DepthImage) -> ImageGrasps:
    """What grasps in space, base frame, look like in the image; the opposite of `to_space`."""
    camera = image.camera
    points = apply(inverse(image.T_base_camera), centres)
    level = axes @ image.T_base_camera[:3, :3]
    flat = level - level[:, 2:] * points / points[:, 2:]
    angles = np.arctan2(flat[:, 1] * camera.fy, flat[:, 0] * camera.fx)
    return ImageGrasps(camera.project(points), angles, points[:, 2], widths)


def _rays(pixels: Array, camera: Camera) -> Array:
    """Points (N, 3) at depth 1 in the camera frame."""
    x, y = (pixels - [camera.cx, camera.cy]).T / [[camera.fx], [camera.fy]]
    return np.stack([x, y, np.ones(len(pixels))], axis=1)


def _directions(angles: Array, camera: Camera) -> Array:
    """Directions (N, 3) in the image plane that show at `angles` in the image."""
    across = np.stack([np.cos(angles) / camera.fx, np.sin(angles) / camera.fy, 0.0 * angles], 1)
    unit: Array = across / np.linalg.norm(across, axis=1, keepdims=True)
    return unit
