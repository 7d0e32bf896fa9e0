"""Grasps sorted by what was predicted of them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ddg_core.arrays import Array
from ddg_core.grasp import Grasp


def ranked(grasps: Sequence[Grasp], p: Array, std: Array, model: str) -> list[Grasp]:
    """The same grasps, the best first.

    Args:
        grasps: N of them.
        p: Predicted success, shape (N,), in (0, 1).
        std: Its standard deviation, shape (N,).
        model: Hash of what predicted it.
    """
    judged = [
        replace(
            grasp,
            p_success=float(p[i]),
            p_std=float(std[i]),
            score=float(np.log(p[i] / (1.0 - p[i]))),
            models=(*grasp.models, ("evaluate", model[:16])),
        )
        for i, grasp in enumerate(grasps)
    ]
    return [judged[i] for i in np.argsort(-p, kind="stable")]
