"""From a depth image as it comes to one for the networks: checked, without holes, in scale."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import distance_transform_edt

from ddg_core.arrays import Array, BoolArray, IntArray
from ddg_core.camera import Camera
from ddg_core.errors import BadInput, Failed
from ddg_core.outcome import Outcome
from ddg_core.transforms import apply, inverse
from ddg_core.view import DepthImage
from ddg_planning.parallel_jaw.crops import SIZE

MANY_HOLES = 0.1  # share of an image without readings that people should know of
_FARTHEST = 20.0  # no table is as far, in [m]: the depth is in millimetres


@dataclass(frozen=True)
class PrepareSettings:
    """What images must be.

    Attributes:
        focal: Focal length of the result, in pixels. The networks' is a quarter of a PrimeSense's:
            at 0.7 m a pixel is 4.9 mm.
        least_pixels: Pixels of the object with a reading, in the image as it comes.
        most_holes: Share of the image that may lack readings.
    """

    focal: float = 143.5
    least_pixels: int = 100
    most_holes: float = 0.5


@dataclass(frozen=True, eq=False)
class Prepared:
    """A depth image in another scale.

    Attributes:
        depth: Shape (h, w), in [m], without holes.
        mask: Pixels of the object, shape (h, w).
        image: The image as it came, for its pose.
        camera: Intrinsics of `depth`.
    """

    depth: Array
    mask: BoolArray
    image: DepthImage
    camera: Camera

    @property
    def scaled(self) -> DepthImage:
        """`depth` with its camera, at the pose of the image as it came."""
        return DepthImage(self.depth, self.camera, self.image.T_base_camera, self.image.stamp)

    def about(self, place: Array, reach: float) -> "Prepared":
        """The window in which a place (3,) in the base frame is seen with `reach` [m] around it.

        Crops about what is in reach are whole.

        Raises:
            Failed: EMPTY_MASK where nothing of the object is in reach.
        """
        x, y, z = apply(inverse(self.image.T_base_camera), place[None])[0]
        camera, depth = self.camera, max(z, 1e-3)
        u, v = camera.fx * x / depth + camera.cx, camera.fy * y / depth + camera.cy
        low, high = (
            np.clip(np.rint([u, v]) + sign * (reach * camera.fx / depth), 0, self.depth.shape[::-1])
            for sign in (-1.0, 1.0)
        )
        mask = np.zeros_like(self.mask)
        inner = slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))
        mask[inner] = self.mask[inner]
        if not mask.any():
            raise Failed(Outcome.EMPTY_MASK, f"nothing of the object within {reach:.2f} m")
        rows, columns = (slice(max(part.start - SIZE, 0), part.stop + SIZE) for part in inner)
        depths = self.depth[rows, columns]
        window = Camera(
            depths.shape[1],
            depths.shape[0],
            camera.fx,
            camera.fy,
            camera.cx - columns.start,
            camera.cy - rows.start,
        )
        return Prepared(depths, mask[rows, columns], self.image, window)

    def nearest(self, pixels: Array) -> IntArray:
        """Columns and rows (2, N) of the pixels of the image that are nearest to (u, v) (N, 2)."""
        last = [self.camera.width - 1, self.camera.height - 1]
        return np.clip(np.rint(pixels), 0, last).astype(np.int64).T

    def at(self, pixels: Array) -> Array:
        """Depth (N,) of the nearest pixels of (u, v) (N, 2), in [m]."""
        u, v = self.nearest(pixels)
        depth: Array = self.depth[v, u]
        return depth


def prepare(image: DepthImage, mask: BoolArray, settings: PrepareSettings) -> Prepared:
    """Check an image, fill its holes, and scale it; see `prepare_for`."""
    return prepare_for(image, mask, settings)[0]


def prepare_for(
    image: DepthImage, mask: BoolArray, settings: PrepareSettings, *more: float
) -> list[Prepared]:
    """Check an image, fill its holes, and scale it to each focal length.

    Args:
        image: As the camera gave it; NaN where there is no reading.
        mask: Pixels of the object, shape (H, W).
        settings: What images must be, and the first focal length.
        more: Further focal lengths, in pixels.

    Raises:
        BadInput: The depth is in millimetres, the intrinsics cannot be those of this camera, or
            the mask is of another size.
        Failed: NO_CLOUD where too much is without reading, EMPTY_MASK where there is no object.
    """
    check(image, mask)
    if (share := holes(image)) > settings.most_holes:
        raise Failed(Outcome.NO_CLOUD, f"{share:.0%} of the depth image is without reading")
    valid = _readings(image)
    seen = int(np.count_nonzero(valid & mask))
    if seen < settings.least_pixels:
        raise Failed(
            Outcome.EMPTY_MASK,
            f"the object has {seen} pixels with a reading, needs {settings.least_pixels}",
        )
    filled = fill(image.depth, valid)
    return [_scaled(image, filled, mask, focal) for focal in (settings.focal, *more)]


def holes(image: DepthImage) -> float:
    """Share of the pixels without a reading, which are filled."""
    return 1.0 - float(_readings(image).mean())


def _readings(image: DepthImage) -> BoolArray:
    found: BoolArray = np.isfinite(image.depth) & (image.depth > 0.0)
    return found


def _scaled(image: DepthImage, filled: Array, mask: BoolArray, focal: float) -> Prepared:
    camera = image.camera
    size = (
        max(1, round(camera.width * focal / camera.fx)),
        max(1, round(camera.height * focal / camera.fy)),
    )
    x, y = size[0] / camera.width, size[1] / camera.height
    small = Camera(
        *size,
        camera.fx * x,
        camera.fy * y,
        (camera.cx + 0.5) * x - 0.5,
        (camera.cy + 0.5) * y - 0.5,
    )
    return Prepared(_resized(filled, size), _resized(mask, size) >= 0.5, image, small)


def check(image: DepthImage, mask: BoolArray) -> None:
    """Raise BadInput where units or intrinsics cannot be right; see `prepare`."""
    image.camera.check_image("mask", mask.shape)
    readings = image.depth[_readings(image)]
    middle = float(np.median(readings)) if len(readings) else 0.0
    if middle > _FARTHEST:
        raise BadInput(f"depth has a median of {middle:.0f}: these are millimetres, give metres")
    camera = image.camera
    camera.check_field()
    for name, c, size in (("x", camera.cx, camera.width), ("y", camera.cy, camera.height)):
        if not 0.25 * size <= c <= 0.75 * size:
            raise BadInput(
                f"intrinsics: c{name} = {c:.4g} is not near the middle of an image of {size} pixels"
            )


def fill(depth: Array, valid: BoolArray) -> Array:
    """Depth (H, W) with a value in every pixel.

    A hole takes the farther of the nearest readings to its left and right: what a projector's
    pattern does not reach lies behind what casts the shadow, sideways. Rows without any reading
    take the nearest pixel's.
    """
    width = depth.shape[1]
    count = np.arange(width, dtype=np.int32)
    left = np.maximum.accumulate(np.where(valid, count, -1), axis=1)
    right = np.minimum.accumulate(np.where(valid, count, width)[:, ::-1], axis=1)[:, ::-1]
    rows, columns = np.nonzero(~valid)
    before, behind = left[rows, columns], right[rows, columns]
    filled = np.where(valid, depth, -np.inf)
    filled[rows, columns] = np.maximum(
        np.where(before >= 0, filled[rows, np.maximum(before, 0)], -np.inf),
        np.where(behind < width, filled[rows, np.minimum(behind, width - 1)], -np.inf),
    )
    empty = np.isneginf(filled)
    if empty.any():
        nearest = distance_transform_edt(empty, return_distances=False, return_indices=True)
        filled = filled[tuple(nearest)]
    return filled


def _resized(values: Array | BoolArray, size: tuple[int, int]) -> Array:
    """Mean over the area of each new pixel; `size` is (width, height)."""
    picture = Image.fromarray(values.astype(np.float32))
    scaled: NDArray[np.float32] = np.asarray(picture.resize(size, Image.Resampling.BOX))
    return scaled.astype(np.float64)
