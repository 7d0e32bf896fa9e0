"""Holds a hand's URDF against a file of printed figures."""

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ddg_core.errors import BadInput, DdgError
from ddg_core.hand import Hand
from ddg_core.transforms import from_xyz_rpy
from ddg_sim.model.hand_check import COUPLING_TOLERANCE, Finding


def check_figures(hand: Hand, path: Path) -> list[Finding]:
    """Compare joints (place, axis, limits, coupling) and link bounds with printed figures.

    The file is YAML with a list `joints` (name, type, parent, child, xyz, rpy, and for moving
    ones axis, limit, mimic) and a table `link_boxes` (box_min_m, box_max_m per link). A limit
    may be wider than printed if a coupling needs it; a joint printed as fixed may move.

    Raises:
        BadInput: No such file, or not of that form.
    """
    try:
        figures = yaml.safe_load(path.read_text("utf-8"))
        joints = [text for joint in figures["joints"] if (text := _joint(hand, joint)) is not None]
        links = [text for item in figures["link_boxes"].items() if (text := _link(hand, *item))]
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{path.name}: not a file of hand figures ({error})") from error
    wrong = [text for text in joints if text]
    return [
        Finding("joints as printed", not wrong, "; ".join(wrong) or f"{len(joints)} compared"),
        Finding(
            "shapes inside printed bounds",
            not links,
            "; ".join(links) or f"{len(figures['link_boxes'])} compared",
        ),
    ]


def _joint(hand: Hand, printed: dict[str, Any]) -> str | None:
    """Return what differs ("" for nothing); None for a joint that is not part of the hand."""
    name = printed["name"]
    if printed["child"] == hand.settings.wrist_link:
        return None
    try:
        joint = hand.tree.joint(name)
    except DdgError:
        return f"{name}: missing"
    wrong = []
    if (joint.parent, joint.child) != (printed["parent"], printed["child"]):
        wrong.append("parent or child")
    T = from_xyz_rpy(printed["xyz"], printed["rpy"])
    if not np.allclose(joint.T_parent_child, T, atol=1e-6):
        wrong.append("place")
    if printed["type"] != "fixed":
        if not np.allclose(joint.axis, printed["axis"], atol=1e-6):
            wrong.append("axis")
        mimic = printed.get("mimic")
        coupling = (mimic["joint"], mimic["multiplier"], mimic["offset"]) if mimic else None
        if joint.mimic != coupling:
            wrong.append("coupling")
        needed = coupling[1] * hand.tree.joint(coupling[0]).upper if coupling else 0.0
        low, high = printed["limit"]
        if abs(joint.lower - low) > 1e-6 or (
            abs(joint.upper - max(high, needed)) > COUPLING_TOLERANCE
        ):
            wrong.append("limit")
    return f"{name}: {', '.join(wrong)}" if wrong else ""


def _link(hand: Hand, name: str, printed: dict[str, Any]) -> str:
    """Return how far a link's shapes stand out of its printed bounds, or ""."""
    bounds = np.array([shape.bounds() for shape in hand.tree.shapes.get(name, ())])
    if not len(bounds):
        return f"{name}: no shape"
    below = np.array(printed["box_min_m"]) - bounds[:, 0].min(axis=0)
    above = bounds[:, 1].max(axis=0) - np.array(printed["box_max_m"])
    worst = float(np.maximum(below, above).max())
    return f"{name}: {1e3 * worst:.1f} mm out" if worst > 1e-4 else ""
