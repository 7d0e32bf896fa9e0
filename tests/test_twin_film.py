"""What the twin went through can be read back and filmed, without a display, by any process."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from ddg_core.description import load_cell, load_hand
from ddg_core.errors import BadInput
from ddg_sim.film import FilmSettings, write_film, write_picture
from ddg_sim.twin.record import KEPT_WORLDS, Recording, StateLog, read_recording
from ddg_sim.twin.settings import TwinSettings
from ddg_sim.twin.twin import Twin


@pytest.fixture(scope="module")
def twin() -> Twin:
    cell = load_cell()
    return Twin(cell, load_hand(cell.hand), TwinSettings())


def test_states_survive_the_files(twin, tmp_path):
    log = StateLog(tmp_path)
    path = log.begin(twin.world.model)
    rows = np.random.default_rng(0).uniform(size=(5, twin.world.model.nq))
    for i, qpos in enumerate(rows):
        log.append(0.1 * i, qpos)
    recording = read_recording(path)
    np.testing.assert_array_equal(recording.qpos, rows)
    np.testing.assert_allclose(recording.between(0.05, 0.25).times, [0.1, 0.2])
    with path.with_suffix(".states").open("ab") as file:
        file.write(b"half a row")  # the twin is writing, or was killed
    assert len(read_recording(path).times) == 5


def test_old_worlds_make_room_and_a_lost_one_is_named(twin, tmp_path):
    log = StateLog(tmp_path)
    paths = [log.begin(twin.world.model) for _ in range(KEPT_WORLDS + 2)]
    assert len(list(tmp_path.glob("*.mjb"))) == KEPT_WORLDS
    with pytest.raises(BadInput, match="no such world"):
        read_recording(paths[0])
    with pytest.raises(BadInput, match="no state"):
        read_recording(paths[-1])


def test_a_film_moves_plays_at_its_speed_and_stays_small(twin, tmp_path):
    times = np.arange(0.0, 4.01, 0.1)
    qpos = np.tile(twin.data.qpos, (len(times), 1))
    qpos[:, twin.world.qpos(["A1"])[0]] = np.linspace(-0.5, 0.5, len(times))
    settings = FilmSettings(width=160, height=120, frames_per_second=5.0, speed=4.0)
    path = write_film(Recording(twin.world.model, times, qpos), tmp_path / "film.gif", settings)
    with Image.open(path) as film:
        assert film.n_frames == 6  # 4 s at 4 times the speed, first and last included
        assert film.info["duration"] == 200
        first = np.asarray(film.convert("RGB"), int)
        film.seek(5)
        assert np.abs(np.asarray(film.convert("RGB"), int) - first).max() > 50
    assert path.stat().st_size < 200_000


def test_a_film_that_is_too_large_gets_fewer_pixels(twin, tmp_path):
    recording = Recording(twin.world.model, [0.0, 1.0], np.tile(twin.data.qpos, (2, 1)))
    settings = FilmSettings(width=320, height=240, most_bytes=6_000)
    path = write_film(recording, tmp_path / "film.gif", settings)
    assert path.stat().st_size <= 6_000
    with Image.open(path) as film:
        assert film.width < 320


def test_drawing_needs_no_environment_even_if_mujoco_was_imported_before(twin, tmp_path):
    log = StateLog(tmp_path)
    path = log.begin(twin.world.model)
    log.append(0.0, twin.data.qpos)
    code = f"""
import mujoco
from pathlib import Path
from ddg_sim.film import FilmSettings, write_picture
from ddg_sim.twin.record import read_recording
write_picture(read_recording(Path({str(path)!r})), Path({str(tmp_path)!r}) / "cell.png",
              FilmSettings(width=64, height=48))
"""
    environment = {k: v for k, v in os.environ.items() if k not in ("MUJOCO_GL", "DISPLAY")}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)
    assert np.asarray(Image.open(tmp_path / "cell.png")).std() > 5.0


def test_a_picture_shows_the_last_state(twin, tmp_path):
    qpos = np.tile(twin.data.qpos, (2, 1))
    qpos[1, twin.world.qpos(["A1"])[0]] = 1.0
    settings = FilmSettings(width=64, height=48)
    model = twin.world.model
    write_picture(Recording(model, [0.0, 1.0], qpos), tmp_path / "a.png", settings)
    write_picture(Recording(model, [0.0], qpos[1:]), tmp_path / "b.png", settings)
    a, b = (np.asarray(Image.open(tmp_path / name)) for name in ("a.png", "b.png"))
    np.testing.assert_array_equal(a, b)
