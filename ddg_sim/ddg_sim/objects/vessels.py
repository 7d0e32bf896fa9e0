"""Families of closed and hollow round things, and the box. Each draws one object from `rng`."""

import numpy as np

from ddg_core.arrays import Array
from ddg_sim.objects.solids import (
    Draft,
    Mesh,
    chain,
    difference,
    ellipsoid,
    hull,
    lathe,
    link,
    mesh_of,
    rounded_box,
    stack,
    union,
    wall,
)

Rng = np.random.Generator


def box(rng: Rng) -> Draft:
    """Draw a carton with slightly rounded edges."""
    half = np.array([rng.uniform(0.02, 0.036), rng.uniform(0.025, 0.055), rng.uniform(0.04, 0.09)])
    part = rounded_box([0, 0, half[2]], half, rng.uniform(0.001, 0.004))
    return Draft(mesh_of(part), (part,), _filled(rng, 8 * float(half.prod()), 250, 600))


def can(rng: Rng) -> Draft:
    """Draw a tin with rims and sunk lids."""
    r, h = rng.uniform(0.026, 0.038), rng.uniform(0.075, 0.14)
    rim, sunk = r - 0.0025, 0.003
    profile = [
        (0, sunk),
        (rim - 0.001, sunk),
        (rim - 0.001, 0),
        (rim, 0),
        (r, 0.003),
        (r, h - 0.003),
        (rim, h),
        (rim - 0.001, h),
        (rim - 0.001, h - sunk),
        (0, h - sunk),
    ]
    part = stack([(rim, 0), (r, 0.003), (r, h - 0.003), (rim, h)])
    return Draft(lathe(profile), (part,), _filled(rng, np.pi * r**2 * h, 500, 1050))


def ball(rng: Rng) -> Draft:
    """Draw a tennis ball, or one a little smaller or larger."""
    r = rng.uniform(0.029, 0.036)
    visual = ellipsoid([0, 0, r], [r] * 3, fine=4)
    return Draft(
        mesh_of(visual), (hull(ellipsoid([0, 0, r], [r] * 3, fine=2)),), rng.uniform(0.05, 0.065)
    )


def bottle(rng: Rng) -> Draft:
    """Draw a bottle: round or oval body, sloping shoulder, neck, cap."""
    r, h = rng.uniform(0.025, 0.036), rng.uniform(0.07, 0.13)
    slope, neck = rng.uniform(0.015, 0.05), rng.uniform(0.010, 0.014)
    cap, cap_h = neck + rng.uniform(0.001, 0.004), rng.uniform(0.015, 0.03)
    collar = h + slope + rng.uniform(0.004, 0.02)
    top = collar + cap_h
    u = np.linspace(0.0, 1.0, 7)
    bend = 0.5 - 0.5 * np.cos(np.pi * u)  # a smooth S from body to neck
    shoulder = np.stack([r + (neck - r) * (0.6 * u + 0.4 * bend), h + slope * u], axis=1)
    foot, lid = (
        [(r - 0.004, 0.0), (r, 0.005)],
        [(cap, collar), (cap, top - 0.002), (cap - 0.002, top)],
    )
    profile = np.array([(0, 0), *foot, *shoulder, (neck, collar), *lid, (0, top)])
    parts = [
        stack([*foot, (r, h), *shoulder[[2, 4]]]),
        stack([*shoulder[3:], (neck, collar)]),
        stack(lid),
    ]
    oval = np.array([1.0, rng.uniform(0.7, 1.0) if rng.random() < 0.5 else 1.0, 1.0])
    visual = lathe(profile)
    visual = Mesh(visual.vertices * oval, visual.faces)
    mass = _filled(rng, float(visual.volume), 500, 1000)
    return Draft(visual, tuple(part * oval for part in parts), mass)


def salt_shaker(rng: Rng) -> Draft:
    """Draw a shaker with a waist and a domed metal cap."""
    r, h = rng.uniform(0.018, 0.026), rng.uniform(0.05, 0.08)
    waist, dome = r * rng.uniform(0.7, 0.95), rng.uniform(0.012, 0.025)
    body = [(r, 0), (r, 0.1 * h), (waist, 0.6 * h), (waist * 1.05, h)]
    phi = np.linspace(0.0, np.pi / 2, 8)
    cap = np.stack([waist * 1.12 * np.cos(phi), h + 0.006 + dome * np.sin(phi)], axis=1)
    cap[-1, 0] = 0.0
    visual = lathe([(0, 0), *body, (waist * 1.12, h), *cap])
    parts = (stack(body[:3]), stack(body[2:]), stack([(waist * 1.12, h), *cap[:-1]]))
    return Draft(visual, parts, rng.uniform(0.06, 0.16))


