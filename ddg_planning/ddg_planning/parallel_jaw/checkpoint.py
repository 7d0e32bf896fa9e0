"""Weights of the networks of two jaws with all that is needed to use and to repeat them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ddg_core.errors import BadInput
from ddg_core.settings import parse, to_tree
from ddg_planning.evaluate.weights import fill, read_weights, software
from ddg_planning.parallel_jaw.fc_gqcnn import FcGqCnn, FcSettings
from ddg_planning.parallel_jaw.gqcnn import GqCnn

VERSION = 1  # of crops, networks and this file together
VARIANTS = {  # name -> sizes of the small network; None is the paper's
    "gqcnn": None,
    "gqcnn-small": FcSettings(),
    "fc-gqcnn": FcSettings(angles=16),
}
Network = GqCnn | FcGqCnn


@dataclass(frozen=True)
class JawCard:
    """What the weights are and where they come from.

    Attributes:
        version: Of crops and networks; another version cannot be used.
        variant: One of `VARIANTS`.
        network: Sizes; None for the paper's.
        hand: Name of the gripper that the labels are of.
        stroke: Its widest opening, in [m].
        focal: Focal length of the images that crops are taken from, in pixels.
        data: What it was trained on: content hashes, scenes, grasps.
        training: Settings and seed of the training.
        metrics: What was measured on the validation data.
        software: Versions of the libraries that shaped it.
        about: Model card, for people.
    """

    version: int
    variant: str
    network: FcSettings | None
    hand: str
    stroke: float
    focal: float
    data: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    software: dict[str, str] = field(default_factory=dict)
    about: str = ""


def build(settings: FcSettings | None) -> Network:
    """A network with fresh weights from torch's generator; None makes the paper's."""
    return GqCnn() if settings is None else FcGqCnn(settings)


def make_card(
    variant: str,
    hand: str,
    stroke: float,
    focal: float,
    training: object,
    data: dict[str, Any],
    metrics: dict[str, Any],
    about: str,
) -> JawCard:
    """The card of freshly trained weights; `training` is the settings of the training."""
    return JawCard(
        version=VERSION,
        variant=variant,
        network=VARIANTS[variant],
        hand=hand,
        stroke=stroke,
        focal=focal,
        data=data,
        training=to_tree(training),
        metrics=metrics,
        software=software(),
        about=about,
    )


def read(path: Path) -> tuple[Network, JawCard, str]:
    """Read network, card and hash.

    Raises:
        BadInput: No such file, not the file that its hash was written for, of another version, or
            with weights that do not fit its card.
    """
    tensors, tree, digest = read_weights(path, "network of two jaws", VERSION)
    card = parse(tree, JawCard, path.name)
    if card.variant not in VARIANTS:
        raise BadInput(f"{path}: of an unknown variant {card.variant!r}")
    network = build(card.network)
    fill(path, network, tensors)
    return network, card, digest
