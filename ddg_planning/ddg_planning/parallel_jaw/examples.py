"""Judged grasps as the networks learn from them: crops, gripper depths, and whether they hold."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ddg_core.arrays import Array, BoolArray, IntArray
from ddg_core.errors import BadInput
from ddg_core.view import DepthImage
from ddg_planning.parallel_jaw.crops import aligned
from ddg_planning.parallel_jaw.image_grasp import to_image
from ddg_planning.parallel_jaw.prepare import PrepareSettings, prepare

SPLITS = ("image", "pose", "object")
Split = Literal["image", "pose", "object"]
Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class JawExamples:
    """N judged grasps, each as one view shows it.

    Attributes:
        crops: Depth about the grasp, shape (N, 32, 32), in [m]: aligned with the jaws, or upright.
        depths: Of the middle between the jaws, shape (N,), in [m].
        angles: Of the jaws' line in upright crops, shape (N,), in [rad]; 0 in aligned ones.
        good: Whether the grasp holds, shape (N,).
        image, pose, object: Names of the view, of the stable pose, and of the object, shape (N,).
    """

    crops: Floats
    depths: Floats
    angles: Floats
    good: BoolArray
    image: NDArray[np.str_]
    pose: NDArray[np.str_]
    object: NDArray[np.str_]

    def __len__(self) -> int:
        """Return the number of grasps."""
        return len(self.good)

    def at(self, rows: BoolArray | IntArray) -> "JawExamples":
        """Those in `rows`."""
        return JawExamples(*(getattr(self, f.name)[rows] for f in fields(self)))


def describe(
    image: DepthImage,
    mask: BoolArray,
    lines: tuple[Array, Array],
    good: Sequence[bool],
    names: tuple[str, str, str],
    focal: float,
    *,
    upright: bool,
) -> JawExamples:
    """Crop a view about grasps.

    Args:
        image: The view.
        mask: Pixels of the object, shape (H, W).
        lines: Middles between the jaws and directions of closing, both (N, 3), base frame.
        good: What became of the grasps, N of them.
        names: Of the view, of the stable pose, and of the object.
        focal: Focal length of the image that crops are taken from, in pixels.
        upright: Do not align crops with the jaws.

    Raises:
        BadInput, Failed: The image cannot be used; see `prepare`.
    """
    view = prepare(image, mask, PrepareSettings(focal=focal))
    seen = to_image(*lines, np.zeros(len(good)), view.scaled)
    turn = np.zeros(len(good)) if upright else np.asarray(seen.angles)
    crops = aligned(view.depth, seen.pixels, turn)
    return JawExamples(
        crops.astype(np.float32),
        seen.depths.astype(np.float32),
        (seen.angles - turn).astype(np.float32),
        np.asarray(good, dtype=bool),
        *(np.full(len(good), name) for name in names),
    )


def join(parts: Sequence[JawExamples]) -> JawExamples:
    """All examples in one; BadInput if there are none."""
    if not parts:
        raise BadInput("there are no examples to learn from")
    columns = (np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(JawExamples))
    return JawExamples(*columns)


def held_out(examples: JawExamples, by: Split, share: float) -> BoolArray:
    """Which examples are held out, shape (N,): all of an image, a pose or an object, or none.

    Names decide by their hashes, so that training and evaluation agree.
    """
    return named_out(getattr(examples, by), share)


def named_out(names: NDArray[np.str_], share: float) -> BoolArray:
    """Which of names (N,) are held out, shape (N,); equal names are together."""
    different, member = np.unique(names, return_inverse=True)
    out = np.array([_fraction(str(name)) < share for name in different], dtype=bool)
    return out[member]


def pose_name(thing: str, T_base_object: Array) -> str:
    """Name of a stable pose: of what is up in it."""
    up = np.rint(10.0 * T_base_object[2, :3]).astype(int) + 0  # no -0
    return f"{thing} {' '.join(map(str, up))}"


def _fraction(name: str) -> float:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") / 2**32