def cup(rng: Rng) -> Draft:
    """Draw a tumbler: no handle, wider at the rim."""
    rim, h, t = rng.uniform(0.032, 0.042), rng.uniform(0.075, 0.12), rng.uniform(0.003, 0.005)
    visual, parts = _vessel(rim * rng.uniform(0.7, 0.95), rim, h, t, segments=7)
    return Draft(visual, tuple(parts), rng.uniform(0.06, 0.25))


def mug(rng: Rng) -> Draft:
    """Draw a mug whose handle is closed in contact: its eye is narrower than a robot's finger."""
    rim, h, t = rng.uniform(0.034, 0.043), rng.uniform(0.075, 0.105), rng.uniform(0.004, 0.0055)
    base = rim * rng.uniform(0.9, 1.0)
    visual, parts = _vessel(base, rim, h, t, segments=6)
    reach, bar = rng.uniform(0.022, 0.026), rng.uniform(0.0045, 0.006)
    low, high = rng.uniform(0.2, 0.3) * h, rng.uniform(0.72, 0.85) * h
    phi = np.linspace(-np.pi / 2, np.pi / 2, 9)
    path = np.stack(
        [
            rim - t + reach * np.cos(phi) ** 0.6,
            0 * phi,
            (low + high) / 2 + (high - low) / 2 * np.sin(phi),
        ],
        1,
    )
    ear = [ellipsoid(p, [bar * 0.8, bar * 1.3, bar]) for p in path]
    hollow = lathe([(0, t), (rim * 0.8, t), (rim - t / 2, h), (0, h)])
    handle = difference(union(mesh_of(part) for part in chain(ear)), [hollow])
    closed = [ellipsoid(p, [bar * 0.8, bar * 1.3, bar], fine=1) for p in path]
    closed = [np.maximum(body, [base - 0.7 * t, -1.0, -1.0]) for body in closed]
    return Draft(
        union([visual, handle]), (*parts, hull(np.concatenate(closed))), rng.uniform(0.2, 0.38)
    )


def bowl(rng: Rng) -> Draft:
    """Draw a bowl: a small flat foot and a flaring wall."""
    rim, h, t = rng.uniform(0.055, 0.08), rng.uniform(0.04, 0.065), rng.uniform(0.0035, 0.0055)
    foot, belly = rim * rng.uniform(0.45, 0.6), rng.uniform(0.04, 0.12)
    u = np.linspace(0.0, 1.0, 7)
    curve = np.stack([foot + (rim - foot) * (u + 4 * belly * u * (1 - u)), h * u], axis=1)
    inside = curve[1:] - [t, 0.0]
    visual = lathe([(0, 0), *curve, *inside[::-1], (foot - t, 1.2 * t), (0, 1.2 * t)])
    parts = wall(curve, inside[[0, 3, 5]], segments=7, thickness=t)
    return Draft(visual, (*parts, stack([(foot, 0), (foot, 1.2 * t)])), rng.uniform(0.12, 0.35))


def plate(rng: Rng) -> Draft:
    """Draw a plate: a flat middle and a rising rim."""
    rim, h, t = rng.uniform(0.075, 0.105), rng.uniform(0.014, 0.024), rng.uniform(0.004, 0.006)
    foot = rim * rng.uniform(0.55, 0.7)
    outside = np.array([(foot, 0.0), (rim, h)])
    inside = np.array([(foot, t), (rim - t / 2, h + t / 2)])
    visual = lathe([(0, 0), *outside, *inside[::-1], (0, t)])
    parts = wall(outside, inside, segments=7, thickness=0.0)
    return Draft(visual, (*parts, stack([(foot, 0), (foot, t)])), rng.uniform(0.15, 0.4))


def pan(rng: Rng) -> Draft:
    """Draw a small frying pan with a long handle."""
    rim, h, t = rng.uniform(0.052, 0.07), rng.uniform(0.03, 0.042), rng.uniform(0.0035, 0.005)
    visual, parts = _vessel(rim * rng.uniform(0.8, 0.92), rim, h, t, segments=6)
    length, width = rng.uniform(0.11, 0.15), rng.uniform(0.009, 0.013)
    root = ellipsoid([rim + 0.001, 0, h - 0.008], [0.006, width * 0.7, 0.005])
    tip = ellipsoid([rim + length, 0, h + rng.uniform(0.0, 0.015)], [0.012, width, 0.008])
    handle = link(root, tip)
    return Draft(union([visual, mesh_of(handle)]), (*parts, handle), rng.uniform(0.3, 0.5))


