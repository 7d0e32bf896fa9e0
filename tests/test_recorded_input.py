"""Recorded images, cameras and clouds are read strictly, and mistakes are named."""

import struct
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from ddg_core.camera import Camera
from ddg_core.errors import BadInput, SettingsError
from ddg_core.shapes import Capsule
from ddg_core.transforms import apply, inverse, look_at
from ddg_perception.cloud_files import read_cloud
from ddg_perception.lens import rectify
from ddg_perception.perceive import PerceptionSettings, perceive, segment_cloud
from ddg_perception.recorded import read_camera, read_depth, read_mask
from ddg_perception.scan import likely_viewpoint, seen_from
from ddg_perception.synthetic import level_slab, render

SHARED = Path(__file__).parents[2] / "shared" / "depth"
CAMERA = Camera(64, 48, 57.0, 57.0, 31.5, 23.5)
T_BASE_CAMERA = look_at([0.80, 0.45, 0.58], [0.55, 0.0, 0.05])


def camera_tree(**changes):
    tree = {
        "width": 64,
        "height": 48,
        "fx": 57.0,
        "fy": 57.0,
        "cx": 31.5,
        "cy": 23.5,
        "depth_scale": 0.001,
        "T_base_camera": T_BASE_CAMERA.tolist(),
    }
    return {key: value for key, value in {**tree, **changes}.items() if value is not None}


@pytest.fixture
def write_camera(tmp_path):
    def write(**changes):
        path = tmp_path / "camera.yaml"
        path.write_text(yaml.safe_dump(camera_tree(**changes)))
        return path

    return write


@pytest.fixture
def image():
    ball = (np.eye(4), Capsule([0.55, 0.0, 0.08], [0.55, 0.0, 0.08], 0.08))
    return render([level_slab(0.0, 1.0), ball], CAMERA, T_BASE_CAMERA)


def test_a_camera_file_is_read(write_camera):
    file = read_camera(write_camera())
    assert file.camera == CAMERA
    np.testing.assert_allclose(file.pose, T_BASE_CAMERA, atol=1e-12)


def test_the_example_is_a_camera_that_sees_the_middle_of_the_table():
    file = read_camera(Path(__file__).parents[1] / "examples" / "camera.yaml")
    middle = apply(inverse(file.pose), np.array([[0.55, 0.0, 0.05]]))
    np.testing.assert_allclose(file.camera.project(middle), [[319.5, 239.5]], atol=1.0)


def test_a_pose_of_few_decimals_becomes_exact(write_camera):
    file = read_camera(write_camera(T_base_camera=np.round(T_BASE_CAMERA, 4).tolist()))
    np.testing.assert_allclose(file.pose[:3, :3] @ file.pose[:3, :3].T, np.eye(3), atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fx": None}, "missing key 'fx'"),
        ({"depth_scale": None}, "missing key 'depth_scale'"),
        ({"depth_unit": "mm"}, "unknown key 'depth_unit'"),
        ({"dephth_scale": 1.0}, "did you mean 'depth_scale'"),
        ({"depth_scale": 0.0}, "depth_scale must be positive"),
        ({"fx": -1.0}, "focal lengths must be positive"),
        ({"distortion": [0.1, 0.2]}, "distortion must have 0, 5, 8 coefficients, got 2"),
        ({"T_base_camera": np.eye(3).tolist()}, r"T_base_camera\[0\]: expected 4 values, got 3"),
        ({"T_base_camera": np.eye(4)[:3].tolist()}, "must have 4 rows, got 3"),
        ({"T_base_camera": np.diag([1.0, 1.0, -1.0, 1.0]).tolist()}, "no rigid pose"),
        ({"T_base_camera": np.diag([1.0, 1.1, 1.0, 1.0]).tolist()}, "no rigid pose"),
        ({"T_base_camera": np.ones((4, 4)).tolist()}, "last row must be 0 0 0 1"),
    ],
)
def test_what_is_wrong_with_a_camera_file_is_named(write_camera, changes, message):
    with pytest.raises(SettingsError, match=message):
        read_camera(write_camera(**changes))


@pytest.mark.parametrize("kind", ["png", "npy", "float"])
def test_depth_is_read_in_metres(write_camera, tmp_path, image, kind):
    scale = 1.0 if kind == "float" else 0.0001
    file = read_camera(write_camera(depth_scale=scale))
    raw = np.nan_to_num(image.depth / scale)
    if kind == "png":
        path = tmp_path / "depth.png"
        Image.fromarray(np.round(raw).astype(np.uint16)).save(path)
    else:
        path = tmp_path / "depth.npy"
        np.save(path, np.round(raw).astype(np.uint16) if kind == "npy" else image.depth)
    read = read_depth(path, file)
    np.testing.assert_allclose(read.depth, image.depth, atol=0.6 * 0.0001)
    assert np.isnan(read.depth).sum() == np.isnan(image.depth).sum()


