"""The states that the twin went through, kept in files beside the model, for films."""

from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np

from ddg_core.arrays import Array, frozen_array
from ddg_core.errors import BadInput

KEPT_WORLDS = 3  # a camera may still be loading the last one, a film may still want it


@dataclass(frozen=True, eq=False)
class Recording:
    """What one world did.

    Attributes:
        model: The compiled model.
        times: Simulated time per state, shape (N,), in [s].
        qpos: MuJoCo's generalised positions, shape (N, nq).
    """

    model: mujoco.MjModel
    times: Array
    qpos: Array

    def __post_init__(self) -> None:
        """Check and freeze the arrays."""
        times = frozen_array("Recording.times", self.times, None)
        object.__setattr__(self, "times", times)
        qpos = frozen_array("Recording.qpos", self.qpos, len(times), self.model.nq)
        object.__setattr__(self, "qpos", qpos)

    def between(self, start: float, end: float) -> "Recording":
        """Cut to the states from time `start` to `end` [s]."""
        inside = (self.times >= start) & (self.times <= end)
        return Recording(self.model, self.times[inside], self.qpos[inside])


class StateLog:
    """Writes each world's model, and states as they come, into a folder.

    `world-<n>.mjb` is MuJoCo's compiled model, `world-<n>.states` rows of float64: time, qpos.
    """

    def __init__(self, folder: Path) -> None:
        """Start with no world; `folder` must exist."""
        self._folder = folder
        self._count = 0
        self._width = 0
        self.path: Path | None = None

    def begin(self, model: mujoco.MjModel) -> Path:
        """Keep a new world; return the path of its model, complete on return."""
        self._count += 1
        path = self._folder / f"world-{self._count}.mjb"
        mujoco.mj_saveModel(model, str(path), None)
        self._width = 1 + model.nq
        path.with_suffix(".states").touch()
        old = self._folder / f"world-{self._count - KEPT_WORLDS}.mjb"
        old.unlink(missing_ok=True)
        old.with_suffix(".states").unlink(missing_ok=True)
        self.path = path
        return path

    def append(self, time: float, qpos: Array) -> None:
        """Keep one state of the world that was begun last."""
        assert self.path is not None, "begin comes first"
        row = np.concatenate([[time], qpos])
        assert len(row) == self._width, "the state is not of the world that was begun last"
        with self.path.with_suffix(".states").open("ab") as file:
            file.write(row.tobytes())


def read_recording(path: Path) -> Recording:
    """Read a world and the states it went through so far.

    Args:
        path: The model, as `StateLog.begin` returned it and the twin announces it.

    Raises:
        BadInput: There is no such world, or no state of it.
    """
    states = path.with_suffix(".states")
    if not path.is_file() or not states.is_file():
        raise BadInput(f"{path}: no such world (the twin keeps the last {KEPT_WORLDS})")
    model = mujoco.MjModel.from_binary_path(str(path))
    raw = np.fromfile(states, dtype=np.float64)
    rows = raw[: len(raw) // (1 + model.nq) * (1 + model.nq)].reshape(-1, 1 + model.nq)
    if not len(rows):
        raise BadInput(f"{states}: no state was kept")
    return Recording(model, rows[:, 0], rows[:, 1:])
