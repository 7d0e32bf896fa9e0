"""Families of flat and long things: cutlery and tools. Each draws one object from `rng`."""

import numpy as np

from ddg_sim.objects.solids import (
    Draft,
    box,
    chain,
    difference,
    ellipsoid,
    hull,
    link,
    mesh_of,
    of_parts,
    rounded_box,
    turned,
    union,
)

Rng = np.random.Generator


def spoon(rng: Rng) -> Draft:
    """Draw a serving spoon; its shallow bowl is filled in contact."""
    length, width = rng.uniform(0.12, 0.17), rng.uniform(0.005, 0.008)
    thick, depth = rng.uniform(0.0025, 0.004), rng.uniform(0.010, 0.015)
    half = np.array([rng.uniform(0.027, 0.036), rng.uniform(0.018, 0.026), depth])
    rise = depth + rng.uniform(0.004, 0.012)
    egg = ellipsoid([0, 0, depth], half, fine=4)
    egg = np.minimum(egg, [1.0, 1.0, depth])
    carved = ellipsoid([0, 0, depth + 0.0005], half - 0.0025, fine=4)
    stem = chain(
        [
            ellipsoid([half[0] - 0.003, 0, depth - 0.003], [0.004, width * 0.7, thick * 0.7]),
            ellipsoid([half[0] + 0.02, 0, rise], [0.004, width * 0.6, thick]),
            ellipsoid([half[0] + length, 0, rise * 0.6], [0.008, width, thick]),
        ]
    )
    head = difference(mesh_of(egg), [mesh_of(carved)])
    visual = union([head, *(mesh_of(piece) for piece in stem)])
    return Draft(
        visual,
        (hull(np.minimum(ellipsoid([0, 0, depth], half), [1, 1, depth])), *stem),
        rng.uniform(0.03, 0.09),
    )


def fork(rng: Rng) -> Draft:
    """Draw a serving fork with three or four tines."""
    tines = int(rng.integers(3, 5))
    length, width = rng.uniform(0.11, 0.15), rng.uniform(0.005, 0.008)
    thick, prong = rng.uniform(0.0022, 0.0032), rng.uniform(0.04, 0.055)
    spread = np.linspace(-1, 1, tines) * rng.uniform(0.010, 0.013)
    bend = rng.uniform(0.008, 0.014)
    palm = rounded_box([0.009, 0, thick], [0.011, spread[-1] + 0.0025, thick], 0.001)
    parts = [
        link(
            ellipsoid([-0.002, y, thick], [0.002, 0.0022, thick * 0.9], fine=1),
            ellipsoid([-prong, y, bend], [0.002, 0.0015, 0.0015], fine=1),
        )
        for y in spread
    ]
    handle = chain(
        [
            ellipsoid([0.016, 0, thick], [0.004, width, thick]),
            ellipsoid([0.045, 0, bend], [0.004, width * 0.6, thick]),
            ellipsoid([0.045 + length, 0, bend * 0.5], [0.008, width, thick]),
        ]
    )
    return of_parts([*parts, palm, *handle], rng.uniform(0.03, 0.08))


def knife(rng: Rng) -> Draft:
    """Draw a kitchen knife with a thick handle and a blunt-edged blade."""
    grip, blade = rng.uniform(0.10, 0.125), rng.uniform(0.10, 0.16)
    tall, thick = rng.uniform(0.022, 0.036), rng.uniform(0.0008, 0.0014)
    width, high = rng.uniform(0.007, 0.010), rng.uniform(0.010, 0.014)
    butt = ellipsoid([grip, 0, 0], [0.012, width, high * 1.15])
    handle = link(ellipsoid([0.006, 0, 0], [0.008, width * 0.9, high]), butt)
    outline = np.array(
        [
            (0.002, high * 0.7),
            (-blade * 0.8, high * 0.7),
            (-blade, high * 0.2),
            (-blade * 0.85, high * 0.7 - tall * 0.8),
            (-blade * 0.3, high * 0.7 - tall),
            (0.002, high * 0.7 - tall),
        ]
    )
    flat = hull([(x, y, z) for x, z in outline for y in (-thick, thick)])
    parts = [turned(part, x=np.pi / 2) for part in (handle, flat)]
    return of_parts(parts, rng.uniform(0.07, 0.2))


