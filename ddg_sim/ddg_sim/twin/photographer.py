"""Takes pictures of a world that moves: newest state first, nothing drawn twice."""

from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np

from ddg_core.arrays import Array
from ddg_core.camera import Camera
from ddg_sim.sensor import NoiseStore, Pattern, SensorSettings, measure, project_pattern
from ddg_sim.twin.render import DepthMap, Painter, Picture
from ddg_sim.twin.settings import EyeSettings

STILL = 1e-5  # a state that differs by less looks the same


@dataclass(frozen=True, eq=False)
class WorldState:
    """A moment of the world: time [s], path of its compiled model, positions (nq,)."""

    time: float
    model: Path
    qpos: Array


class Photographer:
    """Draws states as one camera; owns an OpenGL context, so use it in one thread."""

    def __init__(
        self,
        camera: Camera,
        frame: str,
        settings: EyeSettings,
        sensor: SensorSettings,
        *,
        rng: np.random.Generator,
    ) -> None:
        """Prepare to look from the camera that the worlds call `frame`."""
        self._camera, self._frame = camera, frame
        self._settings, self._sensor = settings, sensor
        self._noise = NoiseStore(camera, sensor, rng=rng)
        self._painter: Painter | None = None
        self._model: Path | None = None
        self._shown: Array | None = None
        self._depth: DepthMap | None = None
        self._pattern: Pattern | None = None
        self._color: Picture | None = None

    def depth(self, state: WorldState) -> DepthMap:
        """Depth (z) as the sensor measures it, shape (H, W), in [m]; NaN for no reading."""
        painter = self._show(state)
        if self._depth is None or self._pattern is None:
            self._depth = painter.depth()
            self._pattern = project_pattern(self._depth, self._camera, self._sensor)
        if not self._settings.noise:
            return self._depth
        return measure(self._pattern, self._sensor, self._noise.piece())

    def color(self, state: WorldState) -> Picture:
        """Colour image, shape (H, W, 3), RGB."""
        painter = self._show(state)
        if self._color is None:
            self._color = painter.color()
        return self._color

    def close(self) -> None:
        """Free the context."""
        if self._painter is not None:
            self._painter.close()
        self._painter = None

    def _show(self, state: WorldState) -> Painter:
        """Put the painter into a state; what is drawn already is kept if nothing moved."""
        if self._painter is None or state.model != self._model:
            self.close()
            model = mujoco.MjModel.from_binary_path(str(state.model))
            shadow = self._settings.shadow
            self._painter = Painter(model, self._camera, self._frame, shadow=shadow)
            self._model, self._shown = state.model, None
        if self._shown is None or np.abs(state.qpos - self._shown).max() > STILL:
            self._painter.show(state.qpos)
            self._shown, self._depth, self._color = state.qpos, None, None
        return self._painter
