"""The frame that the generator computes in: the robot's place in the world cannot matter there."""

import numpy as np

from ddg_core.arrays import Array
from ddg_core.transforms import apply, compose, inverse
from ddg_core.view import FeatureCloud, ObjectView, Plane


def local_frame(view: ObjectView) -> Array:
    """Pose `T_base_local` (4, 4) of a frame on the table under the object.

    z is the table's normal and x points, along the table, to the viewpoint; so when the whole
    scene is turned about the vertical, all that is computed in this frame stays the same.
    """
    z = view.table.normal
    middle = view.cloud.points.mean(axis=0)
    origin = middle - view.table.height(middle) * z
    x = view.viewpoint - origin
    x = x - (x @ z) * z
    if np.linalg.norm(x) < 1e-6:  # seen from right above
        x = np.eye(3)[np.argmin(np.abs(z))]
        x = x - (x @ z) * z
    x = x / np.linalg.norm(x)
    return compose(np.stack([x, np.cross(z, x), z], axis=1), origin)


def to_local(view: ObjectView, T_base_local: Array) -> ObjectView:
    """The view without its image, in the local frame, where the table is the plane z = 0."""
    T = inverse(T_base_local)
    cloud = FeatureCloud(
        apply(T, view.cloud.points), T[:3, :3] @ view.cloud.frames, view.cloud.curvatures
    )
    return ObjectView(
        cloud=cloud,
        viewpoint=apply(T, view.viewpoint[None])[0],
        table=Plane(np.array([0.0, 0.0, 1.0]), 0.0),
        obstacles=apply(T, view.obstacles),
    )
