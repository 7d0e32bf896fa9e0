"""`ddg hand check` finds nothing wrong with our hand, and finds what is made wrong."""

from dataclasses import replace

import numpy as np
import pytest
import yaml
from PIL import Image
from robot_figures import SVH_BOXES, SVH_COUPLINGS, SVH_JOINTS

from ddg_cli.main import main
from ddg_core.description import cell_tree, load_cell, load_hand
from ddg_core.errors import BadInput
from ddg_core.hand import Hand
from ddg_sim.model.build import cell_world
from ddg_sim.model.figures import check_figures
from ddg_sim.model.hand_check import check_hand, demonstrate, fingertips

HAND = load_hand("svh")
DEMONSTRATION = demonstrate(HAND)


def wrong(hand):
    return {f.name for f in check_hand(hand, DEMONSTRATION) if not f.ok}


def test_our_hand_is_right():
    assert wrong(HAND) == set()


def test_every_digit_has_one_fingertip():
    assert set(fingertips(HAND)) == {"c", "t", "s", "r", "q"}


def test_the_ball_is_carried_by_thumb_and_fingers():
    carriers = set(DEMONSTRATION.carriers)
    assert carriers & set(HAND.settings.thumb_links)
    assert carriers & set(HAND.settings.finger_links)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"palm_normal": (0.0, -1.0, 0.0)}, "fingers close out of the palm, or flat on the thumb"),
        ({"poses": {"open": (0.0,) * 9, "closed": (2.0,) * 9}}, "poses within limits"),
        (
            {"poses": {"open": (0.0,) * 9, "closed": tuple(HAND.limits[:, 1])}},
            "no self-collision in named poses",
        ),
        ({"max_effort": (0.0,) * 9}, "force limits"),
    ],
)
def test_what_is_made_wrong_is_found(change, name):
    hand = Hand(replace(HAND.settings, **change), HAND.tree)
    assert name in wrong(hand)


def printed():
    joints = []
    for name, (parent, child, xyz, rpy, lower, upper) in SVH_JOINTS.items():
        joint = {"name": name, "parent": parent, "child": child, "xyz": xyz, "rpy": rpy}
        joint["type"] = "fixed" if upper is None or name == "j5" else "revolute"
        if joint["type"] == "revolute":
            joint["axis"] = [0, 0, -1 if name == "Thumb_Opposition" else 1]
            joint["limit"] = [lower, upper]
        if name in SVH_COUPLINGS:
            source, factor = SVH_COUPLINGS[name]
            joint["mimic"] = {"joint": source, "multiplier": factor, "offset": 0.0}
        joints.append(joint)
    boxes = {k: {"box_min_m": a, "box_max_m": b} for k, (a, b) in SVH_BOXES.items()}
    return yaml.safe_load(yaml.safe_dump({"joints": joints, "link_boxes": boxes}))


def test_our_hand_is_as_printed(tmp_path):
    (tmp_path / "svh.yaml").write_text(yaml.safe_dump(printed()))
    assert all(f.ok for f in check_figures(HAND, tmp_path / "svh.yaml"))


def test_figures_that_differ_are_named(tmp_path):
    figures = printed()
    figures["joints"][0]["limit"][1] = 0.5
    figures["link_boxes"]["t"]["box_max_m"][0] = 0.01
    (tmp_path / "svh.yaml").write_text(yaml.safe_dump(figures))
    joints, links = check_figures(HAND, tmp_path / "svh.yaml")
    assert not joints.ok
    assert joints.detail == f"{figures['joints'][0]['name']}: limit"
    assert not links.ok
    assert links.detail.startswith("t: ")


def test_a_file_of_other_things_is_refused(tmp_path):
    (tmp_path / "x.yaml").write_text("a: 1\n")
    with pytest.raises(BadInput, match=r"x\.yaml"):
        check_figures(HAND, tmp_path / "x.yaml")


def test_the_command_draws_and_reports(tmp_path, capsys):
    assert main(["hand", "check", "svh", "--out", str(tmp_path)]) == 0
    assert "svh: 9 driven of 20 joints" in capsys.readouterr().out
    pixels = np.asarray(Image.open(tmp_path / "hand_svh.png"))
    assert pixels.std() > 10.0
    assert main(["hand", "check", "nobody", "--out", str(tmp_path)]) == 2


def test_a_two_finger_gripper_is_a_hand_like_any_other():
    gripper = load_hand("parallel_gripper")
    demonstration = demonstrate(gripper)
    assert [f for f in check_hand(gripper, demonstration) if not f.ok] == []
    assert demonstration.carriers == ("left_finger", "right_finger")
    diameter = 2 * demonstration.radius
    assert 2 * demonstration.grasp[0] == pytest.approx(diameter, abs=0.004)


def test_the_cell_takes_the_hand_that_its_settings_name():
    cell = replace(load_cell(), hand="parallel_gripper")
    tree = cell_tree(cell)
    assert tree.driven == (*cell.arm.joint_names, "jaw")
    world = cell_world(cell, load_hand("parallel_gripper"))
    assert world.model.nu == 8
