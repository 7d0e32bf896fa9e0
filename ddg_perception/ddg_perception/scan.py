"""Clouds that do not say where they were seen from, or were seen from all sides."""

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from ddg_core.arrays import Array

SHARPNESS = 100.0  # radius of the flip in extents of the cloud; larger: more points count as seen


def seen_from(points: Array, viewpoint: Array) -> Array:
    """Points (M, 3) of a cloud (N, 3) that are not hidden by others from a viewpoint (3,), all [m].

    Katz et al., "Direct Visibility of Point Sets" (2007): points are flipped over a sphere around
    the viewpoint; those on the convex hull of the result are seen.
    """
    relative = points - viewpoint
    distance = np.linalg.norm(relative, axis=1, keepdims=True)
    radius = SHARPNESS * float(distance.max())
    flipped = relative + 2.0 * (radius - distance) * relative / distance
    try:
        hull = ConvexHull(np.vstack([flipped, np.zeros(3)]))
    except (QhullError, ValueError):
        return points  # too few or too flat to hide anything
    seen: Array = points[np.sort(hull.vertices[hull.vertices < len(points)])]
    return seen


def likely_viewpoint(points: Array, distance: float = 0.7) -> Array:
    """Where the camera that saw these points (N, 3) most likely was, or else might have been, (3,).

    Of places around and above, `distance` [m] away, the one that sees the most of the points. A
    scan from all sides looks alike from everywhere; it is then looked at from that place.
    """
    azimuth = np.arange(12) * np.pi / 6
    ring = np.stack([np.cos(azimuth), np.sin(azimuth), np.ones(12)], axis=1) / np.sqrt(2.0)
    places = points.mean(axis=0) + distance * np.vstack([ring, [[0.02, 0.0, 1.0]]])
    seen = [len(seen_from(points, place)) for place in places]
    best: Array = places[int(np.argmax(seen))]
    return best
