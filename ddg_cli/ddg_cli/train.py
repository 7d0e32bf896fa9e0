"""`ddg train em|gqcnn`: learn from data sets of judged grasps."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddg_cli import jaw_learning
from ddg_cli.report import Report
from ddg_core.errors import BadInput, DdgError, UnknownName

if TYPE_CHECKING:
    from ddg_planning.evaluate.examples import Examples
    from ddg_sim.dataset.store import Dataset

VARIANTS = ("em-s",)
FEATURES = "features"  # folder in a data set that keeps what was computed from its views


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the models and their options."""
    models = parser.add_subparsers(dest="model", required=True, metavar="MODEL")
    em = models.add_parser("em", help="an evaluative model: how likely a grasp is to hold")
    em.add_argument("--variant", default="em-s", help=f"one of {', '.join(VARIANTS)}")
    em.add_argument("--data", type=Path, nargs="+", required=True, help="folders of data sets")
    em.add_argument("--validation", type=Path, required=True, help="folder: stops and calibrates")
    em.add_argument("--out", type=Path, required=True, help="the weights (.safetensors)")
    em.add_argument("--seed", type=int, default=0, help="of starts, order and noise")
    em.add_argument("--epochs", type=int, help="most passes over the data")
    em.add_argument("--about", default="", help="a line for the model card")
    jaws = models.add_parser("gqcnn", help="a network of two jaws: is a grasp in an image robust")
    jaw_learning.add_train_options(jaws)
    for model in (em, jaws):
        model.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON object"
        )


def run(args: argparse.Namespace) -> Report:
    """Train the model that was named."""
    return jaw_learning.train(args) if args.model == "gqcnn" else _train_em(args)


def _train_em(args: argparse.Namespace) -> Report:
    """Compute features (or take them from the last run), learn, calibrate, measure, write."""
    from dataclasses import replace

    from ddg_core.description import load_hand
    from ddg_planning.evaluate.checkpoint import make_card, write
    from ddg_planning.evaluate.examples import join
    from ddg_planning.evaluate.network import NetworkSettings
    from ddg_planning.evaluate.train import TrainSettings, train
    from ddg_planning.evaluate.volume import VolumeSettings
    from ddg_sim.dataset.store import Dataset

    if args.variant not in VARIANTS:
        raise UnknownName("variant", args.variant, VARIANTS)
    if args.seed < 0 or (args.epochs is not None and args.epochs < 1):
        raise BadInput("train em: --seed must be at least 0, --epochs at least 1")
    sets = [Dataset(folder) for folder in (*args.data, args.validation)]
    hands = {data.header.settings.hand for data in sets}
    if len(hands) != 1:
        raise BadInput(f"train em: data sets of several hands: {', '.join(sorted(hands))}")
    _check_apart(sets[:-1], sets[-1])
    examples = join([_examples(data) for data in sets[:-1]])
    validation = _examples(sets[-1])
    settings = TrainSettings(seed=args.seed)
    if args.epochs is not None:
        settings = replace(settings, epochs=args.epochs)
    network, metrics = train(examples, validation, NetworkSettings(), settings, _tell)
    data = {
        "training": [data.content() for data in sets[:-1]],
        "validation": sets[-1].content(),
        "scenes": len(set(examples.scene.tolist())),
        "grasps": len(examples),
    }
    card = make_card(
        args.variant, load_hand(hands.pop()), network, VolumeSettings(), settings, data, metrics
    )
    digest = write(args.out, network, replace(card, about=args.about))
    answer = {"weights": args.out, "sha256": digest, **data, "metrics": metrics}
    return Report(answer, _text(answer))


def _check_apart(training: "Sequence[Dataset]", validation: "Dataset") -> None:
    """Refuse to validate on objects that were trained on."""
    seen = {row["object"] for data in training for row in data.rows(["object"])}
    both = seen & {row["object"] for row in validation.rows(["object"])}
    if both:
        raise BadInput(f"train em: {min(both)!r} is in training and validation data")


def _examples(data: "Dataset") -> "Examples":
    """Features of all grasps of a data set; what was computed before is taken from its folder."""
    import numpy as np

    from ddg_cli.countdown import Countdown
    from ddg_core.description import config_folder, load_hand
    from ddg_core.settings import load
    from ddg_perception.perceive import PerceptionSettings, perceive
    from ddg_planning.evaluate import examples as kept
    from ddg_planning.evaluate.checkpoint import VERSION
    from ddg_planning.evaluate.volume import VolumeSettings
    from ddg_sim.dataset.codec import decode

    perception = load(config_folder() / "perception.yaml", PerceptionSettings)
    settings, rollouts = VolumeSettings(), data.header.settings
    describe = kept.Describer(load_hand(rollouts.hand), settings)
    folder = data.folder / FEATURES / _key(VERSION, perception, settings)
    total, shown, found = len(data.seeds()), Countdown("features"), []
    for done, row in enumerate(data.rows(), start=1):
        path = folder / f"{row['content'][:32]}.npz"
        if path.exists():
            found.append(kept.load(path))
            continue
        if not row["grasps"]:
            continue
        record = decode(row, hand=rollouts.hand, camera=rollouts.view.camera)
        held = [result.held for result in record.results]
        try:
            rng = np.random.default_rng(record.seed)
            view = perceive(record.views[0].image, perception, rng=rng)
            scene = describe(view, record.grasps, held, record.seed)
        except DdgError:  # nothing could be planned on this view either
            continue
        kept.save(path, scene)
        found.append(scene)
        shown.show(done, total)
    return kept.join(found)


def _key(*shaping: Any) -> str:
    """Short hash of all that shapes features: another shape, another folder."""
    import hashlib

    from ddg_core.settings import to_tree

    text = json.dumps([to_tree(value) for value in shaping], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _tell(member: int, epoch: int, loss: float) -> None:
    import sys

    print(f"train: member {member}, epoch {epoch}: validation loss {loss:.4f}", file=sys.stderr)


def _text(answer: dict[str, Any]) -> str:
    metrics = answer["metrics"]
    return "\n".join(
        [
            f"weights {answer['weights']} (SHA-256 {answer['sha256'][:16]})",
            f"trained on {answer['grasps']} grasps of {answer['scenes']} scenes",
            *(f"{name:<18} {value}" for name, value in metrics.items()),
        ]
    )
