"""Hand-eye calibration on rendered images with known truth."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial.transform import Rotation

cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")

from ddg_cli.main import main
from ddg_core.camera import Camera
from ddg_core.errors import BadInput
from ddg_core.transforms import angle_between, compose, inverse, look_at
from ddg_perception.calibrate.board import BoardSettings, Look, draw_board, find_board
from ddg_perception.calibrate.hand_eye import Method, calibrate

CAMERA = Camera(640, 480, 574.0, 574.0, 319.5, 239.5)
BOARD = BoardSettings()
DENSE = 5000.0  # pixels per metre of the print
T_BASE_CAMERA = look_at([0.8, 0.45, 0.6], [0.5, 0.0, 0.1])
T_FLANGE = compose(Rotation.from_rotvec([0.1, 0.2, -0.4]).as_matrix(), [-0.1, -0.08, 0.06])
METHODS: tuple[Method, ...] = ("eye_to_hand", "eye_in_hand")


def render(T_camera_board: np.ndarray, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The board as the camera sees it there, with sensor noise and a little blur."""
    print_ = draw_board(BOARD, DENSE)
    # Pixel centres of the print lie half a pixel inside its edge.
    board_from_print = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, DENSE]]) / DENSE
    image_from_board = CAMERA.matrix @ T_camera_board[:3, [0, 1, 3]]
    size = (CAMERA.width, CAMERA.height)
    big = np.diag([4.0, 4.0, 1.0]) + np.array([[0, 0, 1.5], [0, 0, 1.5], [0, 0, 0]])
    seen = cv2.warpPerspective(
        print_, big @ image_from_board @ board_from_print, (4 * size[0], 4 * size[1]),
        flags=cv2.INTER_AREA, borderValue=128,
    )  # fmt: skip
    seen = cv2.resize(seen, size, interpolation=cv2.INTER_AREA).astype(float)
    return np.clip(seen + rng.normal(0.0, 3.0, seen.shape), 0, 255).astype(np.uint8)


def scene(method: Method, n: int = 12) -> tuple[np.ndarray, list[NDArray[np.uint8]], np.ndarray]:
    """Arm poses (N, 4, 4), an image at each, and the true pose of the camera."""
    rng = np.random.default_rng(4)
    poses, images = [], []
    T_camera = T_BASE_CAMERA if method == "eye_to_hand" else T_FLANGE
    T_board = T_FLANGE if method == "eye_to_hand" else compose(np.eye(3), [0.5, 0.0, 0.0])
    for _ in range(n):
        tilt = Rotation.from_euler("xyz", rng.uniform(-0.5, 0.5, 3)).as_matrix()
        T_camera_board = compose(tilt, [*rng.uniform(-0.18, -0.1, 2), rng.uniform(0.45, 0.6)])
        images.append(render(T_camera_board, rng))
        if method == "eye_to_hand":
            poses.append(T_camera @ T_camera_board @ inverse(T_board))
        else:
            poses.append(T_board @ inverse(T_camera_board) @ inverse(T_camera))
    return np.stack(poses), images, T_camera


@pytest.fixture(scope="module", params=METHODS)
def solved(request):
    method = request.param
    poses, images, truth = scene(method)
    looks = [find_board(image, CAMERA, BOARD) for image in images]
    assert all(look is not None for look in looks)
    return method, poses, looks, truth


def test_the_camera_is_found_to_a_millimetre_and_a_tenth_of_a_degree(solved):
    method, poses, looks, truth = solved
    found = calibrate(poses, looks, CAMERA, method=method)
    assert np.linalg.norm(found.T_camera[:3, 3] - truth[:3, 3]) < 1e-3
    assert np.degrees(angle_between(found.T_camera[:3, :3], truth[:3, :3])) < 0.1
    assert found.residual_px < 0.3
    assert found.residual_mm < 2.0


def test_a_look_with_a_wrong_arm_pose_shows_in_the_residual_and_is_named(solved):
    method, poses, looks, _ = solved
    good = calibrate(poses, looks, CAMERA, method=method)
    wrong = poses.copy()
    wrong[5, :3, 3] += 0.03
    bad = calibrate(wrong, looks, CAMERA, method=method)
    assert bad.residual_px > 5 * good.residual_px
    assert bad.worst == 5


