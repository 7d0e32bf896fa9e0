"""Program: `python -m ddg_sim.objects.coacd_process MESH.npz PARTS.npz THRESHOLD MAX_PARTS`.

CoACD exports its own C++ run-time, which crashes other libraries of the same process; so nothing
imports this module.
"""

import sys

import coacd  # type: ignore[import-untyped]
import numpy as np


def main(source: str, result: str, threshold: str, max_parts: str) -> None:
    """Cut the mesh in `source` and write the vertices of its parts to `result`."""
    with np.load(source) as stored:
        mesh = coacd.Mesh(stored["vertices"], stored["faces"])
    coacd.set_log_level("error")
    parts = coacd.run_coacd(
        mesh,
        threshold=float(threshold),
        max_convex_hull=int(max_parts),
        preprocess_resolution=30,
        mcts_iterations=60,
        mcts_nodes=10,
        mcts_max_depth=2,
        seed=0,
    )
    np.savez(result, *[np.asarray(vertices, float) for vertices, _ in parts])


if __name__ == "__main__":
    main(*sys.argv[1:])
