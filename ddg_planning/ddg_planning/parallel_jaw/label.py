"""Grasps to learn from at a known object, and what they are worth."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ddg_core.arrays import Array, BoolArray
from ddg_core.errors import Failed
from ddg_core.grasp import Grasp
from ddg_core.view import DepthImage
from ddg_planning.parallel_jaw.image_grasp import ImageGrasps, to_space
from ddg_planning.parallel_jaw.jaws import Jaws
from ddg_planning.parallel_jaw.prepare import Prepared, PrepareSettings, prepare
from ddg_planning.parallel_jaw.robust import UP, RobustSettings, robust_epsilon
from ddg_planning.parallel_jaw.sample_image import (
    ImageSampling,
    antipodal_on_image,
    deepest,
    random_on_image,
)
from ddg_planning.parallel_jaw.sample_mesh import MeshSampling, antipodal_on_mesh
from ddg_planning.parallel_jaw.surface import Surface

_SPARE = 3  # lines looked for on the mesh per line wanted


@dataclass(frozen=True)
class LabelSettings:
    """What is learned from.

    Attributes:
        mesh_share: Share of the grasps that are antipodal on the mesh, as in Dex-Net 2.0.
        image_share: Share that are antipodal in the image, as policies propose them; the rest are
            random in the image, as a fully convolutional network meets them.
        room: Height above the support below which the jaws do not close, in [m].
        least: Robust epsilon above which a grasp is good.
        prepare: The image that grasps are sampled on.
        mesh: Sampling on the mesh; lines are level, as those of image grasps are.
        image: Sampling in the image.
        robust: How the label is computed.
    """

    mesh_share: float = 0.4
    image_share: float = 0.4
    room: float = 0.007
    least: float = 0.002
    prepare: PrepareSettings = field(default_factory=lambda: PrepareSettings(focal=287.0))
    mesh: MeshSampling = field(default_factory=lambda: MeshSampling(tilt=0.0))
    image: ImageSampling = field(default_factory=ImageSampling)
    robust: RobustSettings = field(default_factory=RobustSettings)

    def __post_init__(self) -> None:
        """Refuse shares that are none."""
        if min(self.mesh_share, self.image_share) < 0.0 or self.mesh_share + self.image_share > 1.0:
            raise ValueError("mesh_share and image_share must be positive, at most 1 together")


def propose(
    surface: Surface,
    image: DepthImage,
    mask: BoolArray,
    support: float,
    jaws: Jaws,
    settings: LabelSettings,
    *,
    n: int,
    rng: np.random.Generator,
) -> list[Grasp]:
    """Draw about `n` grasps of three kinds: "mesh", "image" and "random".

    Args:
        surface: The object, in the base frame.
        image: A view of it.
        mask: Its pixels, shape (H, W).
        support: Height of what it stands on, in [m].
        jaws: The gripper.
        settings: What is learned from.
        n: Grasps wanted; there are fewer where one kind finds no more.
        rng: Source of all choices.
    """
    s = settings
    on_mesh, on_image = round(s.mesh_share * n), round(s.image_share * n)
    kinds = [("mesh", _on_mesh(surface, support + s.room, jaws, s, on_mesh, rng))]
    try:
        view = prepare(image, mask, s.prepare)
    except Failed:  # hardly seen: what is on the mesh is all there is
        view = None
    if view is not None:
        floor = deepest(view, UP, support, s.room)
        found = _antipodal(view, jaws, floor, s.image, on_image, rng)
        if found is not None:
            kinds.append(("image", (*to_space(found, view.scaled, UP), found.widths)))
        more = random_on_image(view, floor, s.image, n=n - on_mesh - on_image, rng=rng)
        kinds.append(("random", (*to_space(more, view.scaled, UP), more.widths)))
    return [
        jaws.grasp(centre, axis, -UP, float(width), kind, 0.0)
        for kind, lines in kinds
        for centre, axis, width in zip(*lines, strict=True)
        if centre[2] >= support + s.room - 1e-6
    ]


def quality(
    surface: Surface,
    grasps: Sequence[Grasp],
    jaws: Jaws,
    settings: LabelSettings,
    *,
    rng: np.random.Generator,
) -> Array:
    """Robust epsilon of grasps, shape (N,)."""
    if not grasps:
        return np.zeros(0)
    centres, axes = map(np.array, zip(*map(jaws.line, grasps), strict=True))
    half, pads = jaws.stroke / 2, jaws.pads
    return robust_epsilon(surface, centres, axes, half, settings.robust, rng=rng, pads=pads)


def _on_mesh(
    surface: Surface,
    lowest: float,
    jaws: Jaws,
    s: LabelSettings,
    n: int,
    rng: np.random.Generator,
) -> tuple[Array, Array, Array]:
    """Antipodal grasps where policies look for them: not too low, not too deep in the object."""
    lines = antipodal_on_mesh(surface, UP, jaws.stroke, s.mesh, n=_SPARE * n, rng=rng)
    middles = lines[0]
    far = float(np.ptp(surface.triangles[..., 2])) + 1e-3
    crossed, _, height = surface.crossings(middles, np.tile(UP, (len(middles), 1)), far)
    above = np.zeros(len(middles))
    np.maximum.at(above, crossed, height)
    kept = np.flatnonzero((middles[:, 2] >= lowest) & (above <= s.image.below[1]))[:n]
    middles, axes, widths = (column[kept] for column in lines)
    return middles, axes, widths


def _antipodal(
    view: Prepared,
    jaws: Jaws,
    floor: Array,
    settings: ImageSampling,
    n: int,
    rng: np.random.Generator,
) -> ImageGrasps | None:
    try:
        return antipodal_on_image(view, jaws.stroke, floor, settings, n=n, rng=rng)
    except Failed:
        return None
