"""What is demonstrated: an object of our own, where it is taken, and how the hand is shaped.

The objects are in no catalogue and in no evaluation.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ddg_core.arrays import Array
from ddg_sim.objects.assemble import assemble
from ddg_sim.objects.sim_object import SimObject
from ddg_sim.objects.solids import Draft, ellipsoid, lathe, of_parts, rounded_box, stack, wall


@dataclass(frozen=True)
class Shaping:
    """How the fingers close: joints in the order of the hand, by name so that it reads itself.

    Attributes:
        start: Open hand, driven joints in [rad].
        end: Closed hand.
        fingers: Links whose tips face the thumb's.
        thumb: Link of the thumb's tip.
    """

    start: dict[str, float]
    end: dict[str, float]
    fingers: tuple[str, ...]
    thumb: str = "c"


def _hand(
    thumb: float,
    opposition: float,
    index: tuple[float, float],
    middle: tuple[float, float],
    ring: float,
    pinky: float,
    spread: float,
) -> dict[str, float]:
    return {
        "Thumb_Flexion": thumb,
        "Thumb_Opposition": opposition,
        "Index_Finger_Distal": index[0],
        "Index_Finger_Proximal": index[1],
        "Middle_Finger_Distal": middle[0],
        "Middle_Finger_Proximal": middle[1],
        "Ring_Finger": ring,
        "Pinky": pinky,
        "Finger_Spread": spread,
    }


WHOLE = Shaping(  # all fingers against the thumb
    start=_hand(0.0, 0.95, (0.05, 0.05), (0.05, 0.05), 0.1, 0.1, 0.1),
    end=_hand(0.75, 0.95, (1.0, 0.75), (1.0, 0.75), 0.95, 0.95, 0.1),
    fingers=("t", "s", "r"),
)
THREE = Shaping(  # index and middle finger against the thumb, the others out of the way
    start=_hand(0.05, 0.8, (0.15, 0.25), (0.15, 0.25), 0.7, 0.7, 0.05),
    end=_hand(0.75, 0.8, (0.8, 0.79), (0.8, 0.79), 0.95, 0.95, 0.05),
    fingers=("t", "s"),
)


@dataclass(frozen=True)
class Plan:
    """One grasp to demonstrate.

    Attributes:
        make: The object, given a scale of the size that is grasped.
        width: What lies between thumb and fingers, in [m].
        below: How far below the top the fingertips hold, least and most, in [m].
        elevation: Of the approach below the horizon, least and most, in [rad].
        shaping: How the fingers close.
        side: The hand comes from the side, its palm upright.
        across: The fingers close along the object's y axis (else along any).
        off: Distance of the hold from the object's axis, in [m]: the wall of a cup.
    """

    make: Callable[[float], SimObject]
    width: float
    below: tuple[float, float]
    elevation: tuple[float, float]
    shaping: Shaping
    side: bool = False
    across: bool = False
    off: float = 0.0


def _solid(name: str, parts: list[Array], mass: float) -> SimObject:
    draft = of_parts(parts, mass)
    return assemble(name, draft.visual, draft.parts, mass)


def _cylinder(name: str, radius: float, height: float, mass: float) -> SimObject:
    return _solid(name, [stack([(radius, 0.0), (radius, height)])], mass)


def _block(name: str, half: tuple[float, float, float], mass: float) -> SimObject:
    return _solid(name, [rounded_box((0.0, 0.0, half[2]), half, 0.003)], mass)


def _ruler(scale: float) -> SimObject:
    """A flat strip on a narrow foot: there is room for fingertips beside and below it."""
    strip = rounded_box((0.0, 0.0, 0.058), (0.08, 0.011 * scale, 0.003), 0.0015)
    foot = rounded_box((0.0, 0.0, 0.0295), (0.03, 0.006, 0.0265), 0.002)
    base = rounded_box((0.0, 0.0, 0.003), (0.05, 0.04, 0.003), 0.001)
    return _solid("ruler", [strip, foot, base], 0.06)


def _globe(scale: float) -> SimObject:
    radius = 0.036 * scale
    return _solid("globe", [ellipsoid((0.0, 0.0, radius), (radius,) * 3)], 0.15)


def _beaker(scale: float) -> SimObject:
    r, h, t = 0.045 * scale, 0.08, 0.004
    profile = [(0, 0), (r, 0), (r, h), (r - t, h), (r - t, t), (0, t)]
    parts = wall([(r, 0.0), (r, h)], [(r - t, t), (r - t, h)], segments=20, thickness=t)
    draft = Draft(lathe(profile), (*parts, stack([(r - t / 2, 0.0), (r - t / 2, t)])), 0.15)
    return assemble("beaker", draft.visual, draft.parts, draft.mass)


def _degrees(low: float, high: float) -> tuple[float, float]:
    return float(np.radians(low)), float(np.radians(high))


PLANS: dict[str, Plan] = {
    "power": Plan(
        lambda s: _cylinder("tube", 0.033 * s, 0.16, 0.3),
        0.066, (0.055, 0.10), _degrees(-5, 30), WHOLE, side=True,
    ),
    "top": Plan(
        lambda s: _cylinder("tin", 0.034 * s, 0.09, 0.25),
        0.068, (0.025, 0.045), _degrees(65, 90), WHOLE,
    ),
    "box_top": Plan(
        lambda s: _block("carton", (0.045, 0.026 * s, 0.045), 0.25),
        0.052, (0.02, 0.04), _degrees(65, 90), WHOLE, across=True,
    ),
    "spherical": Plan(_globe, 0.072, (0.025, 0.045), _degrees(55, 90), WHOLE),
    "clamp": Plan(
        lambda s: _block("brick", (0.07, 0.017 * s, 0.022), 0.2),
        0.034, (0.02, 0.032), _degrees(60, 90), WHOLE, across=True,
    ),
    "tripod": Plan(
        lambda s: _cylinder("jar", 0.019 * s, 0.06, 0.1),
        0.038, (0.01, 0.03), _degrees(60, 90), THREE,
    ),
    "pinch": Plan(
        lambda s: _block("bar", (0.05, 0.012 * s, 0.014), 0.06),
        0.024, (0.008, 0.018), _degrees(60, 90), THREE, across=True,
    ),
    "strip": Plan(
        _ruler, 0.022, (-0.001, 0.006), _degrees(55, 90), THREE, across=True,
    ),
    "wide": Plan(
        lambda s: _cylinder("drum", 0.043 * s, 0.15, 0.35),
        0.086, (0.05, 0.09), _degrees(-5, 30), WHOLE, side=True,
    ),
    "rim": Plan(_beaker, 0.004, (0.008, 0.02), _degrees(50, 90), THREE, off=0.043),
}  # fmt: skip
