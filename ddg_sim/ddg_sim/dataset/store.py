"""A data set is a folder: `dataset.json`, shards of scenes, and what is not in a shard yet."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ddg_core.errors import BadInput, Failed
from ddg_core.outcome import Outcome
from ddg_core.settings import parse, to_tree
from ddg_sim.dataset.codec import SCENE, Row, content_of, decode
from ddg_sim.objects.catalogue import split
from ddg_sim.rollout.rollout import RolloutSettings, SceneRecord

VERSION = 1
HEADER, INDEX, PARTS = "dataset.json", "index.json", "parts"
SHARD = 64  # scenes per shard
LIBRARIES = ("mujoco", "numpy", "scipy", "trimesh", "pyarrow")


@dataclass(frozen=True)
class Header:
    """What a data set was made with.

    Attributes:
        version: Of the format.
        proposer: Name and arguments of what proposed the grasps.
        settings: The full settings of the rollouts.
        software: Versions of the libraries that shape the labels.
        sources: Hash of our simulator's sources, to tell; other sources may go on with a data set.
    """

    version: int
    proposer: str
    settings: RolloutSettings
    software: dict[str, str]
    sources: str = field(default="", compare=False)


class Dataset:
    """An open data set; scenes are known by their seeds."""

    def __init__(self, folder: Path) -> None:
        """Open a data set.

        Raises:
            BadInput: None there, or of another version.
        """
        self.folder = folder
        try:
            tree = json.loads((folder / HEADER).read_text(encoding="utf-8"))
        except OSError as error:
            raise BadInput(f"{folder}: is no data set ({HEADER}: {error.strerror})") from error
        except json.JSONDecodeError as error:
            raise BadInput(f"{folder / HEADER}: not JSON ({error})") from error
        if tree.get("version") != VERSION:
            raise BadInput(
                f"{folder}: data set of version {tree.get('version')}; this program reads {VERSION}"
            )
        self.header: Header = parse(tree, Header, str(folder / HEADER))

    @classmethod
    def create(cls, folder: Path, proposer: str, settings: RolloutSettings) -> "Dataset":
        """Make a data set, or open the one that is there if it was made with the same settings.

        Raises:
            BadInput: There is one with other settings, or something else.
        """
        software = {name: metadata.version(name) for name in LIBRARIES}
        header = Header(VERSION, proposer, settings, software, _sources())
        if (folder / HEADER).exists():
            there = cls(folder)
            if there.header != header:
                raise BadInput(f"{folder}: holds a data set made with other settings or software")
            return there
        return cls.begin(folder, header)

    @classmethod
    def begin(cls, folder: Path, header: Header) -> "Dataset":
        """Make an empty data set.

        Raises:
            BadInput: Something is there.
        """
        if folder.exists() and any(folder.iterdir()):
            raise BadInput(f"{folder}: is not empty and no data set to go on with")
        (folder / PARTS).mkdir(parents=True, exist_ok=True)
        _write(folder / HEADER, json.dumps(to_tree(header), indent=1).encode())
        return cls(folder)

    def seeds(self) -> set[int]:
        """Seeds of all scenes in it."""
        return set(self._column("seed"))

    def add(self, row: Row) -> None:
        """Write one scene, whole or not at all.

        Raises:
            Failed: The disk is full; what is in the data set stays readable.
        """
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist([row], SCENE), sink, compression="zstd")
        path = self.folder / PARTS / f"{row['seed']:09d}.parquet"
        path.parent.mkdir(exist_ok=True)
        _write(path, sink.getvalue().to_pybytes())

    def finish(self) -> str:
        """Gather loose scenes into shards, write the index, and return the content hash."""
        loose = self._loose()
        for start in range(0, len(loose), SHARD):
            group = loose[start : start + SHARD]
            table = pa.concat_tables(pq.read_table(path, schema=SCENE) for path in group)
            sink = pa.BufferOutputStream()
            pq.write_table(table, sink, compression="zstd")
            name = f"scenes-{group[0].stem}-{group[-1].stem}.parquet"
            _write(self.folder / name, sink.getvalue().to_pybytes())
        for path in (self.folder / PARTS).glob("*"):
            path.unlink()  # all in shards now; or half written when a run was killed
        digest = self.content()
        index = {"hash": digest, "shards": [self._shard(path) for path in self._shards()]}
        _write(self.folder / INDEX, json.dumps(index, indent=1).encode())
        return digest

    def content(self) -> str:
        """Hash over all scenes in the order of their seeds, however they are stored."""
        pairs = sorted(zip(self._column("seed"), self._column("content"), strict=True))
        return hashlib.sha256(repr(pairs).encode()).hexdigest()

    def rows(self, columns: list[str] | None = None) -> Iterator[Row]:
        """All scenes as plain rows, shard by shard."""
        for path in [*self._shards(), *self._loose()]:
            yield from _read(path, columns)

    def records(self, seeds: Container[int]) -> Iterator[SceneRecord]:
        """The scenes of these seeds as records."""
        settings = self.header.settings
        for row in self.rows():
            if row["seed"] in seeds:
                yield decode(row, hand=settings.hand, camera=settings.view.camera)

    def check(self) -> None:
        """Read everything, and compare it with the hashes that were taken when it was written.

        Raises:
            BadInput: A shard or a scene is not what was written.
        """
        index = self.folder / INDEX
        shards = json.loads(index.read_text(encoding="utf-8"))["shards"] if index.exists() else []
        for shard in shards:
            path = self.folder / shard["file"]
            if not path.exists() or _hash(path) != shard["sha256"]:
                raise BadInput(f"{path}: is not the shard that was written")
        for row in self.rows():
            if content_of(row) != row["content"]:
                raise BadInput(f"{self.folder}: scene {row['seed']} is not what was written")

    def grasps(self) -> list[Row]:
        """All grasps as flat rows, with seed and object of their scene."""
        return [
            {"seed": row["seed"], "object": row["object"], **grasp}
            for row in self.rows(["seed", "object", "grasps"])
            for grasp in row["grasps"]
        ]

    def _shards(self) -> list[Path]:
        return sorted(self.folder.glob("scenes-*.parquet"))

    def _loose(self) -> list[Path]:
        """Scenes in no shard yet; a run killed while it made a shard leaves some in both."""
        paths = sorted((self.folder / PARTS).glob("*.parquet"))
        if not paths:
            return []
        sharded = {row["seed"] for shard in self._shards() for row in _read(shard, ["seed"])}
        return [path for path in paths if int(path.stem) not in sharded]

    def _column(self, name: str) -> list[Any]:
        return [row[name] for row in self.rows([name])]

    @staticmethod
    def _shard(path: Path) -> dict[str, Any]:
        return {
            "file": path.name,
            "scenes": pq.read_metadata(path).num_rows,
            "sha256": _hash(path),
        }


def merge(sources: Iterable[Path], target: Path) -> Dataset:
    """Join data sets of the same settings to a new one.

    Raises:
        BadInput: They differ in settings or software, or share seeds, or the target is there.
    """
    opened = [Dataset(path) for path in sources]
    result = Dataset.begin(target, opened[0].header)
    seen: set[int] = set()
    for dataset in opened:
        if dataset.header != result.header:
            raise BadInput(f"{dataset.folder}: made with other settings or software")
        if common := seen & dataset.seeds():
            raise BadInput(f"{dataset.folder}: seed {min(common)} is in two of the data sets")
        seen |= dataset.seeds()
    for dataset in opened:
        for row in dataset.rows():
            result.add(row)
    result.finish()
    return result


def part(dataset: Dataset, target: Path) -> dict[str, int]:
    """Copy the scenes into one data set per split of their objects; return scenes per split.

    Raises:
        BadInput: One of them is there.
    """
    found: dict[str, Dataset] = {}
    for row in dataset.rows():
        name = split(row["object"])
        if name not in found:
            found[name] = Dataset.begin(target / name, dataset.header)
        found[name].add(row)
    for result in found.values():
        result.finish()
    return {name: len(result.seeds()) for name, result in sorted(found.items())}


def _read(path: Path, columns: list[str] | None) -> list[Row]:
    try:
        rows: list[Row] = pq.read_table(path, columns=columns).to_pylist()
    except (pa.ArrowInvalid, OSError) as error:
        raise BadInput(f"{path}: damaged ({error})") from error
    return rows


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _sources() -> str:
    """Hash of the sources of this package."""
    root, digest = Path(__file__).parents[1], hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _write(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            try:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                Path(file.name).unlink(missing_ok=True)
                raise
        Path(file.name).replace(path)
    except OSError as error:
        free = shutil.disk_usage(path.parent).free // 2**20 if path.parent.exists() else 0
        message = f"{path}: cannot be written ({error.strerror}, {free} MiB free)"
        raise Failed(Outcome.INTERNAL, message) from error
