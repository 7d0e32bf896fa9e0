"""Where the object, seen or guessed, and the table may be: signed distances for many points."""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ddg_core.arrays import Array
from ddg_core.view import ObjectView
from ddg_planning.generate.ground import Ground
from ddg_planning.generate.object_model import ObjectModel


@dataclass(frozen=True)
class SolidSettings:
    """The grid of signed distances.

    Attributes:
        voxel: Edge of a voxel, in [m].
        margin: Distances are known this far around the object, in [m].
        depth: How far behind the seen surface an object without symmetry is taken to reach,
            in [m].
    """

    voxel: float = 0.005
    margin: float = 0.04
    depth: float = 0.05

    def __post_init__(self) -> None:
        """Refuse an empty grid."""
        if min(self.voxel, self.margin, self.depth) <= 0.0:
            raise ValueError("voxel, margin and depth must be positive")


class Solid:
    """Signed distance to the object's guessed body, and to table and obstacles.

    The body is all space that the view and its mirror images leave open: hidden behind the seen
    surface, and still hidden when mirrored.

    Attributes:
        middle: Centroid of the body, shape (3,), in [m].
        size: Root mean square distance of the body from its centroid plus 1 cm, in [m].
        volume: Of the body, in [m^3].
    """

    def __init__(
        self,
        view: ObjectView,
        model: ObjectModel,
        settings: SolidSettings,
        ground: Ground | None = None,
        *,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Fill the grid; without `ground` the object stands on its view's table."""
        points = np.concatenate([view.cloud.points, model.guessed])
        low = points.min(axis=0) - settings.margin
        counts = np.ceil((points.max(axis=0) + settings.margin - low) / settings.voxel).astype(int)
        axes = [low[k] + settings.voxel * np.arange(counts[k] + 1) for k in range(3)]
        centres = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
        behind = _behind(centres, model, settings)
        body = (behind >= 0.0) & (view.table.height(centres) >= 0.0)
        distance = ndimage.distance_transform_edt(~body) - ndimage.distance_transform_edt(body)
        distance = (distance - 0.5 * np.sign(distance)) * settings.voxel
        inside = centres[body] if body.any() else points
        self.middle = torch.as_tensor(inside.mean(axis=0), dtype=dtype)
        self.size = float(np.sqrt(((inside - inside.mean(axis=0)) ** 2).sum(axis=1).mean()) + 0.01)
        self.volume = float(body.sum()) * settings.voxel**3
        self.table, self._ground = view.table, ground
        self.obstacles = view.obstacles
        self.dtype = dtype
        self._grid = torch.as_tensor(distance.T.copy(), dtype=dtype)[None, None]  # z, y, x
        self._low = torch.as_tensor(low, dtype=dtype)
        self._scale = torch.as_tensor(2.0 / (np.array(counts) * settings.voxel), dtype=dtype)
        self._up = torch.as_tensor(view.table.normal.copy(), dtype=dtype)

    def distance(self, points: Tensor) -> Tensor:
        """Signed distance of points (..., 3) to the body, in [m], shape (...).

        Beyond the grid it is the distance at the grid's edge plus that to the grid.
        """
        unit = (points - self._low) * self._scale - 1.0
        inside = unit.clamp(-1.0, 1.0)
        beyond = ((unit - inside) / self._scale).norm(dim=-1)
        at = inside.reshape(1, 1, 1, -1, 3)
        value = torch.nn.functional.grid_sample(
            self._grid, at, mode="bilinear", align_corners=True, padding_mode="border"
        )
        distance: Tensor = value.reshape(points.shape[:-1]) + beyond
        return distance

    def normal(self, points: Tensor) -> Tensor:
        """Unit vectors (..., 3) away from the body at points (..., 3)."""
        step = 0.003 * torch.eye(3, dtype=points.dtype)
        sides = [self.distance(points + e) - self.distance(points - e) for e in step]
        return torch.nn.functional.normalize(torch.stack(sides, dim=-1), dim=-1)

    def on(self, ground: Ground) -> "Solid":
        """The same body on another ground."""
        other = copy.copy(self)
        other._ground = ground
        return other

    def height(self, points: Tensor) -> Tensor:
        """Distance of points (..., 3) to what the object stands on, in [m], shape (...)."""
        if self._ground is not None:
            return self._ground.height(points)
        return points @ self._up - self.table.offset


def _behind(centres: Array, model: ObjectModel, settings: SolidSettings) -> Array:
    """How far points lie inside all that is left open, in [m]; negative outside."""
    images = [centres]
    for mirror in model.mirrors:
        images += [mirror.points(image) for image in images]
    behind = np.stack([model.grid.behind(image) for image in images])
    least: Array = behind.min(axis=0)
    if not model.mirrors:
        least = np.where(least > settings.depth, -1.0, least)
    return least
