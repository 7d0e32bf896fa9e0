"""What one depth view tells of an object: its cloud with features, and what is around it."""

from dataclasses import dataclass, field

import numpy as np

from ddg_core.arrays import Array, BoolArray, frozen_array
from ddg_core.camera import Camera
from ddg_core.errors import BadInput


@dataclass(frozen=True, eq=False)
class FeatureCloud:
    """Surface points with their local frames and principal curvatures.

    Attributes:
        points: Positions, shape (N, 3), in [m].
        frames: Local frames as rotations, shape (N, 3, 3); columns are the direction of the
            first principal curvature, that of the second, and the outward normal.
        curvatures: Principal curvatures k1 >= k2 (by value), shape (N, 2), in [1/m]; a ball of
            radius r has +1/r twice, a hollow is negative.
    """

    points: Array
    frames: Array
    curvatures: Array

    def __post_init__(self) -> None:
        """Check and freeze the arrays."""
        points = frozen_array("FeatureCloud.points", self.points, None, 3)
        n = len(points)
        object.__setattr__(self, "points", points)
        object.__setattr__(
            self, "frames", frozen_array("FeatureCloud.frames", self.frames, n, 3, 3)
        )
        curvatures = frozen_array("FeatureCloud.curvatures", self.curvatures, n, 2)
        object.__setattr__(self, "curvatures", curvatures)

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.points)

    @property
    def normals(self) -> Array:
        """Outward unit normals, shape (N, 3)."""
        return self.frames[:, :, 2]


@dataclass(frozen=True, eq=False)
class Plane:
    """The table: points p with normal . p = offset; the normal points up, away from the table.

    Attributes:
        normal: Unit normal, shape (3,).
        offset: Height of the plane along its normal, in [m].
    """

    normal: Array
    offset: float

    def __post_init__(self) -> None:
        """Check and freeze the normal."""
        normal = frozen_array("Plane.normal", self.normal, 3)
        if abs(np.linalg.norm(normal) - 1.0) > 1e-6:
            raise BadInput(f"Plane.normal: must have length 1, got {np.linalg.norm(normal):.3g}")
        object.__setattr__(self, "normal", normal)

    def height(self, points: Array) -> Array:
        """Signed distance above the plane of points (..., 3), shape (...), in [m]."""
        return points @ self.normal - self.offset


@dataclass(frozen=True, eq=False)
class DepthImage:
    """One depth image and where it was taken.

    Attributes:
        depth: z per pixel, shape (H, W), in [m]; NaN means no reading.
        camera: Intrinsics of the camera.
        T_base_camera: Pose of the camera's optical frame in the robot base, shape (4, 4).
        stamp: Time of the exposure, in [s].
    """

    depth: Array
    camera: Camera
    T_base_camera: Array
    stamp: float = 0.0

    def __post_init__(self) -> None:
        """Check the sizes and freeze the arrays."""
        depth = frozen_array("DepthImage.depth", self.depth, None, None, finite=False)
        self.camera.check_image("DepthImage.depth", depth.shape)
        T = frozen_array("DepthImage.T_base_camera", self.T_base_camera, 4, 4)
        object.__setattr__(self, "depth", depth)
        object.__setattr__(self, "T_base_camera", T)


@dataclass(frozen=True, eq=False)
class ObjectView:
    """One object as one depth view shows it, in the robot base frame.

    Attributes:
        cloud: The visible surface of the object.
        viewpoint: Position of the camera, shape (3,), in [m].
        table: The plane that the object stands on.
        obstacles: Points of everything else that is neither object, table nor robot, shape
            (M, 3), in [m].
        image: The depth image that it was seen in; None for a bare cloud.
        mask: Pixels of the object in `image`, shape (H, W); None for a bare cloud.
    """

    cloud: FeatureCloud
    viewpoint: Array
    table: Plane
    obstacles: Array = field(default_factory=lambda: np.zeros((0, 3)))
    image: DepthImage | None = None
    mask: BoolArray | None = None

    def __post_init__(self) -> None:
        """Check and freeze the arrays."""
        object.__setattr__(
            self, "viewpoint", frozen_array("ObjectView.viewpoint", self.viewpoint, 3)
        )
        obstacles = frozen_array("ObjectView.obstacles", self.obstacles, None, 3)
        object.__setattr__(self, "obstacles", obstacles)