def funnel(rng: Rng) -> Draft:
    """Draw a funnel that stands on its rim or lies; the stem's bore is too narrow for fingers."""
    rim, h, t = rng.uniform(0.04, 0.06), rng.uniform(0.04, 0.06), rng.uniform(0.003, 0.004)
    stem, length = rng.uniform(0.008, 0.011), rng.uniform(0.04, 0.06)
    throat = length + h
    outside = np.array([(stem, length), (rim, throat), (rim, throat + 0.008)])
    inside = np.array([(stem - t, length + t), (rim - t, throat + t), (rim - t, throat + 0.008)])
    bore = stem - t
    visual = lathe([(bore, 0), (stem * 0.8, 0), *outside, *inside[::-1], (bore, 0)])
    parts = wall(outside, inside[[0, 2]], segments=7, thickness=t)
    return Draft(
        visual,
        (*parts, stack([(stem * 0.8, 0), (stem, length), (stem, length + t)])),
        rng.uniform(0.03, 0.1),
    )


def jug(rng: Rng) -> Draft:
    """Draw a lidded jug with an open handle and a small spout."""
    r, h = rng.uniform(0.036, 0.045), rng.uniform(0.14, 0.19)
    top, neck = r * rng.uniform(0.7, 0.95), h * rng.uniform(0.6, 0.75)
    profile = [(r - 0.004, 0), (r, 0.004), (r, neck), (top, h), (top - 0.003, h + 0.006)]
    reach, bar = rng.uniform(0.038, 0.048), np.array([0.006, 0.009, 0.006])
    low, high = 0.25 * h, 0.85 * h
    ends = [
        (r - 0.006, low),
        (r + reach, low + 0.015),
        (r + reach * 0.9, high),
        (top - 0.004, high + 0.005),
    ]
    handle = chain([ellipsoid([x, 0, z], bar) for x, z in ends])
    lip = [
        ellipsoid([-top, 0, h * 0.93], [0.008, 0.012, 0.006]),
        ellipsoid([-top - 0.014, 0, h], [0.004, 0.005, 0.003]),
    ]
    body = lathe([(0, 0), *profile, (0, h + 0.006)])
    pieces = [*handle, link(*lip)]
    visual = union([body, *(mesh_of(piece) for piece in pieces)])
    return Draft(visual, (stack(profile), *pieces), rng.uniform(0.25, 0.48))


def teapot(rng: Rng) -> Draft:
    """Draw a lidded teapot: belly, knob, spout, and an open handle."""
    r, h = rng.uniform(0.042, 0.055), rng.uniform(0.075, 0.1)
    phi = np.linspace(-0.35 * np.pi, 0.4 * np.pi, 12)
    belly = np.stack([r * np.cos(phi), h / 2 + h / 2 * np.sin(phi) / np.sin(0.4 * np.pi)], axis=1)
    belly[:, 1] -= belly[0, 1]
    top = belly[-1, 1]
    knob = ellipsoid([0, 0, top + 0.012], [0.011, 0.011, 0.010])
    stem = ellipsoid([0, 0, top], [0.006, 0.006, 0.01])
    spout = chain(
        [
            ellipsoid([-r * 0.85, 0, top * 0.35], [0.012, 0.011, 0.014]),
            ellipsoid([-r * 1.35, 0, top * 0.65], [0.008, 0.008, 0.008]),
            ellipsoid([-r * 1.65, 0, top * 0.98], [0.006, 0.006, 0.004]),
        ]
    )
    bar, reach = np.array([0.006, 0.008, 0.006]), rng.uniform(0.036, 0.044)
    ends = [
        (r * 0.9, top * 0.22),
        (r + reach, top * 0.35),
        (r + reach, top * 0.8),
        (r * 0.75, top * 0.86),
    ]
    pieces = [link(knob, stem), *spout, *chain([ellipsoid([x, 0, z], bar) for x, z in ends])]
    body = lathe([(0, 0), *belly, (0, top)])
    visual = union([body, *(mesh_of(piece) for piece in pieces)])
    return Draft(visual, (stack(belly[::2]), *pieces), rng.uniform(0.25, 0.45))


def _vessel(
    base: float, rim: float, h: float, t: float, *, segments: int
) -> tuple[Mesh, list[Array]]:
    """Conical hollow vessel, open at the top: its mesh, wall segments and floor."""
    outside = np.array([(base - 0.002, 0.0), (base, 0.003), (rim, h)])
    slope = (rim - base) / h
    inside = np.array([(base + slope * t - t, t), (rim - t, h)])
    visual = lathe([(0, 0), *outside, *inside[::-1], (0, t)])
    walls = wall(outside, inside, segments=segments, thickness=t)
    return visual, [*walls, stack([(base - t, 0.0), (base - t, t)])]


def _filled(rng: Rng, volume: float, low: float, high: float) -> float:
    """Mass in [kg] of a filled container of `volume` [m^3], density in [low, high] kg/m^3."""
    return float(np.clip(volume * rng.uniform(low, high), 0.03, 0.5))
