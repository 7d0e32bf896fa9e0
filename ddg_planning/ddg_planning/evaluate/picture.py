"""The virtual camera of the large networks: an object as an image, grasps in its frame."""

from collections.abc import Sequence

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from ddg_core.arrays import Array
from ddg_core.errors import Failed
from ddg_core.grasp import Grasp
from ddg_core.outcome import Outcome
from ddg_core.transforms import apply, inverse, look_at
from ddg_core.view import ObjectView
from ddg_planning.evaluate.motions import motions
from ddg_planning.generate.rotations import matrix
from ddg_planning.training.layout import BENT, CENTRE, CHANNELS, FOCAL, NEAR, SIZE
from ddg_planning.training.shards import Scene

REACH = 3.0  # a point fills the pixels so far around it, in pixels
LEAST = 20  # points that make an object
FLAT = 150.0  # curvatures are cut to this, in [1/m]


class Picture:
    """A view as the large networks see it, made once for any number of grasps.

    Attributes:
        T_base_eye: Pose of the virtual camera, shape (4, 4).
        distance: From it to the middle of the object, in [m].
        up: The table's normal in its frame, shape (3,).
        image: Shape (CHANNELS, SIZE, SIZE); see `layout`.
    """

    def __init__(self, view: ObjectView) -> None:
        """Look at the middle of the object from where it was seen.

        Raises:
            Failed: NO_CLOUD if the view shows too little to be an object.
        """
        cloud = view.cloud
        if len(cloud) < LEAST:
            raise Failed(Outcome.NO_CLOUD, f"the object has {len(cloud)} points, needs {LEAST}")
        middle = cloud.points.mean(axis=0)
        self.distance = float(np.linalg.norm(middle - view.viewpoint))
        ahead = (middle - view.viewpoint) / self.distance
        steep = abs(float(ahead @ view.table.normal)) > 0.999
        sky = np.array([1.0, 0.0, 0.0]) if steep else view.table.normal
        self.T_base_eye = look_at(view.viewpoint, middle, sky)
        self.up = self.T_base_eye[:3, :3].T @ view.table.normal
        points = apply(inverse(self.T_base_eye), cloud.points)
        columns = [
            np.ones(len(points)),
            (np.linalg.norm(points, axis=1) - self.distance) * NEAR,
            *(cloud.normals @ self.T_base_eye[:3, :3]).T,
            *(np.clip(cloud.curvatures, -FLAT, FLAT) * BENT).T,
        ]
        self.image = _painted(points, np.stack(columns))

    def grasps(self, grasps: Sequence[Grasp], kinds: Sequence[str]) -> Tensor:
        """The numbers (N, V) of grasps; a type that is not in `kinds` is none of them.

        Raises:
            BadInput: They are not of one hand.
        """
        moved = motions(grasps, self.T_base_eye)
        n = len(moved.joints)
        R = matrix(moved.quaternions)
        middle = torch.tensor([0.0, 0.0, self.distance])
        poses = torch.stack([moved.positions - middle, R[..., 0], R[..., 1]], dim=2)
        up = torch.as_tensor(self.up, dtype=torch.float32)
        own = [[float(grasp.kind == kind) for kind in kinds] for grasp in grasps]
        parts = [
            poses.reshape(n, -1),
            up.expand(n, 3),
            torch.full((n, 1), self.distance),
            moved.joints.flatten(1),
            torch.tensor(own).reshape(n, len(kinds)),
        ]
        return torch.cat(parts, dim=1)


def described(
    view: ObjectView,
    grasps: Sequence[Grasp],
    kinds: Sequence[str],
    *,
    seed: int,
    name: str,
    held: Sequence[bool],
    planned: Sequence[bool],
) -> Scene:
    """A scene to learn from; Failed if the view shows no object."""
    picture = Picture(view)
    told = (torch.tensor(held), torch.tensor(planned))
    return Scene(seed, name, picture.image, picture.grasps(grasps, kinds), *told)


def _painted(points: Array, values: Array) -> Tensor:
    """Image (C, SIZE, SIZE) of values (C, P) at points (P, 3) in {eye}: the nearest paints."""
    at = points[:, :2] / points[:, 2:] * FOCAL + CENTRE
    v, u = np.mgrid[:SIZE, :SIZE]
    pixels = np.stack([u, v], axis=-1).reshape(-1, 2)
    inside = ((pixels >= at.min(axis=0) - REACH) & (pixels <= at.max(axis=0) + REACH)).all(axis=1)
    away, found = cKDTree(at).query(pixels[inside], distance_upper_bound=REACH)
    near, nearest = np.isfinite(away), np.asarray(found)
    flat = np.zeros((CHANNELS, SIZE * SIZE), dtype=np.float32)
    flat[:, np.flatnonzero(inside)[near]] = values[:, nearest[near]]
    return torch.from_numpy(flat.reshape(CHANNELS, SIZE, SIZE))
