"""Weights of an evaluative model with all that is needed to use and to repeat them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ddg_core.errors import BadInput
from ddg_core.hand import Hand
from ddg_core.settings import parse, to_tree
from ddg_planning.evaluate.fingerprint import TOLERANCE, fingerprint
from ddg_planning.evaluate.network import EmS, NetworkSettings
from ddg_planning.evaluate.volume import VolumeSettings
from ddg_planning.evaluate.weights import fill, read_weights, software

VERSION = 1  # of the features, the network and this file together


@dataclass(frozen=True)
class Card:
    """What the weights are and where they come from.

    Attributes:
        version: Of features and network; another version cannot be used.
        variant: Name of the evaluator, e.g. "em-s".
        hand: Name of the hand.
        links: The hand's links, in the order of the features.
        joints: The hand's driven joints, in their order.
        per_link, whole: Numbers per link and per grasp.
        volume: How views are encoded.
        network: Sizes.
        fingerprint: Features of a fixed case when it was trained; see `fingerprint`.
        data: What it was trained on: folders' content hashes, scenes, grasps.
        training: Settings and seed of the training.
        metrics: What was measured on the validation data.
        software: Versions of the libraries that shaped it.
        about: Model card, for people.
    """

    version: int
    variant: str
    hand: str
    links: tuple[str, ...]
    joints: tuple[str, ...]
    per_link: int
    whole: int
    volume: VolumeSettings
    network: NetworkSettings
    fingerprint: tuple[float, ...] = ()
    data: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    software: dict[str, str] = field(default_factory=dict)
    about: str = ""


def make_card(
    variant: str,
    hand: Hand,
    network: EmS,
    volume: VolumeSettings,
    training: object,
    data: dict[str, Any],
    metrics: dict[str, Any],
) -> Card:
    """The card of freshly trained weights; `training` is the settings of the training."""
    return Card(
        version=VERSION,
        variant=variant,
        hand=hand.name,
        links=hand.link_names,
        joints=hand.joint_names,
        per_link=len(network.link_mean),
        whole=len(network.whole_mean),
        volume=volume,
        network=network.settings,
        fingerprint=fingerprint(hand, volume),
        data=data,
        training=to_tree(training),
        metrics=metrics,
        software=software(),
    )


def read(path: Path) -> tuple[EmS, Card, str]:
    """Read network, card and hash.

    Raises:
        BadInput: No such file, not the file that its hash was written for, of another version, or
            with weights that do not fit its card.
    """
    tensors, tree, digest = read_weights(path, "evaluative model", VERSION)
    card = parse(tree, Card, path.name)
    network = EmS(len(card.links), card.per_link, card.whole, card.network)
    fill(path, network, tensors)
    return network, card, digest


def read_for(path: Path, hand: Hand) -> tuple[EmS, Card, str]:
    """The same of weights that judge grasps of `hand`.

    Raises:
        BadInput: They are damaged, of another version, for another hand, or learned from features
            that this program computes otherwise.
    """
    network, card, digest = read(path)
    if (card.hand, card.links, card.joints) != (hand.name, hand.link_names, hand.joint_names):
        raise BadInput(f"{path}: trained for hand {card.hand!r}, this is {hand.name!r}")
    now = fingerprint(hand, card.volume)
    if len(card.fingerprint) != len(now) or not np.allclose(
        card.fingerprint, now, rtol=0.0, atol=TOLERANCE
    ):
        raise BadInput(
            f"{path}: learned from other features than this program computes; train anew with"
            " ./ddg train em, or go back to the sources that it was trained with"
        )
    return network, card, digest
