"""Any object by name or path: the catalogue, a mesh file, or a folder with mesh and parts."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import trimesh
import yaml
from scipy.spatial import QhullError

from ddg_core.arrays import Array
from ddg_core.errors import BadInput, UnknownName
from ddg_sim.objects.assemble import assemble
from ddg_sim.objects.catalogue import draw, full_name
from ddg_sim.objects.decompose import DecomposeSettings, decompose
from ddg_sim.objects.sim_object import SimObject
from ddg_sim.objects.solids import Mesh, hull

SUFFIXES = (".obj", ".ply", ".stl", ".off", ".glb")
_DENSITY, _LEAST_MASS, _MOST_MASS = 400.0, 0.02, 0.5  # of a mesh that comes without a mass
_SMALLEST, _LARGEST = 0.005, 1.0  # sensible sizes of something to grasp, in [m]


@lru_cache(maxsize=512)
def load_object(name: str) -> SimObject:
    """Load an object by catalogue name ("mug_003", "mug"), mesh file, or object folder.

    An object folder holds `visual.ply` and `collision.obj` (convex parts as `o` groups); its mass
    is read from `index.yaml` beside it.

    Raises:
        UnknownName: Neither a catalogue name nor a path that exists.
        BadInput: The file cannot be read, or holds no solid of a sensible size.
    """
    path = Path(name)
    if path.is_dir():
        return _load_folder(path)
    if path.is_file():
        return _load_file(path)
    if path.suffix.lower() in SUFFIXES or "/" in name:
        raise BadInput(f"{name}: no such file")
    try:
        name = full_name(name)
    except UnknownName as error:
        raise BadInput(f"{error}; or give a mesh file ({', '.join(SUFFIXES)})") from error
    draft = draw(name)
    return assemble(name, draft.visual, draft.parts, draft.mass)


def objects_in(folder: Path) -> tuple[str, ...]:
    """Paths of all objects in a directory: object folders and mesh files, sorted.

    Raises:
        BadInput: There is none.
    """
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    found = [
        str(e) for e in entries if (e / "visual.ply").is_file() or e.suffix.lower() in SUFFIXES
    ]
    if not found:
        raise BadInput(f"{folder}: holds no object folder (visual.ply, collision.obj) and no mesh")
    return tuple(found)


def _load_file(path: Path) -> SimObject:
    mesh = read_mesh(path)
    parts = decompose(mesh, DecomposeSettings())
    volume = sum(trimesh.convex.convex_hull(part).volume for part in parts)
    return assemble(
        path.stem, mesh, parts, float(np.clip(_DENSITY * volume, _LEAST_MASS, _MOST_MASS))
    )


def _load_folder(folder: Path) -> SimObject:
    for needed in ("visual.ply", "collision.obj"):
        if not (folder / needed).is_file():
            raise BadInput(f"{folder}: no {needed} in it")
    parts = _read_groups(folder / "collision.obj")
    return assemble(folder.name, read_mesh(folder / "visual.ply"), parts, _mass_of(folder))


def _mass_of(folder: Path) -> float:
    index = folder.parent / "index.yaml"
    try:
        entries = yaml.safe_load(index.read_text(encoding="utf-8")) if index.is_file() else []
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"{index}: not YAML ({' '.join(str(error).split())})") from error
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and entry.get("name") == folder.name:
            mass = entry.get("mass_kg")
            if isinstance(mass, int | float):
                return min(float(mass), _MOST_MASS)
    raise BadInput(f"{index}: no mass_kg for {folder.name!r}")


def read_mesh(path: Path) -> Mesh:
    """Read a mesh file and merge what is in it to one mesh, in [m].

    Raises:
        BadInput: Unreadable, empty, not finite, flat, or of an absurd size (millimetres?).
    """
    if path.suffix.lower() not in SUFFIXES:
        raise BadInput(f"{path}: not a mesh file ({', '.join(SUFFIXES)})")
    try:
        mesh = trimesh.load(path, force="mesh", process=False)
    except Exception as error:  # the readers of five formats raise whatever comes to their mind
        raise BadInput(f"{path}: not readable as {path.suffix[1:]} ({error})") from error
    if not isinstance(mesh, trimesh.Trimesh) or len(mesh.faces) == 0:
        raise BadInput(f"{path}: no triangle in it")
    if not np.isfinite(mesh.vertices).all():
        raise BadInput(f"{path}: vertices are NaN or infinite")
    mesh.merge_vertices()
    size = float(mesh.extents.max())
    if not _SMALLEST <= size <= _LARGEST:
        raise BadInput(
            f"{path}: is {size:.3g} m large; lengths are read as metres"
            f" and must be within {_SMALLEST} and {_LARGEST}"
        )
    spread = np.linalg.svd(mesh.vertices - mesh.vertices.mean(axis=0), compute_uv=False)
    if len(spread) < 3 or spread[2] < 1e-6 or mesh.convex_hull.volume < 1e-9:
        raise BadInput(f"{path}: the mesh is flat, it encloses no volume")
    if mesh.is_watertight and mesh.volume < 0.0:
        mesh.invert()
    return mesh


def _read_groups(path: Path) -> tuple[Array, ...]:
    """Vertices of each `o` group of an OBJ file, as convex parts."""
    vertices: list[list[float]] = []
    groups: list[set[int]] = [set()]
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            key, *values = line.split() or [""]
            if key == "o":
                groups.append(set())
            elif key == "v":
                vertices.append([float(v) for v in values[:3]])
            elif key == "f":
                groups[-1].update(int(v.split("/")[0]) - 1 for v in values)
        points = np.array(vertices)
        parts = tuple(hull(points[sorted(group)]) for group in groups if group)
    except (ValueError, IndexError, UnicodeDecodeError, QhullError) as error:
        reason = (str(error).strip().splitlines() or ["?"])[0]
        raise BadInput(f"{path}: not readable as convex parts ({reason})") from error
    if not parts:
        raise BadInput(f"{path}: no convex part in it")
    return parts
