"""`ddg calibrate FOLDER`: where the camera is, from images of a ChArUco board and arm poses."""

import argparse
import datetime
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ddg_cli.report import Report

if TYPE_CHECKING:
    from ddg_core.arrays import Array
    from ddg_perception.calibrate.hand_eye import HandEye

ABOUT = """FOLDER holds an image per look (NAME.png) and beside it NAME.yaml with either
`joints:` (arm joints in rad) or `T_base_flange:` (4x4). --print writes the board to print."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = ABOUT
    parser.add_argument("folder", type=Path, help="images and arm poses, or where to print to")
    parser.add_argument(
        "--method",
        choices=("eye_to_hand", "eye_in_hand"),
        default="eye_to_hand",
        help="the camera stands and the board is on the arm, or the other way (default: stands)",
    )
    parser.add_argument("--robot", default="real", help="cell with the camera's intrinsics")
    parser.add_argument("--camera", type=Path, help="camera file in place of the cell's intrinsics")
    parser.add_argument("--columns", type=int, default=7, help="squares across (default 7)")
    parser.add_argument("--rows", type=int, default=5, help="squares down (default 5)")
    parser.add_argument("--square", type=float, default=0.04, help="edge, in m (default 0.04)")
    parser.add_argument("--marker", type=float, default=0.03, help="edge, in m (default 0.03)")
    parser.add_argument("--date", help="of the looks (default: today)")
    parser.add_argument(
        "--record", action="store_true", help="take a look at each Enter (Ctrl-D ends), and stop"
    )
    parser.add_argument("--print", action="store_true", help="write board.png at 300 dpi, and stop")


def run(args: argparse.Namespace) -> Report:
    """Print the board, or calibrate."""
    import numpy as np
    from PIL import Image

    from ddg_core.description import load_cell
    from ddg_core.errors import BadInput
    from ddg_perception.calibrate.board import BoardSettings, draw_board, find_board
    from ddg_perception.calibrate.hand_eye import calibrate
    from ddg_perception.recorded import read_camera

    board = BoardSettings(args.columns, args.rows, args.square, args.marker)
    if args.print:
        args.folder.mkdir(parents=True, exist_ok=True)
        path = args.folder / "board.png"
        dots = 300 / 0.0254
        Image.fromarray(draw_board(board, dots)).save(path, dpi=(300, 300))
        return Report({"outcome": "OK", "board": str(path)}, f"{path}: print at 100 %, measure")
    cell = load_cell(args.robot)
    if args.record:
        from ddg_cli.ros.looks import record

        written = [str(path) for path in record(args.folder, cell, _presses())]
        return Report({"outcome": "OK", "looks": written}, f"{len(written)} looks in {args.folder}")
    camera = read_camera(args.camera).camera if args.camera else cell.camera.intrinsics
    poses, looks, without = [], [], []
    for image, pose in _looks(args.folder, args.robot):
        grey = np.array(Image.open(image).convert("L"))
        camera.check_image(image.name, grey.shape)
        look = find_board(grey, camera, board)
        if look is None:
            without.append(image.name)
        else:
            poses.append(pose)
            looks.append(look)
    if not looks:
        raise BadInput(f"{args.folder}: the board is in none of {len(without)} images")
    found = calibrate(np.stack(poses), looks, camera, method=args.method)
    date = args.date or datetime.date.today().isoformat()
    parent = "world" if args.method == "eye_to_hand" else cell.arm.flange
    return _report(found, len(looks), without, args.method, parent, date)


def _presses() -> Iterator[None]:
    """One for each Enter."""
    print("Enter takes a look, Ctrl-D ends", file=sys.stderr)
    for _ in sys.stdin:
        yield


def _looks(folder: Path, robot: str) -> list[tuple[Path, "Array"]]:
    """Every image with the pose of the flange in {base} beside it."""
    import numpy as np
    import yaml

    from ddg_core.description import cell_tree, load_cell
    from ddg_core.errors import BadInput

    cell = load_cell(robot)
    found = []
    for image in sorted(folder.glob("*.png")):
        file = image.with_suffix(".yaml")
        if not file.is_file():
            continue
        tree = yaml.safe_load(file.read_text(encoding="utf-8"))
        if not isinstance(tree, dict) or len({"joints", "T_base_flange"} & set(tree)) != 1:
            raise BadInput(f"{file.name}: needs either joints or T_base_flange")
        if "joints" in tree:
            robot_tree = cell_tree(cell)
            poses = robot_tree.forward(cell.arm.joint_names, np.array(tree["joints"], float))
            pose = poses[robot_tree.link_names.index(cell.arm.flange)]
        else:
            pose = np.array(tree["T_base_flange"], float)
        if pose.shape != (4, 4):
            raise BadInput(f"{file.name}: T_base_flange must be 4x4")
        found.append((image, pose))
    if not found:
        raise BadInput(f"{folder}: no image with a .yaml beside it")
    return found


def _report(
    found: "HandEye", looks: int, without: list[str], method: str, parent: str, date: str
) -> Report:
    from scipy.spatial.transform import Rotation

    T = found.T_camera
    rpy = Rotation.from_matrix(T[:3, :3]).as_euler("xyz")
    xyz = " ".join(f"{x:.5f}" for x in T[:3, 3])
    angles = " ".join(f"{x:.5f}" for x in rpy)
    cell = (
        f"xacro_args:\n  camera_parent: {parent}\n  camera_xyz: {xyz}\n  camera_rpy: {angles}\n"
        f"calibration: {{date: {date!r}, method: {method},"
        f" residual_px: {found.residual_px:.3f}, residual_mm: {found.residual_mm:.2f}}}\n"
    )
    answer = {
        "outcome": "OK",
        "method": method,
        "looks": looks,
        "without_board": without,
        "T_camera": T.tolist(),
        "T_board": found.T_board.tolist(),
        "residual_px": found.residual_px,
        "residual_mm": found.residual_mm,
        "worst_look": found.worst,
        "cell": cell,
    }
    lines = [
        f"{looks} looks, {len(without)} images without board",
        f"residual {found.residual_px:.2f} px, {found.residual_mm:.1f} mm;"
        f" look {found.worst} fits worst",
        f"camera in the frame of {parent}; into the cell's file:",
        cell,
    ]
    return Report(answer, "\n".join(lines))