def spatula(rng: Rng) -> Draft:
    """Draw a turner: blade, bent neck, round handle."""
    wide, long, thick = (
        rng.uniform(0.028, 0.04),
        rng.uniform(0.035, 0.05),
        rng.uniform(0.0015, 0.0025),
    )
    rise, reach = rng.uniform(0.02, 0.04), rng.uniform(0.1, 0.14)
    r = rng.uniform(0.008, 0.012)
    blade = rounded_box([0, 0, thick], [long, wide, thick], thick * 0.8)
    neck = chain(
        [
            ellipsoid([long - 0.006, 0, thick], [0.006, 0.009, thick]),
            ellipsoid([long + 0.035, 0, rise], [0.004, 0.005, 0.004]),
            ellipsoid([long + 0.075, 0, rise + 0.008], [0.004, 0.005, 0.004]),
        ]
    )
    grip = link(
        ellipsoid([long + 0.075, 0, rise + 0.008], [0.008, r * 0.9, r * 0.7]),
        ellipsoid([long + 0.075 + reach, 0, rise + 0.008 + reach * 0.1], [0.012, r, r * 0.8]),
    )
    return of_parts([blade, *neck, grip], rng.uniform(0.05, 0.13))


def dustpan(rng: Rng) -> Draft:
    """Draw a dustpan: sloping floor, three walls, handle."""
    wide, long = rng.uniform(0.075, 0.095), rng.uniform(0.10, 0.14)
    tall, t = rng.uniform(0.03, 0.045), rng.uniform(0.002, 0.003)
    floor = hull(
        np.concatenate(
            [
                box([0, -wide, 0], [0.002, wide, 0.0015]),
                box([long, -wide, 0], [long + t, wide, 2 * t]),
            ]
        )
    )
    sides = [
        hull(
            np.concatenate(
                [
                    box([0.03, s * wide - t, 0], [0.032, s * wide + t, 0.004]),
                    box([long, s * wide - t, 0], [long + t, s * wide + t, tall]),
                ]
            )
        )
        for s in (-1, 1)
    ]
    back = box([long - t, -wide - t, 0], [long + t, wide + t, tall])
    reach, r = rng.uniform(0.10, 0.13), rng.uniform(0.009, 0.012)
    grip = link(
        ellipsoid([long, 0, tall * 0.7], [0.006, r * 1.3, r * 0.8]),
        ellipsoid([long + reach, 0, tall * 0.7 + 0.015], [0.012, r, r]),
    )
    return of_parts([floor, *sides, back, grip], rng.uniform(0.1, 0.22))


def scissors(rng: Rng) -> Draft:
    """Draw closed scissors: two crossing blades and two finger rings."""
    blade, t = rng.uniform(0.07, 0.1), rng.uniform(0.0025, 0.0035)
    eye, long, bar = rng.uniform(0.014, 0.018), rng.uniform(0.024, 0.03), rng.uniform(0.004, 0.005)
    shank = rng.uniform(0.03, 0.045)
    parts = []
    for s in (-1, 1):
        low, high = (0.002, 0.002 + t) if s < 0 else (0.002 + t, 0.002 + 2 * t)
        outline = [
            (-blade, 0.0),
            (-blade * 0.9, s * 0.003),
            (0.0, s * 0.009),
            (0.0, -s * 0.007),
            (-blade * 0.6, -s * 0.005),
        ]
        inner, far = s * 0.004, shank + long * 1.4
        leg = [
            (-0.008, -s * 0.006),
            (-0.008, s * 0.008),
            (far, inner - 0.004),
            (far, inner + 0.004),
        ]
        parts += [hull([(x, y, z) for x, y in xy for z in (low, high)]) for xy in (outline, leg)]
        corners = [
            (far, inner),
            (far - long * 0.2, s * 2 * eye),
            (shank - 0.01, s * eye * 1.4),
            (shank - 0.02, inner),
        ]
        balls = [ellipsoid([x, y, 0.002 + t], [bar, bar, bar * 0.9], fine=1) for x, y in corners]
        parts += [hull(np.concatenate(balls[:2])), hull(np.concatenate(balls[1:3]))]
    return of_parts(parts, rng.uniform(0.05, 0.12))


def stapler(rng: Rng) -> Draft:
    """Draw a desk stapler: base, hinge, and an arm that gapes a little."""
    long, wide = rng.uniform(0.055, 0.075), rng.uniform(0.014, 0.019)
    gape, arm = rng.uniform(0.03, 0.08), rng.uniform(0.009, 0.013)
    base = rounded_box([0, 0, 0.005], [long, wide, 0.005], 0.002)
    hinge = rounded_box([long - 0.014, 0, 0.018], [0.013, wide * 0.95, 0.013], 0.003)
    body = rounded_box([-long, 0, 0], [long * 0.98, wide * 0.9, arm], 0.005)
    nose = ellipsoid([-2 * long + 0.004, 0, -0.002], [0.01, wide * 0.85, arm * 0.8])
    pivot = np.array([long - 0.004, 0.0, 0.02 + arm * 0.6])
    lifted = turned(np.concatenate([body, nose]), y=gape) + pivot
    return of_parts([base, hinge, hull(lifted)], rng.uniform(0.12, 0.3))
