"""The surface of a demonstrated object: views joined, the unseen back guessed."""

from collections.abc import Sequence

import numpy as np

from ddg_core.errors import BadInput
from ddg_core.view import FeatureCloud, ObjectView
from ddg_planning.generate.object_model import ObjectSettings, guess_back
from ddg_planning.generate.range_grid import RangeGrid
from ddg_planning.generate.symmetry import find_mirrors

SPACING = 0.004  # of a joined cloud, in [m]


def joined(clouds: Sequence[FeatureCloud]) -> FeatureCloud:
    """One point per cell of `SPACING`, of the first cloud that has one there."""
    points = np.concatenate([cloud.points for cloud in clouds])
    _, chosen = np.unique(np.floor(points / SPACING).astype(int), axis=0, return_index=True)
    return FeatureCloud(
        points[chosen],
        np.concatenate([cloud.frames for cloud in clouds])[chosen],
        np.concatenate([cloud.curvatures for cloud in clouds])[chosen],
    )


def shown_surface(
    views: Sequence[ObjectView], settings: ObjectSettings
) -> tuple[FeatureCloud, str]:
    """What views of one object, all in one frame, tell of its surface.

    Fingers close on the side that a single view does not show; it is guessed as the generator
    guesses it, by mirror planes. Who shows several views shows what matters.

    Returns:
        The cloud, and where its back comes from: "seen", "guessed by 2 mirrors", "unknown".

    Raises:
        BadInput: There is no view, or too little surface.
    """
    clouds = [view.cloud for view in views]
    seen = sum(len(cloud) for cloud in clouds)
    if seen < settings.points:
        raise BadInput(f"the views show {seen} points of the object, needed are {settings.points}")
    if len(views) > 1:
        return joined(clouds), "seen"
    grid = RangeGrid(views[0], spacing=settings.pixel)
    mirrors = find_mirrors(clouds[0].points, grid, settings.symmetry)
    if not mirrors:
        return joined(clouds), "unknown"
    back = guess_back(clouds[0], grid, mirrors)
    plural = "s" if len(mirrors) > 1 else ""
    return joined([*clouds, back]), f"guessed by {len(mirrors)} mirror{plural}"
