"""What a pinhole camera sees of a MuJoCo world: metric depth and colour, off screen."""

import mujoco
import numpy as np
from numpy.typing import NDArray

from ddg_core.arrays import Array
from ddg_core.camera import Camera
from ddg_core.transforms import compose
from ddg_sim.gl import use_offscreen_gl
from ddg_sim.model.build import OPTICAL

DepthMap = NDArray[np.float32]
Picture = NDArray[np.uint8]


class Painter:
    """Draws one model as one camera sees it.

    It owns an OpenGL context, so it must be made, used and closed in one thread. {base} is the
    world of the model.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        camera: Camera,
        seen_from: Array | str,
        *,
        samples: int = 0,
        shadow: int = 1024,
    ) -> None:
        """Open the context.

        Args:
            model: What to draw; its rendering quality is set, nothing else.
            camera: Intrinsics, which are also the size of the images.
            seen_from: Pose `T_base_camera` of the optical frame (x right, y down, z forward), shape
                (4, 4), or the name of a camera of the model, which moves with what carries it.
            samples: Samples per pixel; more than 0 smooths edges, and costs in proportion.
            shadow: Size of the shadow map, in pixels; 0 draws no shadows.

        Raises:
            NoOffscreenGl: Nothing to draw with is installed.
        """
        use_offscreen_gl()
        quality = model.vis.quality
        quality.offsamples, quality.shadowsize = samples, shadow
        model.vis.global_.offwidth = max(model.vis.global_.offwidth, camera.width)
        model.vis.global_.offheight = max(model.vis.global_.offheight, camera.height)
        self._camera = camera
        self.seen_from = seen_from
        self._model = model
        self._data = mujoco.MjData(model)
        self._renderer = mujoco.Renderer(model, camera.height, camera.width)
        self._renderer.scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = shadow > 0
        self.show(self._data.qpos)

    def show(self, qpos: Array) -> None:
        """Put the world into a state; shape (nq,)."""
        self._data.qpos[:] = qpos
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_camlight(self._model, self._data)
        self._renderer.update_scene(self._data)
        self._aim()

    def depth(self) -> DepthMap:
        """Depth (z) per pixel, shape (H, W), in [m]; NaN where there is nothing."""
        self._renderer.enable_depth_rendering()
        depth: DepthMap = self._renderer.render()
        far = self._model.vis.map.zfar * self._model.stat.extent
        depth[depth > 0.99 * far] = np.nan
        return depth

    def color(self) -> Picture:
        """Colour per pixel, shape (H, W, 3), RGB."""
        self._renderer.disable_depth_rendering()
        picture: Picture = self._renderer.render()
        return picture

    def close(self) -> None:
        """Free the context."""
        self._renderer.close()

    def _aim(self) -> None:
        """Give the scene the pose and the exact frustum of the camera."""
        camera, T = self._camera, self._T_base_camera()
        for eye in self._renderer.scene.camera:
            near = eye.frustum_near
            eye.pos, eye.forward, eye.up = T[:3, 3], T[:3, 2], -T[:3, 1]
            # The centre of pixel (0, 0) is at (0, 0): the image begins half a pixel before.
            eye.frustum_top = near * (camera.cy + 0.5) / camera.fy
            eye.frustum_bottom = near * (camera.cy + 0.5 - camera.height) / camera.fy
            eye.frustum_center = near * (camera.width / 2 - 0.5 - camera.cx) / camera.fx
            eye.frustum_width = near * camera.width / 2 / camera.fx

    def _T_base_camera(self) -> Array:
        """Pose (4, 4) of the optical frame in the state that is shown."""
        if not isinstance(self.seen_from, str):
            return self.seen_from
        eye = self._data.camera(self.seen_from)
        return compose(eye.xmat.reshape(3, 3) @ OPTICAL, eye.xpos)