def test_what_is_no_depth_image_is_named(write_camera, tmp_path):
    file = read_camera(write_camera())
    Image.fromarray(np.zeros((48, 64), np.uint8)).save(tmp_path / "grey.png")
    Image.fromarray(np.zeros((48, 64, 3), np.uint8)).save(tmp_path / "color.png")
    Image.fromarray(np.zeros((8, 6), np.uint16)).save(tmp_path / "small.png")
    (tmp_path / "fake.png").write_text("no picture")
    (tmp_path / "fake.npy").write_text("no array")
    np.save(tmp_path / "words.npy", np.array(["a", "b"]))
    for name, message in {
        "grey.png": "expected one channel of 16-bit integers or floats, got uint8",
        "color.png": "got uint8 of shape",
        "small.png": "6x8 pixels",
        "fake.png": "not a PNG",
        "fake.npy": "not readable as .npy",
        "words.npy": "got <U1",
        "none.png": "No such file",
        "depth.tiff": "read from .png and .npy, not from '.tiff'",
    }.items():
        with pytest.raises(BadInput, match=message):
            read_depth(tmp_path / name, file)


def test_millimetres_taken_for_metres_are_noticed(write_camera, tmp_path, image):
    file = read_camera(write_camera(depth_scale=1.0))
    np.save(tmp_path / "depth.npy", image.depth * 1000)
    with pytest.raises(BadInput, match=r"millimetres\? Then depth_scale is 0.001"):
        perceive(
            read_depth(tmp_path / "depth.npy", file),
            PerceptionSettings(),
            rng=np.random.default_rng(0),
        )


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_masks_of_any_colours_are_read(write_camera, tmp_path, channels):
    file = read_camera(write_camera())
    mask = np.zeros((48, 64), bool)
    mask[10:20, 30:40] = True
    pixels = np.zeros((48, 64, channels), np.uint8)
    pixels[..., 0] = mask * 255
    if channels in (2, 4):
        pixels[..., -1] = 255  # opaque
    Image.fromarray(pixels.squeeze()).save(tmp_path / "mask.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png", file), mask)
    np.save(tmp_path / "mask.npy", mask)
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.npy", file), mask)
    np.save(tmp_path / "mask.npy", np.ones((3, 2)))
    with pytest.raises(BadInput, match="2x3 pixels"):
        read_mask(tmp_path / "mask.npy", file)


def test_a_lens_is_straightened():
    """Draw a line as the lens bends it, and see it straight again."""
    camera, distortion = Camera(200, 200, 150.0, 150.0, 99.5, 99.5), (-0.25, 0.05, 0.001, 0.002, 0)
    x, y = np.linspace(-0.5, 0.5, 2000), np.full(2000, 0.4)
    k1, k2, p1, p2, _ = distortion
    r2 = x**2 + y**2
    radial = 1 + k1 * r2 + k2 * r2**2
    u = (x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x**2)) * 150 + 99.5
    v = (y * radial + p1 * (r2 + 2 * y**2) + 2 * p2 * x * y) * 150 + 99.5
    bent = np.zeros((200, 200))
    for du in (-1, 0, 1):
        for dv in (-1, 0, 1):
            bent[np.round(v).astype(int) + dv, np.round(u).astype(int) + du] = 1.0
    straight = rectify(bent, camera, distortion, np.nan)
    row = round(0.4 * 150 + 99.5)
    columns = np.arange(30, 170)
    assert (straight[row, columns] == 1.0).all()
    assert not (bent[row, columns] == 1.0).all()
    np.testing.assert_array_equal(rectify(bent, camera, (), np.nan), bent)
    with pytest.raises(BadInput, match="3 coefficients"):
        rectify(bent, camera, (0.0, 0.0, 0.1), np.nan)


def pcd(kind, points, viewpoint="0 0 0 1 0 0 0"):
    """A PCD file with a colour between the coordinates and two padding fields."""
    records = np.zeros(
        len(points), [("x", "<f8"), ("p", "u1", 3), ("c", "<u4"), ("y", "<f4"), ("z", "<f4")]
    )
    for k, name in enumerate("xyz"):
        records[name] = points[:, k]
    head = (
        "# .PCD v0.7\nVERSION 0.7\nFIELDS x _ rgb y z\nSIZE 8 1 4 4 4\nTYPE F U U F F\n"
        f"COUNT 1 3 1 1 1\nWIDTH {len(points)}\nHEIGHT 1\nVIEWPOINT {viewpoint}\n"
        f"POINTS {len(points)}\nDATA {kind}\n"
    )
    if kind == "ascii":
        rows = "\n".join(f"{p[0]:.9g} 0 0 0 7 {p[1]:.9g} {p[2]:.9g}" for p in points)
        return (head + rows + "\n").encode()
    if kind == "binary":
        return head.encode() + records.tobytes()
    columns = b"".join(np.ascontiguousarray(records[n]).tobytes() for n in records.dtype.names)
    packed = lzf(columns)
    return head.encode() + struct.pack("<II", len(packed), len(columns)) + packed


