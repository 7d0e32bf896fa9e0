"""Finds the robot's files, in the source tree or installed, and turns them into trees and hands."""

import importlib.util
import os
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import xacro

from ddg_core.arrays import Array
from ddg_core.cell import CellSettings
from ddg_core.errors import BadInput, UnknownName
from ddg_core.hand import Hand, HandSettings
from ddg_core.kinematics import KinematicTree, read_urdf
from ddg_core.settings import load

SCHEME = "package://"


def package_folder(name: str) -> Path:
    """Folder of a package's shared files.

    Looked for beside this code: in the source tree, then where colcon installed it (merged or
    not), then in the prefixes of a sourced ROS; a Python package with files of its own comes last.

    Raises:
        BadInput: No such package.
    """
    for parent in Path(__file__).resolve().parents:
        for folder in (parent / name, *_shares(parent, name)):
            if (folder / "package.xml").is_file():
                return folder
    for prefix in map(Path, filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(":"))):
        if (prefix / "share" / name / "package.xml").is_file():
            return prefix / "share" / name
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    if spec is not None and spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    raise BadInput(f"package {name!r} is neither in the source tree nor installed")


def _shares(prefix: Path, name: str) -> tuple[Path, Path]:
    """Where colcon installs a package's files: merged, and in a folder of its own."""
    return prefix / "share" / name, prefix / name / "share" / name


def resource(uri: str) -> Path:
    """Path of a file given as `package://<package>/<path>` or as a plain path.

    Raises:
        BadInput: No such package or file.
    """
    if uri.startswith(SCHEME):
        package, _, inside = uri.removeprefix(SCHEME).partition("/")
        path = package_folder(package) / inside
    else:
        path = Path(uri)
    if not path.is_file():
        raise BadInput(f"{uri}: no such file ({path})")
    return path


@cache
def config_folder() -> Path:
    """Folder `config`: at the root of the source tree, or in the share of `ddg_bringup`."""
    for parent in Path(__file__).resolve().parents:
        for folder in (parent, *_shares(parent, "ddg_bringup")):
            if (folder / "config" / "graph.yaml").is_file():
                return folder / "config"
    return package_folder("ddg_bringup") / "config"


@cache
def expand(uri: str, arguments: tuple[tuple[str, str], ...] = ()) -> str:
    """URDF or SRDF text of a xacro (or plain) file, with xacro arguments as (name, value) pairs.

    Raises:
        BadInput: No such file, or xacro refuses it.
    """
    path = resource(uri)
    try:
        document = xacro.process_file(str(path), mappings=dict(arguments))
    except (xacro.XacroException, OSError, SyntaxError) as error:
        raise BadInput(f"{path.name}: xacro: {error}") from error
    return str(document.toprettyxml(indent="  "))


def hand_names() -> tuple[str, ...]:
    """Names of the hands that have a file in `config/hands`."""
    return tuple(sorted(path.stem for path in (config_folder() / "hands").glob("*.yaml")))


@cache
def load_hand(name: str) -> Hand:
    """Hand by the name of its file in `config/hands`.

    Raises:
        UnknownName: No such file.
        BadInput: Its YAML or URDF is wrong.
    """
    if name not in hand_names():
        raise UnknownName("hand", name, hand_names())
    return make_hand(load(config_folder() / "hands" / f"{name}.yaml", HandSettings))


def make_hand(settings: HandSettings) -> Hand:
    """Hand from its settings and the URDF that they name."""
    text = expand(settings.urdf)
    if not settings.fit_meshes:
        return Hand(settings, read_urdf(text))
    folder = resource(settings.urdf).parent
    shaped = {*settings.palm_links, *settings.thumb_links, *settings.finger_links}
    return Hand(settings, read_urdf(text, lambda name: _mesh_points(name, folder), shaped))


@cache
def load_cell(name: str = "twin", hand: str = "", folder: Path | None = None) -> CellSettings:
    """Cell by the name of its file in `config/cells`.

    Args:
        name: Name of the file.
        hand: Hand to mount in place of the cell's own; empty: none.
        folder: Configuration folder; None takes ours.

    Raises:
        UnknownName: No such file.
        BadInput: Its YAML is wrong.
    """
    cells = (folder or config_folder()) / "cells"
    names = sorted(path.stem for path in cells.glob("*.yaml"))
    if name not in names:
        raise UnknownName("cell", name, names)
    cell = load(cells / f"{name}.yaml", CellSettings)
    return replace(cell, hand=hand) if hand else cell


def cell_urdf(cell: CellSettings) -> str:
    """URDF text of the whole cell: arm, adapter, hand, camera, table."""
    return expand(cell.urdf, _arguments(cell))


def cell_srdf(cell: CellSettings) -> str:
    """SRDF text of the cell: groups, allowed collisions, named poses."""
    return expand(cell.srdf, _arguments(cell))


def _arguments(cell: CellSettings) -> tuple[tuple[str, str], ...]:
    camera, image = cell.camera, cell.camera.intrinsics
    given = {
        "hand": cell.hand,
        "home": " ".join(map(str, cell.arm.home)),
        "camera_image": f"{image.width} {image.height} {image.fx} {camera.near} {camera.far}",
        "controllers": str(config_folder() / "gazebo" / "controllers.yaml"),
    }
    return tuple(sorted((given | cell.xacro_args).items()))


def _mesh_points(name: str, folder: Path) -> Array:
    """Vertices (N, 3) of a mesh file, named as in a URDF in `folder`."""
    import trimesh  # takes a second, and only hands with meshes need it

    path = resource(name if name.startswith(SCHEME) else str(folder / name))
    try:
        mesh = trimesh.load_mesh(path)
    except (ValueError, NotImplementedError) as error:
        raise BadInput(f"{path.name}: no mesh that can be read ({error})") from error
    return np.array(mesh.vertices, np.float64)


@cache
def _tree(urdf: str) -> KinematicTree:
    return read_urdf(urdf)


def cell_tree(cell: CellSettings) -> KinematicTree:
    """Kinematic tree of the whole cell; its root is the link `world`."""
    return _tree(cell_urdf(cell))
