"""The rendered camera is the pinhole camera of ddg_core, to the pixel and the millimetre."""

import mujoco
import numpy as np
import pytest

from ddg_core.camera import Camera
from ddg_core.transforms import apply, look_at
from ddg_sim.twin.render import Painter

BALL, RADIUS = np.array([0.55, 0.02, 0.2]), 0.04


@pytest.fixture(scope="module")
def model() -> mujoco.MjModel:
    spec = mujoco.MjSpec()
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[1, 1, 0.1])
    body = spec.worldbody.add_body(pos=BALL)
    body.add_freejoint()
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[RADIUS, 0, 0], rgba=[1, 0, 0, 1], mass=0.1
    )
    spec.worldbody.add_light(pos=[0, 0, 3])
    spec.visual.quality.numslices = 128
    spec.visual.quality.numstacks = 64
    return spec.compile()


@pytest.mark.parametrize(
    "camera",
    [
        Camera(640, 480, 574.0, 574.0, 319.5, 239.5),
        Camera(320, 200, 300.0, 260.0, 140.0, 120.0),  # off centre, pixels not square
    ],
)
def test_depth_deprojects_onto_the_true_surfaces(model, camera):
    T_base_camera = look_at([0.8, 0.45, 0.58], [0.55, 0.0, 0.05])
    painter = Painter(model, camera, T_base_camera)
    depth = painter.depth()
    painter.close()
    points = apply(T_base_camera, camera.deproject(depth.astype(float)))
    to_ball = np.linalg.norm(points - BALL, axis=1) - RADIUS
    on_ball = to_ball < 0.004
    assert on_ball.sum() > 500
    assert (~on_ball).sum() > 5000
    assert np.abs(to_ball[on_ball]).mean() < 0.0005
    np.testing.assert_allclose(points[points[:, 2] < 0.05, 2], 0.0, atol=0.0005)
    # Silhouette: the pixels on the ball surround its projected centre.
    T_camera_base = np.linalg.inv(T_base_camera)
    u, v = camera.project(apply(T_camera_base, BALL[None]))[0]
    assert 0 < u < camera.width
    assert 0 < v < camera.height


def test_nothing_is_not_a_number(model):
    painter = Painter(model, Camera(64, 48, 60, 60, 31.5, 23.5), look_at([0, 0, 1], [1, 0, 2]))
    assert np.isnan(painter.depth()).all()
    painter.close()


def test_color_shows_the_ball_where_it_was_put(model):
    camera = Camera(160, 120, 140.0, 140.0, 79.5, 59.5)
    painter = Painter(model, camera, look_at([0.8, 0.45, 0.58], [0.55, 0.0, 0.05]))
    qpos = np.array([0.5, -0.1, 0.1, 1, 0, 0, 0])
    painter.show(qpos)
    color = painter.color().astype(int)
    painter.close()
    v, u = np.nonzero(color[..., 0] > 2 * color[..., 1] + 20)
    assert len(u) > 20
    expected = camera.project(apply(np.linalg.inv(painter.seen_from), qpos[None, :3]))[0]
    np.testing.assert_allclose([u.mean(), v.mean()], expected, atol=2.0)
