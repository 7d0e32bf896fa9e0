"""Images of a lens that distorts, as a pinhole camera would have taken them."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ddg_core.camera import Camera
from ddg_core.errors import BadInput

Pixel = TypeVar("Pixel", bound=np.generic)
MODELS = {0: "none", 5: "plumb_bob", 8: "rational_polynomial"}  # by the number of coefficients


def rectify(
    image: NDArray[Pixel], camera: Camera, distortion: Sequence[float], blank: float
) -> NDArray[Pixel]:
    """Resample an image (H, W) so that straight lines are straight, each pixel from the nearest.

    Depth is not interpolated: a mean of two surfaces is on neither.

    Args:
        image: As the lens gave it.
        camera: Intrinsics, taken for those of the result too.
        distortion: Coefficients k1 k2 p1 p2 k3 [k4 k5 k6], as in `sensor_msgs/CameraInfo`.
        blank: Value of pixels that the lens did not see.

    Raises:
        BadInput: Another number of coefficients.
    """
    if len(distortion) not in MODELS:
        choices = ", ".join(f"{n} ({name})" for n, name in MODELS.items())
        raise BadInput(f"distortion: {len(distortion)} coefficients; known are {choices}")
    camera.check_image("image", image.shape)
    if not any(distortion):
        return image
    k1, k2, p1, p2, k3, k4, k5, k6 = [*distortion, 0.0, 0.0, 0.0][:8]
    x, y = np.meshgrid(
        (np.arange(camera.width) - camera.cx) / camera.fx,
        (np.arange(camera.height) - camera.cy) / camera.fy,
    )
    r2 = x * x + y * y
    radial = (1 + r2 * (k1 + r2 * (k2 + r2 * k3))) / (1 + r2 * (k4 + r2 * (k5 + r2 * k6)))
    seen_x = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
    seen_y = y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
    u = np.round(seen_x * camera.fx + camera.cx).astype(np.int64)
    v = np.round(seen_y * camera.fy + camera.cy).astype(np.int64)
    inside = (u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)
    straight = np.full_like(image, blank)
    straight[inside] = image[v[inside], u[inside]]
    return straight
