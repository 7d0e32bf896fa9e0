"""What was done is recorded with what is needed to do it again: one JSON file per trial."""

import json
import math
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from ddg_core.errors import BadInput, Failed
from ddg_core.outcome import Outcome
from ddg_core.settings import parse, to_tree


@dataclass(frozen=True)
class ExecutedGrasp:
    """The grasp that was executed, as plain numbers.

    Attributes:
        hand: Name of the hand.
        kind: Demonstrated grasp that it was transferred from.
        T_base_wrist: Wrist pose per waypoint, K 4x4 matrices row by row, in [m].
        joints: Driven finger joints per waypoint, K rows of D, in [rad].
        log_likelihood: Generative score.
        score: What the ranking sorted by.
        p_success: Predicted success probability; None if nobody judged it.
    """

    hand: str
    kind: str
    T_base_wrist: tuple[tuple[tuple[float, ...], ...], ...]
    joints: tuple[tuple[float, ...], ...]
    log_likelihood: float
    score: float
    p_success: float | None = None


@dataclass(frozen=True)
class TrialRecord:
    """One trial and what made it.

    Attributes:
        trial: Id of the trial; names its file and its bag.
        time: When it began, UTC, ISO 8601.
        commit: Git commit of the program, with a + if the tree was dirty; "" outside of git.
        version: Version of the program.
        object: What stood on the table.
        seed: Seed of the planner; -1 if it drew its own.
        settings: All settings files as plain dicts, by path in `config/`.
        models: Content hash of the models, by role.
        outcome: How it ended.
        message: One sentence for people.
        timings_s: Wall time per stage, in [s], in the order of work.
        candidates: How many grasps the planner returned.
        tried: How many of them were tried for a path.
        grasp: The executed one; None if none was.
        judged: The numbers that the judge looked at, e.g. "height" in [m].
        judged_as: What the judge said, e.g. HELD, also where the trial ended otherwise after the
            hold; "" if nobody was asked or knew.
        judged_by: Who judged, e.g. "ground_truth" or "operator"; "" if nobody was asked.
        bag: Path of the rosbag beside the record; "" if there is none.
    """

    trial: str
    time: str
    commit: str
    version: str
    object: str
    seed: int
    settings: dict[str, Any]
    models: dict[str, str]
    outcome: Outcome
    message: str
    timings_s: dict[str, float]
    candidates: int = 0
    tried: int = 0
    grasp: ExecutedGrasp | None = None
    judged: dict[str, float] = field(default_factory=dict)
    judged_as: str = ""
    judged_by: str = ""
    bag: str = ""


def trial_id(now: datetime, object_name: str, seed: int) -> str:
    """Name a trial by time, object and seed, fit for a file name on any system."""
    name = re.sub(r"[^A-Za-z0-9_]+", "-", Path(object_name).stem).strip("-") or "object"
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%S.%f}"[:-3] + f"Z_{name}_{seed}"


def git_commit(folder: Path) -> str:
    """Commit of the git tree around `folder`, with a + if it has changes; "" if there is none."""
    command = ["git", "-C", str(folder), "describe", "--always", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(
            [*command, "--dirty=+"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def version() -> str:
    """Version of the installed program; "source" where it runs from an uninstalled tree."""
    try:
        return metadata.version("ddg_core")
    except metadata.PackageNotFoundError:
        return "source"


def all_settings(folder: Path) -> dict[str, Any]:
    """Contents of every settings file under `folder`, by its path there."""
    paths = sorted(folder.rglob("*.yaml"))
    return {
        path.relative_to(folder).as_posix(): yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in paths
    }


def write_record(folder: Path, record: TrialRecord) -> Path:
    """Write `<folder>/<trial>.json`, whole or not at all, and return its path.

    Raises:
        Failed: INTERNAL, with what the system said, e.g. "No space left on device".
    """
    path = folder / f"{record.trial}.json"
    text = json.dumps(_plain(to_tree(record)), indent=1, allow_nan=False) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix=".", suffix=".partial")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)  # mkstemp lets nobody else read
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _sync_folder(folder)
    except OSError as error:
        raise Failed(Outcome.INTERNAL, f"no record in {folder}: {error.strerror}") from error
    return path


def read_record(path: Path) -> TrialRecord:
    """Read a record back; BadInput if it is none."""
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
        tree["outcome"] = Outcome(tree["outcome"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path}: not a trial record ({error})") from error
    return parse(tree, TrialRecord, path.name)


def _plain(tree: Any) -> Any:
    """Return the tree with NaN and infinity as null, which JSON has no words for."""
    if isinstance(tree, dict):
        return {key: _plain(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_plain(value) for value in tree]
    return None if isinstance(tree, float) and not math.isfinite(tree) else tree


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