def lzf(data):
    """Literal runs, and for a run of equal bytes a copy that overlaps itself."""
    out, at = bytearray(), 0
    while at < len(data):
        run = 1
        while at + run < len(data) and run < 200 and data[at + run] == data[at]:
            run += 1
        if run > 12:
            out += bytes([0, data[at], 7 << 5, run - 1 - 2 - 7, 0])
        else:
            run = 1
            out += bytes([0, data[at]])
        at += run
    return bytes(out)


@pytest.mark.parametrize("kind", ["ascii", "binary", "binary_compressed"])
def test_pcd_files_of_every_kind_are_read(tmp_path, kind):
    points = np.random.default_rng(0).uniform(-1, 1, (40, 3))
    points[3] = np.nan
    path = tmp_path / "cloud.pcd"
    path.write_bytes(pcd(kind, points))
    cloud = read_cloud(path)
    np.testing.assert_allclose(cloud.points, np.delete(points, 3, axis=0), rtol=1e-6)
    assert cloud.viewpoint is None
    path.write_bytes(pcd(kind, points, "0.1 0.2 0.9 1 0 0 0"))
    np.testing.assert_array_equal(read_cloud(path).viewpoint, [0.1, 0.2, 0.9])


def test_ply_files_are_read(tmp_path):
    rows = "\n".join("0.1 0.2 0.3" for _ in range(5))
    head = "ply\nformat ascii 1.0\nelement vertex 5\n"
    axes = "".join(f"property float {axis}\n" for axis in "xyz")
    (tmp_path / "cloud.ply").write_text(f"{head}{axes}end_header\n{rows}\n")
    np.testing.assert_allclose(read_cloud(tmp_path / "cloud.ply").points, [[0.1, 0.2, 0.3]] * 5)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.pcd", b"nothing", "no DATA line"),
        ("a.pcd", b"FIELDS x y\nSIZE 4 4\nTYPE F F\nPOINTS 1\nDATA ascii\n1 2\n", "no field 'z'"),
        ("a.pcd", pcd("binary", np.ones((9, 3)))[:-5], "not readable as .pcd"),
        ("a.pcd", pcd("ascii", np.ones((9, 3)))[:-60], "not readable as .pcd"),
        ("a.pcd", pcd("binary_compressed", np.ones((9, 3)))[:-2], "not readable as .pcd"),
        ("a.pcd", pcd("zip", np.ones((9, 3))), "DATA 'zip' is none of"),
        ("a.ply", b"nothing", "not readable as .ply"),
        ("a.xyz", b"1 2 3", "read from .pcd and .ply, not '.xyz'"),
    ],
)
def test_what_is_no_cloud_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=message):
        read_cloud(tmp_path / name)
    with pytest.raises(BadInput, match="No such file"):
        read_cloud(tmp_path / "none.pcd")


def test_from_a_viewpoint_only_the_near_side_is_seen():
    rng = np.random.default_rng(0)
    ball = rng.normal(size=(3000, 3))
    ball /= np.linalg.norm(ball, axis=1, keepdims=True) / 0.05
    seen = seen_from(ball, np.array([0.7, 0.0, 0.0]))
    assert 0.4 * len(ball) < len(seen) < 0.6 * len(ball)
    assert (seen[:, 0] > -0.005).all()
    place = likely_viewpoint(seen_from(ball, np.array([0.0, -0.5, 0.5])))
    np.testing.assert_allclose(place / np.linalg.norm(place), [0, -0.7071, 0.7071], atol=0.3)


def frame(name):
    path = SHARED / f"{name}_depth.png"
    if not path.is_file():
        pytest.skip(f"shared depth frames are not here ({path})")
    return path


@pytest.mark.parametrize("name", [f"single_object_{k}" for k in range(5)])
def test_real_frames_show_their_object(name):
    depth, mask = frame(name), SHARED / f"{name}_mask.png"
    file = read_camera(Path(__file__).parents[1] / "examples" / "overhead_camera.yaml")
    marked = read_mask(mask, file)
    view = perceive(read_depth(depth, file), PerceptionSettings(), rng=np.random.default_rng(0))
    assert view.table.height(np.array([0.4, 0.0, 0.160])) == pytest.approx(0.0, abs=2e-3)
    assert (view.mask & marked).sum() > 0.75 * marked.sum()
    assert (view.mask & marked).sum() > 0.75 * view.mask.sum()


def test_the_real_can_is_round():
    path = SHARED / "spray_can.pcd"
    if not path.is_file():
        pytest.skip(f"the shared cloud is not here ({path})")
    points = read_cloud(path).points
    place = likely_viewpoint(points)
    settings = PerceptionSettings()
    seen = segment_cloud(
        seen_from(points, place), place, settings, rng=np.random.default_rng(0)
    ).points
    side = seen[np.abs(seen[:, 2]) < 0.03]
    np.testing.assert_allclose(np.hypot(side[:, 0], side[:, 1]), 0.027, atol=0.003)
    assert (side @ np.array([*place[:2], 0.0]) > 0).mean() > 0.9
