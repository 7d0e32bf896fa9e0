"""One view, encoded once: what a point in space tells of the object, sampled for any number."""

from dataclasses import dataclass, field

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from ddg_core.arrays import Array
from ddg_core.errors import Failed
from ddg_core.outcome import Outcome
from ddg_core.view import ObjectView
from ddg_planning.generate.local_frame import local_frame, to_local
from ddg_planning.generate.object_model import ObjectModel, ObjectSettings, model_object
from ddg_planning.generate.solid import Solid, SolidSettings

# Channels of a volume.
SEEN, NORMAL, CURVATURES, GUESSED, BODY = 0, slice(1, 4), slice(4, 6), 6, 7
CHANNELS = 8
FLAT = 120.0  # curvatures are cut to this, in [1/m]
THREADS = 2  # of the search for nearest points; they sleep when they wait
NO_GUESS = 0.1  # largest distance to the guessed surface, and that where there is none, in [m]


@dataclass(frozen=True)
class VolumeSettings:
    """How a view is encoded; part of a checkpoint.

    Attributes:
        object: How the unseen back is guessed.
        solid: How the body is guessed.
        voxel: Edge of a voxel, in [m].
        margin: The volume reaches this far around the object, in [m].
        seed: Of the guess, so that one view has one encoding.
    """

    object: ObjectSettings = field(default_factory=ObjectSettings)
    solid: SolidSettings = field(default_factory=SolidSettings)
    voxel: float = 0.006
    margin: float = 0.04
    seed: int = 0


class Volume:
    """The object and its surroundings as a grid of channels, in the local frame (table at z = 0).

    Channels: distance to the nearest seen point [m], that point's normal (3) and principal
    curvatures (2) [1/m], distance to the nearest guessed point [m], signed distance to the body
    [m].

    Attributes:
        T_base_local: Pose of the local frame, shape (4, 4); see `local_frame`.
        solid: The guessed body.
        summary: What the view tells of the object as a whole, shape (S,).
        viewpoint: Place of the camera, shape (3,), in [m].
    """

    def __init__(
        self, view: ObjectView, settings: VolumeSettings, *, dtype: torch.dtype = torch.float32
    ) -> None:
        """Fill the grid.

        Raises:
            Failed: NO_CLOUD if the view shows too little to be an object.
        """
        if len(view.cloud) < settings.object.points:
            raise Failed(
                Outcome.NO_CLOUD,
                f"the object has {len(view.cloud)} points, needs {settings.object.points}",
            )
        self.T_base_local = local_frame(view)
        local = to_local(view, self.T_base_local)
        model = model_object(local, settings.object, rng=np.random.default_rng(settings.seed))
        self.dtype = dtype
        self.solid = Solid(local, model, settings.solid, dtype=dtype)
        self.viewpoint = self._tensor(local.viewpoint)
        self.summary = self._tensor(_summary(local, model, self.solid))
        points = np.concatenate([local.cloud.points, model.guessed])
        low = points.min(axis=0) - settings.margin
        counts = np.ceil((points.max(axis=0) + settings.margin - low) / settings.voxel).astype(int)
        axes = [low[k] + settings.voxel * np.arange(counts[k] + 1) for k in range(3)]
        centres = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
        self._grid = self._fill(centres, local, model)[None]
        self._low = self._tensor(low)
        self._scale = self._tensor(2.0 / (counts * settings.voxel))

    def _fill(self, centres: Array, view: ObjectView, model: ObjectModel) -> Tensor:
        flat = centres.reshape(-1, 3)
        cloud = view.cloud
        seen, nearest = cKDTree(cloud.points).query(flat, workers=THREADS)
        guessed: Array = np.full(len(flat), NO_GUESS)
        if len(model.guessed):
            nearby, _ = cKDTree(model.guessed).query(
                flat, distance_upper_bound=NO_GUESS, workers=THREADS
            )
            guessed = np.minimum(nearby, NO_GUESS)
        columns = [
            np.reshape(seen, (-1, 1)),
            cloud.normals[nearest],
            np.clip(cloud.curvatures[nearest], -FLAT, FLAT),
            guessed[:, None],
            self.solid.distance(self._tensor(flat)).numpy()[:, None],
        ]
        channels = np.concatenate(columns, axis=1).reshape(*centres.shape[:3], CHANNELS)
        return self._tensor(np.ascontiguousarray(channels.transpose(3, 0, 1, 2)))

    def _tensor(self, values: Array) -> Tensor:
        return torch.as_tensor(np.array(values), dtype=self.dtype)

    def sample(self, points: Tensor) -> Tensor:
        """All channels (..., 8) at points (..., 3); distances go on growing beyond the grid."""
        channels, beyond = self._look_up(self._grid, points)
        far = torch.zeros(CHANNELS)
        far[[SEEN, GUESSED, BODY]] = 1.0
        result: Tensor = channels + beyond[..., None] * far
        return result

    def body(self, points: Tensor) -> Tensor:
        """The channel `BODY` alone (...) at points (..., 3): much faster, for many points."""
        channels, beyond = self._look_up(self._grid[:, BODY:], points)
        result: Tensor = channels[..., 0] + beyond
        return result

    def _look_up(self, grid: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """Channels of `grid` (..., C) at points (..., 3), and how far these are beyond it."""
        unit = (points - self._low) * self._scale - 1.0
        inside = unit.clamp(-1.0, 1.0)
        beyond = ((unit - inside) / self._scale).norm(dim=-1)
        at = inside.flip(-1).reshape(1, 1, 1, -1, 3)  # grid_sample counts the last axis as x
        found = torch.nn.functional.grid_sample(
            grid, at, mode="bilinear", align_corners=True, padding_mode="border"
        )
        return found.reshape(grid.shape[1], -1).T.reshape(*points.shape[:-1], -1), beyond


def _summary(view: ObjectView, model: ObjectModel, solid: Solid) -> Array:
    """Size, shape and how much of it is guessed; the same however the scene is turned."""
    points = np.concatenate([view.cloud.points, model.guessed])
    flat = points[:, :2] - points[:, :2].mean(axis=0)
    _, axes = np.linalg.eigh(flat.T @ flat)
    spans = np.ptp(flat @ axes, axis=0)
    eye = view.viewpoint - solid.middle.numpy()
    away = float(np.linalg.norm(eye))
    return np.array(
        [
            *(np.sort(spans) * 10.0),
            points[:, 2].max() * 10.0,
            points[:, 2].min() * 10.0,
            np.cbrt(solid.volume) * 10.0,
            solid.size * 10.0,
            float(solid.middle[2]) * 10.0,
            len(model.mirrors) / 2.0,
            len(model.guessed) / max(len(points), 1),
            float(np.percentile(view.cloud.curvatures[:, 0], 50)) / 50.0,
            float(np.abs(view.cloud.normals[:, 2]).mean()),
            away,
            eye[2] / max(away, 1e-9),
        ]
    )
