"""A short film of what the twin did, seen from beside the table."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ddg_core.camera import Camera
from ddg_core.errors import BadInput
from ddg_core.transforms import look_at
from ddg_sim.twin.record import Recording
from ddg_sim.twin.render import Painter, Picture

FINER = 4 / 3
SMOOTH = Image.Resampling.LANCZOS


@dataclass(frozen=True)
class FilmSettings:
    """How a film looks and how long it is.

    Attributes:
        width, height: Of a picture, in pixels.
        eye, target: Where the camera is and looks at, in the base frame, in [m].
        fov: Vertical field of view, in [rad].
        frames_per_second: Of the film.
        speed: Simulated seconds per second of film; raised where `most_frames` asks for it.
        most_frames: A longer film is played faster instead.
        shadow: Size of the shadow map, in pixels.
        most_bytes: A larger file is made smaller by fewer pixels.
    """

    width: int = 480
    height: int = 360
    eye: tuple[float, float, float] = (1.65, -1.05, 0.85)
    target: tuple[float, float, float] = (0.34, 0.0, 0.42)
    fov: float = 0.62
    frames_per_second: float = 10.0
    speed: float = 2.0
    most_frames: int = 90
    shadow: int = 1024
    most_bytes: int = 5_000_000

    @property
    def camera(self) -> Camera:
        """Pinhole camera that draws: a third finer than the pictures, which smooths their edges."""
        width, height = round(self.width * FINER), round(self.height * FINER)
        f = height / 2 / float(np.tan(self.fov / 2))
        return Camera(width, height, f, f, width / 2 - 0.5, height / 2 - 0.5)


def pictures(recording: Recording, settings: FilmSettings) -> list[Picture]:
    """Draw the recording at the film's rate; pictures have the size of `settings.camera`."""
    first, last = float(recording.times[0]), float(recording.times[-1])
    count = round((last - first) / settings.speed * settings.frames_per_second) + 1
    wanted = np.linspace(first, last, min(count, settings.most_frames))
    chosen = np.searchsorted(recording.times, wanted).clip(max=len(recording.times) - 1)
    return _draw(recording, chosen.tolist(), settings)


def write_gif(film: Sequence[Picture], path: Path, settings: FilmSettings) -> Path:
    """Write pictures (H, W, 3) of any size as a GIF that repeats; return its path.

    Raises:
        BadInput: There is no picture.
    """
    if not film:
        raise BadInput(f"{path}: a film needs a picture")
    size = settings.width, settings.height
    while True:
        _encode([Image.fromarray(p).resize(size, SMOOTH) for p in film], path, settings)
        if path.stat().st_size <= settings.most_bytes or min(size) < 120:
            return path
        size = size[0] * 3 // 4, size[1] * 3 // 4


def write_film(recording: Recording, path: Path, settings: FilmSettings) -> Path:
    """Draw a recording and write it as a GIF; return its path."""
    return write_gif(pictures(recording, settings), path, settings)


def write_picture(recording: Recording, path: Path, settings: FilmSettings) -> Path:
    """Draw the last state of a recording and write it as an image; return the path."""
    drawn = Image.fromarray(_draw(recording, [-1], settings)[0])
    drawn.resize((settings.width, settings.height), SMOOTH).save(path)
    return path


def _draw(recording: Recording, chosen: Sequence[int], settings: FilmSettings) -> list[Picture]:
    """Draw the chosen states."""
    view = look_at(settings.eye, settings.target)
    painter = Painter(recording.model, settings.camera, view, shadow=settings.shadow)
    drawn = []
    try:
        for index in chosen:
            painter.show(recording.qpos[index])
            drawn.append(painter.color())
    finally:
        painter.close()
    return drawn


def _encode(images: Sequence[Image.Image], path: Path, settings: FilmSettings) -> None:
    # One palette, no dithering: what does not move stays the same, and costs no bytes.
    palette = images[len(images) // 2].quantize(256, Image.Quantize.FASTOCTREE)
    flat = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    duration = round(1000.0 / settings.frames_per_second)
    flat[0].save(path, "GIF", save_all=True, append_images=flat[1:], duration=duration, loop=0)
