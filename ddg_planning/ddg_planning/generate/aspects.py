"""Training views: which contacts of a demonstrated grasp can be seen from one side."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ddg_core.arrays import Array, BoolArray
from ddg_core.hand import Hand
from ddg_core.view import FeatureCloud, ObjectView, Plane
from ddg_planning.generate.contact_model import ContactModel
from ddg_planning.generate.demonstration import Demonstration
from ddg_planning.generate.evidence import contact_surface
from ddg_planning.generate.range_grid import RangeGrid


@dataclass(frozen=True)
class AspectSettings:
    """Where a demonstrated grasp is looked at from, and what makes a view-based model.

    Attributes:
        azimuths: Views around the object.
        elevation: Of the camera above the horizon, in [rad].
        distance: Of the camera from the middle of the object, in [m].
        share: A link takes part if at least this share of its contact is visible.
        links: A view with fewer links is dropped.
        facing: Least cosine between a visible point's normal and its direction to the camera.
        tolerance: A visible point lies at most this far behind the nearest, in [m].
        pixel: Size of a pixel at the object, in [m]; above the spacing of the cloud.
    """

    azimuths: int = 12
    elevation: float = 0.8
    distance: float = 0.6
    share: float = 0.5
    links: int = 3
    facing: float = 0.1
    tolerance: float = 0.008
    pixel: float = 0.006

    def __post_init__(self) -> None:
        """Refuse to see nothing."""
        if self.azimuths < 1 or self.links < 1 or not 0.0 < self.share <= 1.0:
            raise ValueError("azimuths and links must be positive, share in (0, 1]")
        if min(self.distance, self.pixel, self.tolerance) <= 0.0:
            raise ValueError("distance, pixel and tolerance must be positive")


@dataclass(frozen=True)
class Aspect:
    """What a grasp looks like from one side or several.

    Attributes:
        links: Links whose contact is visible, in the order of the hand.
        views: How many training views show just these.
    """

    links: tuple[str, ...]
    views: int


def aspects_of(
    demonstration: Demonstration,
    contacts: Sequence[ContactModel],
    hand: Hand,
    settings: AspectSettings,
) -> tuple[Aspect, ...]:
    """Look at a demonstrated grasp's object from all around, without the hand.

    Returns:
        Those sets of visible contacts that are neither too small nor complete, the commonest
        first: a complete one needs no model of its own.
    """
    T = demonstration.T_base_wrist[-2] @ hand.link_poses(demonstration.joints[-2])
    surfaces = {}
    for contact in contacts:
        at, normals = contact_surface(contact, len(contact.weights))
        T_link = T[hand.link_names.index(contact.link)]
        surfaces[contact.link] = (at @ T_link[:3, :3].T + T_link[:3, 3], normals @ T_link[:3, :3].T)
    cloud, found = demonstration.cloud, Counter[tuple[str, ...]]()
    middle = (cloud.points.min(axis=0) + cloud.points.max(axis=0)) / 2
    level, up = np.cos(settings.elevation), np.sin(settings.elevation)
    for azimuth in 2 * np.pi * np.arange(settings.azimuths) / settings.azimuths:
        away = np.array([level * np.cos(azimuth), level * np.sin(azimuth), up])
        eye = middle + settings.distance * away
        grid = depth_from(cloud, eye, settings)
        found[
            tuple(
                link
                for link, (points, normals) in surfaces.items()
                if visible(points, normals, eye, grid, settings).mean() >= settings.share
            )
        ] += 1
    return tuple(
        Aspect(links, count)
        for links, count in found.most_common()
        if settings.links <= len(links) < len(contacts)
    )


def depth_from(cloud: FeatureCloud, eye: Array, settings: AspectSettings) -> RangeGrid:
    """What of the cloud a camera sees: of all points those that face it."""
    keep = ((eye - cloud.points) * cloud.normals).sum(axis=1) > 0.0
    facing = FeatureCloud(cloud.points[keep], cloud.frames[keep], cloud.curvatures[keep])
    floor = Plane(np.array([0.0, 0.0, 1.0]), 0.0)
    return RangeGrid(ObjectView(facing, eye, floor), spacing=settings.pixel)


def visible(
    points: Array, normals: Array, eye: Array, grid: RangeGrid, settings: AspectSettings
) -> BoolArray:
    """Which surface points (N, 3) with outward normals (N, 3) a camera at `eye` (3,) sees, (N,)."""
    ray = (eye - points) / np.linalg.norm(eye - points, axis=1, keepdims=True)
    facing: BoolArray = (ray * normals).sum(axis=1) >= settings.facing
    return facing & (grid.behind(points) < settings.tolerance)
