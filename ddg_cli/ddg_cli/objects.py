"""Objects as the user names them."""

from pathlib import Path


def resolve(name: str) -> str:
    """Return the name by which the twin knows an object: of the catalogue, or an absolute path.

    Args:
        name: A catalogue name ("mug_003"), a kind ("mug"), a mesh file, or an object folder.

    Raises:
        BadInput: There is no such thing, or the mesh is none; the message names what there is.
    """
    from ddg_sim.objects.load import load_object, read_mesh

    path = Path(name).expanduser()
    if path.is_file():
        read_mesh(path)  # cutting it into convex parts is left to the twin
    elif path.is_dir():
        load_object(str(path))
    else:
        return load_object(name).name
    return str(path.resolve())


def resolve_all(text: str) -> list[str]:
    """Resolve names between commas; a folder that holds objects stands for all of them."""
    from ddg_sim.objects.load import objects_in

    found: list[str] = []
    for part in text.split(","):
        path = Path(part.strip()).expanduser()
        several = path.is_dir() and not (path / "visual.ply").is_file()
        found.extend(map(resolve, objects_in(path) if several else [part.strip()]))
    return found


def names() -> list[str]:
    """All names of the catalogue, the easy ones first."""
    from ddg_sim.objects.catalogue import catalogue

    return list(catalogue())


def listing() -> str:
    """One object per line: name, whether it is among the easy ones, split."""
    from ddg_sim.objects.catalogue import FAMILIES, kind_of, split

    easy = list(FAMILIES)[: len(FAMILIES) // 2]
    return "\n".join(
        f"{name:<16} {'easy' if kind_of(name) in easy else 'hard':<5} {split(name)}"
        for name in names()
    )
