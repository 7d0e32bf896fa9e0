"""Which points are the robot itself, told from its joint state and its link shapes."""

from collections.abc import Sequence

import numpy as np

from ddg_core.arrays import Array, BoolArray
from ddg_core.kinematics import KinematicTree
from ddg_core.shapes import Shape
from ddg_core.transforms import apply, inverse

PosedShape = tuple[Array, Shape]  # T_base_link (4, 4) and a primitive in the frame of that link


def posed_shapes(
    tree: KinematicTree, joint_names: Sequence[str], values: Array, T_base_root: Array
) -> list[PosedShape]:
    """Place all link primitives of a robot in the base frame.

    Args:
        tree: The robot.
        joint_names: D driven joints; others are taken to be at 0.
        values: Their values, shape (D,), in [rad].
        T_base_root: Pose of the tree's root link, shape (4, 4).
    """
    T_base_link = T_base_root @ tree.forward(joint_names, values)
    return [
        (T, shape)
        for T, link in zip(T_base_link, tree.link_names, strict=True)
        for shape in tree.shapes[link]
    ]


def on_robot(points: Array, robot: Sequence[PosedShape], margin: float) -> BoolArray:
    """Say which points (N, 3) in the base frame are within `margin` [m] of the robot: (N,)."""
    hit = np.zeros(len(points), bool)
    if len(points) == 0:
        return hit
    low, high = points.min(axis=0), points.max(axis=0)
    for T_base_link, shape in robot:
        bounds = shape.bounds()
        centre = apply(T_base_link, bounds.mean(axis=0)[None])[0]
        reach = np.linalg.norm(bounds[1] - bounds[0]) / 2 + margin
        if (centre + reach < low).any() or (centre - reach > high).any():
            continue
        near = np.flatnonzero(((points - centre) ** 2).sum(axis=1) < reach**2)
        local = apply(inverse(T_base_link), points[near])
        hit[near[shape.signed_distance(local) < margin]] = True
    return hit
