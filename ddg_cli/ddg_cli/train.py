"""`ddg train em|calibration|shards|gqcnn|holding`: learn from judged grasps."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddg_cli import hold_learning, jaw_learning, recalibrate
from ddg_cli.report import Report
from ddg_core.errors import BadInput, UnknownName

if TYPE_CHECKING:
    from ddg_planning.evaluate.examples import Examples
    from ddg_sim.dataset.store import Dataset

VARIANTS = ("em-s", "em1", "em2", "em3")
IMAGES = "images"  # folder in a data set that keeps its shards for the large variants


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the models and their options."""
    models = parser.add_subparsers(dest="model", required=True, metavar="MODEL")
    em = models.add_parser("em", help="an evaluative model: how likely a grasp is to hold")
    em.add_argument("--variant", default="em-s", help=f"one of {', '.join(VARIANTS)}")
    em.add_argument("--data", type=Path, nargs="+", required=True, help="folders of data sets")
    em.add_argument(
        "--validation", type=Path, nargs="+", required=True, help="folders: stop and calibrate"
    )
    em.add_argument("--out", type=Path, required=True, help="the weights (.safetensors)")
    em.add_argument("--seed", type=int, default=0, help="of starts, order and noise")
    em.add_argument("--epochs", type=int, help="most passes over the data")
    em.add_argument("--minutes", type=float, help="of a large variant: begin no pass after these")
    em.add_argument(
        "--begin", type=Path, help="weights of EM-S to go on from (default: begin anew)"
    )
    em.add_argument("--rate", type=float, help="largest step of EM-S; a smaller one forgets less")
    em.add_argument("--about", default="", help="a line for the model card")
    chosen = models.add_parser("calibration", help="make EM-S true of the grasps that it chooses")
    recalibrate.add_options(chosen)
    jaws = models.add_parser("gqcnn", help="a network of two jaws: is a grasp in an image robust")
    jaw_learning.add_train_options(jaws)
    hold = models.add_parser("holding", help="what played grasps teach about its verdicts")
    hold_learning.add_options(hold)
    cut = models.add_parser("shards", help="what a large variant learns from, for another machine")
    cut.add_argument("--data", type=Path, required=True, help="folder of a data set")
    cut.add_argument("--out", type=Path, required=True, help="folder")
    for model in (em, chosen, cut, jaws, hold):
        model.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON object"
        )


def run(args: argparse.Namespace) -> Report:
    """Learn, or prepare to learn elsewhere."""
    from ddg_cli.shards import shards_of
    from ddg_sim.dataset.store import Dataset

    if args.model == "calibration":
        return recalibrate.recalibrate(args)
    if args.model == "gqcnn":
        return jaw_learning.train(args)
    if args.model == "holding":
        return hold_learning.train(args)
    if args.model == "shards":
        folder = shards_of(Dataset(args.data), args.out)
        return Report({"shards": folder}, f"shards: {folder}")
    if args.variant not in VARIANTS:
        raise UnknownName("variant", args.variant, VARIANTS)
    if args.seed < 0 or (args.epochs is not None and args.epochs < 1):
        raise BadInput("train em: --seed must be at least 0, --epochs at least 1")
    if args.rate is not None and args.rate <= 0.0:
        raise BadInput(f"train em: --rate must be positive, got {args.rate}")
    if args.variant == "em-s":
        return _small(args)
    if args.begin or args.rate:
        raise BadInput("train em: --begin and --rate go with --variant em-s")
    return _large(args)


def _large(args: argparse.Namespace) -> Report:
    """Make shards (or take those of the last run), learn in this process, write."""
    from ddg_cli.shards import shards_of
    from ddg_planning.training.learn import LearnSettings, learn
    from ddg_sim.dataset.store import Dataset

    def shards(folder: Path) -> list[Path]:
        return sorted(shards_of(Dataset(folder), folder / IMAGES).glob("*.parquet"))

    training, validation = (
        [shard for folder in folders for shard in shards(folder)]
        for folders in (args.data, args.validation)
    )
    asked = {"epochs": args.epochs, "minutes": args.minutes}
    chosen = {name: value for name, value in asked.items() if value is not None}
    settings = LearnSettings(seed=args.seed, about=args.about, **chosen)
    try:
        card = learn(args.variant, training, validation, args.out, settings)
    except ValueError as error:
        raise BadInput(f"train em: {error}") from error
    lines = [f"weights {args.out}", *(f"{k:<18} {v}" for k, v in card["metrics"].items())]
    return Report({"weights": args.out, "metrics": card["metrics"]}, "\n".join(lines))


def _small(args: argparse.Namespace) -> Report:
    """Compute features (or take them from the last run), learn, calibrate, measure, write."""
    from dataclasses import replace

    from ddg_core.description import load_hand
    from ddg_planning.evaluate.checkpoint import make_card, read_for
    from ddg_planning.evaluate.examples import join_sets
    from ddg_planning.evaluate.network import NetworkSettings
    from ddg_planning.evaluate.train import TrainSettings, train
    from ddg_planning.evaluate.volume import VolumeSettings
    from ddg_planning.evaluate.weights import write_weights
    from ddg_sim.dataset.store import Dataset

    training, unseen = ([Dataset(folder) for folder in s] for s in (args.data, args.validation))
    hands = {data.header.settings.hand for data in (*training, *unseen)}
    if len(hands) != 1:
        raise BadInput(f"train em: data sets of several hands: {', '.join(sorted(hands))}")
    _check_apart(training, unseen)
    hand = load_hand(hands.pop())
    sizes, begin, before = NetworkSettings(), None, None
    if args.begin:
        begin, card, before = read_for(args.begin, hand)
        sizes = card.network
    examples, validation = (join_sets([_examples(d) for d in sets]) for sets in (training, unseen))
    asked = {"epochs": args.epochs, "rate": args.rate}
    chosen = {name: value for name, value in asked.items() if value is not None}
    settings = TrainSettings(seed=args.seed, **chosen)
    network, metrics = train(examples, validation, sizes, settings, _tell, begin)
    data = {
        "went_on_from": before,
        "training": [data.content() for data in training],
        "validation": [data.content() for data in unseen],
        "scenes": len(set(examples.scene.tolist())),
        "grasps": len(examples),
    }
    card = make_card(args.variant, hand, network, VolumeSettings(), settings, data, metrics)
    digest = write_weights(args.out, network, replace(card, about=args.about))
    answer = {"weights": args.out, "sha256": digest, **data, "metrics": metrics}
    return Report(answer, _text(answer))


def _check_apart(training: "Sequence[Dataset]", validation: "Sequence[Dataset]") -> None:
    """Refuse to validate on objects that were trained on."""
    seen, unseen = (
        {row["object"] for data in sets for row in data.rows(["object"])}
        for sets in (training, validation)
    )
    both = seen & unseen
    if both:
        raise BadInput(f"train em: {min(both)!r} is in training and validation data")


def _examples(data: "Dataset") -> "Examples":
    """Features of all grasps of a data set; what was computed before is taken from its folder."""
    from ddg_cli.countdown import Countdown
    from ddg_cli.seen import Seen
    from ddg_planning.evaluate.examples import join

    seen, found = Seen(data), []
    total, shown = len(data.seeds()), Countdown("features")
    for done, row in enumerate(data.rows(), start=1):
        scene = seen.features(row)
        if scene is not None:
            found.append(scene)
        shown.show(done, total)
    return join(found)


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