def test_moving_the_base_moves_the_answer_with_it(solved):
    method, poses, looks, _ = solved
    T = compose(Rotation.from_rotvec([0.3, -0.2, 0.9]).as_matrix(), [0.4, -1.0, 0.2])
    still = calibrate(poses, looks, CAMERA, method=method)
    moved = calibrate(T @ poses, looks, CAMERA, method=method)
    fixed = {"eye_to_hand": (moved.T_camera, T @ still.T_camera)}
    pair = fixed.get(method, (moved.T_board, T @ still.T_board))
    np.testing.assert_allclose(*pair, atol=1e-5)


def ideal(T: np.ndarray) -> Look:
    """A look without error, for tests that need no image."""
    grid = np.stack(np.meshgrid(np.arange(1, 7), np.arange(1, 5)), axis=-1).reshape(-1, 2)
    points = np.c_[grid * BOARD.square, np.zeros(len(grid))]
    p = points @ T[:3, :3].T + T[:3, 3]
    return Look(p[:, :2] / p[:, 2:] * CAMERA.fx + [CAMERA.cx, CAMERA.cy], points, T)


def test_turning_about_one_axis_only_is_refused():
    T = [
        compose(Rotation.from_rotvec([0, 0, a]).as_matrix(), [-0.1, -0.1, 0.5])
        for a in (0, 1, 2, 3)
    ]
    poses = np.stack([T_BASE_CAMERA @ t @ inverse(T_FLANGE) for t in T])
    with pytest.raises(BadInput, match="one axis only"):
        calibrate(poses, [ideal(t) for t in T], CAMERA, method="eye_to_hand")


def test_too_few_looks_are_refused():
    with pytest.raises(BadInput, match="needs 4 looks"):
        calibrate(
            np.zeros((2, 4, 4)),
            [ideal(compose(np.eye(3), [0, 0, 1]))] * 2,
            CAMERA,
            method="eye_to_hand",
        )


def test_an_image_without_board_is_no_look():
    assert find_board(np.full((480, 640), 128, np.uint8), CAMERA, BOARD) is None


def test_a_board_of_wrong_measures_is_refused():
    with pytest.raises(BadInput, match="markers smaller"):
        replace(BOARD, marker=0.05)


@pytest.mark.parametrize(
    ("method", "parent"), [("eye_to_hand", "world"), ("eye_in_hand", "link_ee")]
)
def test_the_command_reads_a_folder_and_prints_what_the_cell_needs(
    tmp_path: Path, capfd, method, parent
):
    poses, images, truth = scene(method, 6)
    for i, (pose, image) in enumerate(zip(poses, images, strict=True)):
        Image.fromarray(image).save(tmp_path / f"{i:02}.png")
        (tmp_path / f"{i:02}.yaml").write_text(yaml.safe_dump({"T_base_flange": pose.tolist()}))
    Image.new("L", (640, 480), 128).save(tmp_path / "06.png")  # the board was out of sight
    (tmp_path / "06.yaml").write_text(yaml.safe_dump({"T_base_flange": np.eye(4).tolist()}))
    asked = ["calibrate", str(tmp_path), "--method", method, "--date", "2026-01-31", "--json"]
    assert main(asked) == 0
    answer = json.loads(capfd.readouterr().out)
    np.testing.assert_allclose(np.array(answer["T_camera"])[:3, 3], truth[:3, 3], atol=2e-3)
    assert (answer["looks"], answer["without_board"]) == (6, ["06.png"])
    cell = yaml.safe_load(answer["cell"])
    assert cell["calibration"]["date"] == "2026-01-31"
    assert cell["xacro_args"]["camera_parent"] == parent
    assert len(cell["xacro_args"]["camera_xyz"].split()) == 3


def test_a_folder_without_looks_is_one_line(tmp_path: Path, capsys):
    assert main(["calibrate", str(tmp_path)]) == 2
    assert "no image with a .yaml beside it" in capsys.readouterr().err
