"""One depth view in, one object out: perception as two pure functions and their sum."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ddg_core.arrays import Array, BoolArray, frozen_array
from ddg_core.errors import Failed
from ddg_core.outcome import Outcome
from ddg_core.transforms import apply
from ddg_core.view import DepthImage, FeatureCloud, ObjectView, Plane
from ddg_perception.depth import (
    DepthSettings,
    check_metres,
    heights,
    image_border,
    linked,
    readings,
    stands_out,
)
from ddg_perception.features import FeatureSettings, describe
from ddg_perception.robot_body import PosedShape
from ddg_perception.segment import SegmentSettings, check_near, find_object
from ddg_perception.support import SupportSettings
from ddg_perception.table import TableSettings, find_table, roughness


@dataclass(frozen=True)
class PerceptionSettings:
    """All of perception; the file is `config/perception.yaml`."""

    depth: DepthSettings = field(default_factory=DepthSettings)
    table: TableSettings = field(default_factory=TableSettings)
    support: SupportSettings = field(default_factory=SupportSettings)
    segment: SegmentSettings = field(default_factory=SegmentSettings)
    features: FeatureSettings = field(default_factory=FeatureSettings)


@dataclass(frozen=True, eq=False)
class Segmented:
    """The points of one object, before their features are known; base frame, [m].

    Attributes:
        points: On the object, shape (N, 3).
        viewpoint: Position of the camera, shape (3,).
        table: The plane that the object stands on.
        obstacles: Points of all else that is not robot, shape (M, 3).
        image, mask: Where it was seen, and its pixels (H, W); None for a bare cloud.
    """

    points: Array
    viewpoint: Array
    table: Plane
    obstacles: Array
    image: DepthImage | None = None
    mask: BoolArray | None = None


STRIDE = 4  # every so many pixels are enough to find the table


def perceive(
    image: DepthImage,
    settings: PerceptionSettings,
    *,
    mask: BoolArray | None = None,
    near: Array | None = None,
    robot: Sequence[PosedShape] = (),
    rng: np.random.Generator,
) -> ObjectView:
    """Find one object in a depth image and describe its surface; see `segment_image`."""
    return features(
        segment_image(image, settings, mask=mask, near=near, robot=robot, rng=rng), settings
    )


def features(segmented: Segmented, settings: PerceptionSettings) -> ObjectView:
    """Describe the surface of a segmented object."""
    return ObjectView(
        cloud=describe(segmented.points, segmented.viewpoint, settings.features),
        viewpoint=segmented.viewpoint,
        table=segmented.table,
        obstacles=segmented.obstacles,
        image=segmented.image,
        mask=segmented.mask,
    )


def without_features(segmented: Segmented) -> ObjectView:
    """Say where an object is seen, and nothing of its surface: what takes most of the time."""
    return ObjectView(
        cloud=FeatureCloud(np.zeros((0, 3)), np.zeros((0, 3, 3)), np.zeros((0, 2))),
        viewpoint=segmented.viewpoint,
        table=segmented.table,
        obstacles=segmented.obstacles,
        image=segmented.image,
        mask=segmented.mask,
    )


def segment_image(
    image: DepthImage,
    settings: PerceptionSettings,
    *,
    mask: BoolArray | None = None,
    near: Array | None = None,
    robot: Sequence[PosedShape] = (),
    rng: np.random.Generator,
) -> Segmented:
    """Find one object in a depth image.

    Args:
        image: The view.
        settings: See there.
        mask: Pixels that may be the object, shape (H, W); the largest object among them is taken.
        near: Point in the base frame, shape (3,), in [m]: take the object nearest to it. Without
            `mask` and `near` the largest object that is wholly in the image is taken.
        robot: Link shapes of the robot, posed by its joint state.
        rng: For the robust fit of the table.

    Raises:
        BadInput: Depth that cannot be metres, intrinsics that are not this camera's, a mask of
            another size, a point that is none.
        Failed: NO_CLOUD without table or object, EMPTY_MASK if the mask has no valid depth.
    """
    depth = readings(image, settings.depth)
    if near is not None:
        check_near(near)
    if mask is not None:
        _check_mask(mask, depth, image)
    sparse = np.zeros(depth.shape, bool)
    sparse[::STRIDE, ::STRIDE] = True
    sample = apply(image.T_base_camera, image.camera.deproject(depth, sparse))
    table, margin = _table(sample, settings, rng)
    above = stands_out(heights(depth, image, table), margin, settings.segment.margin)
    above &= linked(depth, min(image.camera.fx, image.camera.fy), settings.depth)
    points = apply(image.T_base_camera, image.camera.deproject(depth, above))
    found = find_object(
        points,
        table,
        margin,
        settings.segment,
        settings.support,
        near=near,
        marked=None if mask is None else mask[above],
        cut=image_border(depth)[above],
        robot=robot,
    )
    pixels = np.zeros(depth.shape, bool)
    rows, columns = np.nonzero(above)
    pixels[rows[found.members], columns[found.members]] = True
    eye = np.array(image.T_base_camera[:3, 3])
    return Segmented(points[found.members], eye, found.table, found.obstacles, image, pixels)


def segment_cloud(
    points: Array,
    viewpoint: Array,
    settings: PerceptionSettings,
    *,
    near: Array | None = None,
    robot: Sequence[PosedShape] = (),
    rng: np.random.Generator,
) -> Segmented:
    """Find one object in a bare cloud.

    A cloud without a level surface is taken for a cloud of the object alone, standing on a level
    plane under its lowest point.

    Args:
        points: Shape (N, 3), in the base frame, in [m]; points that are not finite are left out.
        viewpoint: Position of the camera, shape (3,), in [m].
        settings: See there.
        near: See `segment_image`.
        robot: See `segment_image`.
        rng: For the robust fit of the table.

    Raises:
        BadInput: Wrong shapes, or coordinates that cannot be metres.
        Failed: NO_CLOUD, nothing there or no object.
    """
    points = frozen_array("points", points, None, 3, finite=False)
    viewpoint = frozen_array("viewpoint", viewpoint, 3)
    if near is not None:
        check_near(near)
    points = points[np.isfinite(points).all(axis=1)]
    if len(points) < settings.segment.min_points:
        raise Failed(
            Outcome.NO_CLOUD,
            f"the cloud has {len(points)} finite points, "
            f"at least {settings.segment.min_points} are needed",
        )
    check_metres(np.linalg.norm(points - viewpoint, axis=1))
    table = find_table(points, settings.table, rng=rng)
    if table is None:
        table, margin = Plane(np.array([0.0, 0.0, 1.0]), float(points[:, 2].min())), -np.inf
    else:
        margin = _margin(table, points, settings)
    above = points[table.height(points) > margin]
    found = find_object(
        above, table, margin, settings.segment, settings.support, near=near, robot=robot
    )
    return Segmented(above[found.members], viewpoint, found.table, found.obstacles)


def _check_mask(mask: BoolArray, depth: Array, image: DepthImage) -> None:
    """Refuse a mask of another size, and one that marks nothing that was measured."""
    image.camera.check_image("mask", mask.shape)
    if not np.isfinite(depth[mask]).any():
        raise Failed(
            Outcome.EMPTY_MASK,
            f"the mask leaves no valid depth ({np.count_nonzero(mask)} pixels are marked)",
        )


def _table(
    sample: Array, settings: PerceptionSettings, rng: np.random.Generator
) -> tuple[Plane, float]:
    """The table and the height below which points belong to it."""
    table = find_table(sample, settings.table, rng=rng)
    if table is None:
        raise Failed(
            Outcome.NO_CLOUD,
            f"no level surface of {settings.table.min_area} m^2 is in view, so no table",
        )
    return table, _margin(table, sample, settings)


def _margin(table: Plane, points: Array, settings: PerceptionSettings) -> float:
    sigma = roughness(table, points, settings.table)
    return max(settings.segment.margin, settings.segment.margin_sigmas * sigma)
