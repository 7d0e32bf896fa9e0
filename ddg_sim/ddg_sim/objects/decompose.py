"""Convex parts of any mesh by CoACD, in a process of its own, cached by content."""

import hashlib
import os
import subprocess
import sys
import tempfile
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np

from ddg_core.arrays import Array
from ddg_core.errors import BadInput, Failed
from ddg_core.outcome import Outcome
from ddg_sim.objects.solids import Mesh, hull


@dataclass(frozen=True)
class DecomposeSettings:
    """How finely a mesh is cut into convex parts.

    Attributes:
        nearly_convex: Meshes that fill at least this share of their hull are one part.
        threshold: CoACD's concavity at which it stops cutting.
        max_parts: Parts are merged down to this many.
        timeout: Longest time that it may take, in [s].
    """

    nearly_convex: float = 0.97
    threshold: float = 0.06
    max_parts: int = 16
    timeout: float = 300.0


def cache_folder() -> Path:
    """Where computed things are kept: `$DDG_CACHE`, else `ddg` in the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("DDG_CACHE") or Path(home) / "ddg")


def decompose(mesh: Mesh, settings: DecomposeSettings) -> tuple[Array, ...]:
    """Convex parts of `mesh` as vertex arrays (*, 3); computed once per content and settings."""
    whole = hull(mesh.vertices)
    if mesh.is_volume and mesh.volume >= settings.nearly_convex * mesh.convex_hull.volume:
        return (whole,)
    content = hashlib.sha256(repr(astuple(settings)).encode())
    content.update(np.ascontiguousarray(mesh.vertices, float).tobytes())
    content.update(np.ascontiguousarray(mesh.faces, np.int64).tobytes())
    path = cache_folder() / "parts" / f"{content.hexdigest()[:32]}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _run_coacd(mesh, path, settings)
    with np.load(path) as stored:
        return tuple(stored[key] for key in stored.files)


def _run_coacd(mesh: Mesh, path: Path, settings: DecomposeSettings) -> None:
    """Run this module as a program (CoACD's library would break others in our process)."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        source, result = Path(folder) / "mesh.npz", Path(folder) / "parts.npz"
        np.savez(source, vertices=mesh.vertices, faces=mesh.faces)
        options = [str(settings.threshold), str(settings.max_parts)]
        command = [
            sys.executable,
            "-m",
            "ddg_sim.objects.coacd_process",
            str(source),
            str(result),
            *options,
        ]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=settings.timeout, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise Failed(
                Outcome.TIMEOUT, f"convex decomposition took longer than {settings.timeout:g} s"
            ) from error
        if done.returncode or not result.exists():
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise BadInput(f"convex decomposition failed: {reason}")
        result.replace(path)
