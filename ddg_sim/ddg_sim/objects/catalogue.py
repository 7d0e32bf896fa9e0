"""The procedural catalogue: 20 kinds of household things, drawn by seed, split by object.

Beside it are blends: shapes without a kind, to learn from.
"""

import hashlib
import re
import zlib
from collections.abc import Callable
from typing import Literal

import numpy as np

from ddg_core.errors import UnknownName
from ddg_sim.objects import tools, vessels
from ddg_sim.objects.blends import blend
from ddg_sim.objects.solids import Draft

PER_KIND = 16
BLEND, BLENDS = "blend", 4000  # how many
Split = Literal["train", "validation", "test"]

# Easy ones first: `demo --list` shows them in this order.
FAMILIES: dict[str, Callable[[np.random.Generator], Draft]] = {
    "box": vessels.box,
    "can": vessels.can,
    "bottle": vessels.bottle,
    "mug": vessels.mug,
    "ball": vessels.ball,
    "cup": vessels.cup,
    "salt_shaker": vessels.salt_shaker,
    "jug": vessels.jug,
    "teapot": vessels.teapot,
    "stapler": tools.stapler,
    "bowl": vessels.bowl,
    "funnel": vessels.funnel,
    "pan": vessels.pan,
    "spatula": tools.spatula,
    "dustpan": tools.dustpan,
    "knife": tools.knife,
    "spoon": tools.spoon,
    "plate": vessels.plate,
    "scissors": tools.scissors,
    "fork": tools.fork,
}
_KINDS = {**FAMILIES, BLEND: blend}


def catalogue() -> tuple[str, ...]:
    """Names of all base objects, the easy half first and its kinds in turn."""
    kinds = list(FAMILIES)
    half = len(kinds) // 2
    return tuple(
        f"{kind}_{i:03d}"
        for group in (kinds[:half], kinds[half:])
        for i in range(PER_KIND)
        for kind in group
    )


def blends() -> tuple[str, ...]:
    """Names of all blends."""
    return tuple(f"{BLEND}_{i:04d}" for i in range(BLENDS))


def kind_of(name: str) -> str:
    """Kind of a catalogue name: "bottle" of "bottle_003"."""
    return re.sub(r"_\d+$", "", name)


def split(name: str) -> Split:
    """Which split an object belongs to, fixed by the hash of its name: 75, 10 and 15 percent."""
    share = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") / 2**32
    return "train" if share < 0.75 else "validation" if share < 0.85 else "test"


def full_name(name: str) -> str:
    """The whole name of an object: "bottle" means "bottle_000".

    Raises:
        UnknownName: There is no such kind, or no such number of it.
    """
    kind = kind_of(name)
    if kind not in _KINDS:
        raise UnknownName("kind of object", kind, _KINDS)
    siblings = blends() if kind == BLEND else [f"{kind}_{i:03d}" for i in range(PER_KIND)]
    full = siblings[0] if name == kind else name
    if full not in siblings:
        raise UnknownName("object", name, siblings)
    return full


def draw(name: str) -> Draft:
    """Draw the object that a name stands for.

    Raises:
        UnknownName: There is none of that name.
    """
    full = full_name(name)
    return _KINDS[kind_of(full)](np.random.default_rng(zlib.crc32(full.encode())))
