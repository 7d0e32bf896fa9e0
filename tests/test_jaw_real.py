"""Jaws on real depth images: plausible grasps, by the command, with pictures in `out/real`."""

import json
from pathlib import Path

import numpy as np
import pytest
from jaw_scenes import PLACE, UP, box_on_table

from ddg_cli.main import main
from ddg_core.arrays import Array, BoolArray
from ddg_core.description import load_hand
from ddg_core.transforms import apply, inverse
from ddg_core.view import DepthImage
from ddg_perception.recorded import read_camera, read_depth, read_mask
from ddg_planning.parallel_jaw.jaws import Jaws, JawSettings

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "depth"
FRAMES = [f"single_object_{k}" for k in range(5)] + ["clutter_0", "clutter_1"]
OVERHEAD = ROOT / "examples" / "overhead_camera.yaml"
KNOWN = {  # what the policy without a network does not see
    ("single_object_4", "centred"): "near the middle of a U the jaws close about both of its legs",
    ("clutter_0", "centred"): "things that touch are taken as one, near whose middle jaws close",
}
JAWS = Jaws(load_hand("parallel_gripper"), JawSettings())
FINGER, PAD = 0.012, 0.020  # thickness of a finger along the jaws' line, width across it, in [m]
NOISE = 0.002  # of the camera's depth, in [m]
FAR = 0.15  # that objects are looked at, in [m]
STEP = 0.001  # between points that are looked at, in [m]


def faults(centre: Array, axis: Array, up: Array, image: DepthImage, marked: BoolArray) -> str:
    """What is implausible about a grasp, in words; empty if nothing is.

    Its centre is on the marked pixels. Along the jaws' line they go on from there, without a gap,
    for no more than the stroke, and for no more than they do across it within 1 cm of the centre:
    that is a thin side. Where the open fingers come down nothing is seen above their line.

    Args:
        centre, axis: The jaws' line, base frame, shape (3,).
        up: Normal of the table, shape (3,).
        image: What the camera saw.
        marked: Pixels of objects, marked by people, shape (H, W).
    """

    def seen(points: Array) -> tuple[tuple[Array, Array], Array]:
        """Rows and columns of points, and how far ahead of the camera they are."""
        inwards = apply(inverse(image.T_base_camera), points)
        last = [image.camera.width - 1, image.camera.height - 1]
        u, v = np.clip(np.rint(image.camera.project(inwards)), 0, last).astype(int).T
        return (v, u), inwards[:, 2]

    def run(start: Array, along: Array) -> float:
        """How far marked pixels go on from a point, both ways, in [m]."""
        steps = np.arange(0.0, FAR, STEP)[:, None]
        ways = (marked[seen(start + sign * steps * along)[0]] for sign in (1.0, -1.0))
        return sum(STEP * (len(way) if way.all() else int(np.argmin(way))) for way in ways)

    side = np.cross(up, axis)
    if not marked[seen(centre[None])[0]].all():
        return "its centre is not on the object"
    width = run(centre, axis)
    between = centre + np.arange(-PAD / 2.0, PAD / 2.0 + STEP, STEP)[:, None] * axis
    across = max(run(start, side) for start in between)
    if width > JAWS.stroke:
        return f"the object is {width:.3f} m wide there"
    if width > across:
        return f"the object is {width:.3f} m along the line and {across:.3f} m across it"
    out = JAWS.stroke / 2.0 + np.arange(0.0, FINGER, STEP)
    footprint = np.r_[-out, out][:, None, None] * axis + np.linspace(-0.5, 0.5, 9)[:, None] * (
        PAD * side
    )
    places, ahead = seen(centre + footprint.reshape(-1, 3))
    if (image.depth[places] < ahead - NOISE).any():
        return "a finger comes down on something"
    return ""


def cases():
    for name in FRAMES:
        for policy in ("cem", "fc", "centred"):
            why = KNOWN.get((name, policy))
            yield pytest.param(name, policy, marks=[pytest.mark.xfail(reason=why)] if why else [])


@pytest.mark.parametrize(("name", "policy"), list(cases()))
def test_grasps_on_real_frames_are_plausible(name, policy, capfd):
    depth = SHARED / f"{name}_depth.png"
    if not depth.is_file():
        pytest.skip(f"shared depth frames are not here ({depth})")
    words = ["--depth", str(depth), "--camera", str(OVERHEAD), "--generator", f"dexnet-{policy}"]
    picture = ROOT / "out" / "real" / f"{name}_{policy}.png"
    assert main(["plan", *words, "--out", str(picture), "--json"]) == 0
    T = np.array(json.loads(capfd.readouterr().out)["grasps"][0]["wrist"][-2])
    camera = read_camera(OVERHEAD)
    image, marked = read_depth(depth, camera), read_mask(SHARED / f"{name}_mask.png", camera)
    centre, up = apply(T, JAWS.centre[None])[0], -T[:3, :3] @ JAWS.approach
    assert faults(centre, T[:3, :3] @ JAWS.axis, up, image, marked) == ""
    assert picture.is_file()


@pytest.mark.parametrize(
    ("away", "turn", "half", "wrong"),
    [
        ([0.0, 0.0], 90.0, (0.045, 0.015), ""),
        ([0.0, 0.0], 0.0, (0.045, 0.015), "along the line"),
        ([0.0, 0.0], 0.0, (0.06, 0.015), "m wide there"),
        ([0.0, 0.02], 90.0, (0.045, 0.015), "not on the object"),
        ([0.0, 0.0], 90.0, (0.045, 0.06), "m wide there"),
        ([0.0, 0.014], 90.0, (0.045, 0.044), "a finger comes down"),
    ],
)
def test_an_implausible_grasp_is_told(away, turn, half, wrong):
    """A box seen from above; it is longer along x."""
    image, mask = box_on_table(np.array([*half, 0.02]))
    centre = PLACE + np.array([*away, 0.03])
    axis = np.array([np.cos(np.radians(turn)), np.sin(np.radians(turn)), 0.0])
    found = faults(centre, axis, UP, image, mask)
    assert (wrong in found) if wrong else not found
