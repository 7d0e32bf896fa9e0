"""The object as the generator sees it: features of the seen and of the guessed surface."""

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.spatial import cKDTree

from ddg_core.arrays import Array, BoolArray, frozen_array
from ddg_core.view import FeatureCloud, ObjectView
from ddg_planning.generate.range_grid import RangeGrid
from ddg_planning.generate.symmetry import Mirror, SymmetrySettings, find_mirrors


@dataclass(frozen=True)
class ObjectSettings:
    """How the object model is made from a view.

    Attributes:
        features: Features kept; a larger cloud is thinned at random.
        points: Fewest points that make an object.
        hidden_weight: Weight of a guessed feature beside a seen one; 0 leaves them out.
        max_curvature: Curvatures are cut to this, in [1/m].
        pixel: Size of a pixel of the range grid, in [m].
        symmetry: How the unseen back is guessed.
    """

    features: int = 500
    points: int = 50
    hidden_weight: float = 0.5
    max_curvature: float = 120.0
    pixel: float = 0.004
    symmetry: SymmetrySettings = field(default_factory=SymmetrySettings)

    def __post_init__(self) -> None:
        """Refuse what leaves no object."""
        if self.features < 1 or self.points < 1 or self.hidden_weight < 0.0 or self.pixel <= 0.0:
            raise ValueError("features, points and pixel must be positive, hidden_weight >= 0")


@dataclass(frozen=True, eq=False)
class ObjectModel:
    """The density O(v, r) of equation (1), by its F features.

    Attributes:
        points, frames, curvatures: As in `FeatureCloud`.
        weights: Weight per feature, shape (F,), sum 1.
        seen: Which features were seen, shape (F,); the others are guessed.
        guessed: The guessed surface, shape (G, 3), in [m]; not thinned.
        guessed_normals: Its outward normals, shape (G, 3).
        mirrors: The mirror planes that it was guessed by.
        grid: What the view leaves open.
    """

    points: Array
    frames: Array
    curvatures: Array
    weights: Array
    seen: BoolArray
    guessed: Array
    guessed_normals: Array
    mirrors: tuple[Mirror, ...]
    grid: RangeGrid

    def __post_init__(self) -> None:
        """Check and freeze the arrays."""
        n = len(self.points)
        shapes = {"points": (n, 3), "frames": (n, 3, 3), "curvatures": (n, 2), "weights": (n,)}
        for name, shape in shapes.items():
            array = frozen_array(f"ObjectModel.{name}", getattr(self, name), *shape)
            object.__setattr__(self, name, array)

    def only_seen(self) -> "ObjectModel":
        """The same without its guessed features."""
        weights = self.weights[self.seen]
        return replace(
            self,
            points=self.points[self.seen],
            frames=self.frames[self.seen],
            curvatures=self.curvatures[self.seen],
            weights=weights / weights.sum(),
            seen=self.seen[self.seen],
        )


def model_object(
    view: ObjectView, settings: ObjectSettings, *, rng: np.random.Generator
) -> ObjectModel:
    """Make the object model of a view whose table is level (z up)."""
    cloud = view.cloud
    grid = RangeGrid(view, spacing=settings.pixel)
    mirrors = find_mirrors(cloud.points, grid, settings.symmetry)
    guessed = guess_back(cloud, grid, mirrors)
    points = np.concatenate([cloud.points, guessed.points])
    chosen = np.sort(rng.permutation(len(points))[: settings.features])
    if settings.hidden_weight == 0.0:
        chosen = np.sort(rng.permutation(len(cloud))[: settings.features])
    weights = np.where(chosen < len(cloud), 1.0, settings.hidden_weight)
    curvatures = np.concatenate([cloud.curvatures, guessed.curvatures])[chosen]
    return ObjectModel(
        points=points[chosen],
        frames=np.concatenate([cloud.frames, guessed.frames])[chosen],
        curvatures=np.clip(curvatures, -settings.max_curvature, settings.max_curvature),
        weights=weights / weights.sum(),
        seen=chosen < len(cloud),
        guessed=guessed.points,
        guessed_normals=guessed.normals,
        mirrors=mirrors,
        grid=grid,
    )


def guess_back(cloud: FeatureCloud, grid: RangeGrid, mirrors: tuple[Mirror, ...]) -> FeatureCloud:
    """Mirror images of the cloud that the seen surface hides and that are not seen already."""
    sides = [(cloud.points, cloud.frames)]
    for mirror in mirrors:
        sides += [(mirror.points(p), mirror.frames(f)) for p, f in sides]
    images = sides[1:]
    if not images:
        return FeatureCloud(np.zeros((0, 3)), np.zeros((0, 3, 3)), np.zeros((0, 2)))
    points = np.concatenate([p for p, _ in images])
    frames = np.concatenate([f for _, f in images])
    curvatures = np.concatenate([cloud.curvatures] * len(images))
    hidden = grid.behind(points) > 0.0
    distance, _ = cKDTree(cloud.points).query(points)
    keep = hidden & (distance > 1.5 * grid.spacing)
    return FeatureCloud(points[keep], frames[keep], curvatures[keep])
