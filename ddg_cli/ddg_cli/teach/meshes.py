"""Triangles of a hand's links, for those who draw them."""

from typing import Any

import numpy as np
import trimesh

from ddg_core.hand import Hand
from ddg_core.shapes import Box, Capsule, Shape


def link_meshes(hand: Hand) -> tuple[Any, ...]:
    """One `trimesh.Trimesh` per link in its frame, in [m], in the order of `hand.link_names`."""
    return tuple(
        trimesh.util.concatenate([_mesh(s) for at, s in hand.surfaces if at == index])
        for index in range(len(hand.link_names))
    )


def _mesh(shape: Shape) -> Any:
    if isinstance(shape, Box):
        return trimesh.creation.box(2.0 * shape.half, shape.T_link_box)
    if isinstance(shape, Capsule):
        ball = shape.radius * trimesh.creation.icosphere(subdivisions=2).vertices
        return trimesh.convex.convex_hull(np.concatenate([ball + shape.a, ball + shape.b]))
    raise TypeError(f"no triangles for a {type(shape).__name__}")
