"""`ddg train gqcnn` and `ddg eval gqcnn`: networks of two jaws, from data sets of judged grasps."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddg_cli.report import Report
from ddg_core.errors import BadInput, DdgError, UnknownName

if TYPE_CHECKING:
    from ddg_core.arrays import Array
    from ddg_planning.parallel_jaw.checkpoint import JawCard
    from ddg_planning.parallel_jaw.examples import JawExamples
    from ddg_planning.parallel_jaw.jaws import Jaws
    from ddg_sim.dataset.store import Dataset
    from ddg_sim.rollout.rollout import SceneRecord

VARIANTS = ("gqcnn-small", "fc-gqcnn", "gqcnn")
SPLITS = ("object", "pose", "image")


def add_train_options(parser: argparse.ArgumentParser) -> None:
    """Declare what training takes."""
    parser.add_argument("--variant", default=VARIANTS[0], help=f"one of {', '.join(VARIANTS)}")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of data sets")
    parser.add_argument("--split", choices=SPLITS, default="object", help="what is held out whole")
    parser.add_argument("--share", type=float, default=0.2, help="how much of it")
    parser.add_argument("--out", type=Path, required=True, help="the weights (.safetensors)")
    parser.add_argument("--seed", type=int, default=0, help="of starts, order and noise")
    parser.add_argument("--epochs", type=int, help="passes over the data")
    parser.add_argument("--about", default="", help="a line for the model card")


def add_eval_options(parser: argparse.ArgumentParser) -> None:
    """Declare what evaluation takes."""
    parser.add_argument("--weights", type=Path, required=True, help="of `ddg train gqcnn`")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of data sets")
    parser.add_argument("--split", choices=SPLITS, help="measure only what this held out")
    parser.add_argument("--share", type=float, default=0.2, help="how much of it")


def train(args: argparse.Namespace) -> Report:
    """Learn on what is not held out, measure on what is, write weights."""
    from dataclasses import replace

    from ddg_core.description import load_hand
    from ddg_planning.evaluate.weights import write_weights
    from ddg_planning.parallel_jaw.checkpoint import VARIANTS as SIZES
    from ddg_planning.parallel_jaw.checkpoint import make_card
    from ddg_planning.parallel_jaw.examples import held_out
    from ddg_planning.parallel_jaw.jaws import Jaws, JawSettings
    from ddg_planning.parallel_jaw.prepare import PrepareSettings
    from ddg_planning.parallel_jaw.train import JawTrainSettings
    from ddg_planning.parallel_jaw.train import train as learn

    if args.variant not in VARIANTS:
        raise UnknownName("variant", args.variant, VARIANTS)
    if not 0.0 < args.share < 1.0 or args.seed < 0 or (args.epochs is not None and args.epochs < 1):
        raise BadInput(
            "train gqcnn: --share must be in (0, 1), --seed at least 0, --epochs at least 1"
        )
    sizes, focal = SIZES[args.variant], PrepareSettings().focal
    upright = sizes is not None and sizes.angles > 1
    examples, hand, hashes = load_examples(args.data, focal, upright=upright)
    out = held_out(examples, args.split, args.share)
    settings = JawTrainSettings(seed=args.seed)
    if args.epochs is not None:
        settings = replace(settings, epochs=args.epochs)
    network, metrics = learn(examples.at(~out), examples.at(out), sizes, settings, _tell)
    names = sorted(set(examples.object[~out].tolist()))
    data = {
        "sets": hashes,
        "split": args.split,
        "share": args.share,
        "grasps": int((~out).sum()),
        "objects": len(names),
        "images": len(set(examples.image[~out].tolist())),
        "names": names,
    }
    stroke = Jaws(load_hand(hand), JawSettings()).stroke
    card = make_card(args.variant, hand, stroke, focal, settings, data, metrics, args.about)
    digest = write_weights(args.out, network, card)
    answer = {"weights": args.out, "sha256": digest, **data, "metrics": metrics}
    return Report(answer, _text(answer))


def evaluate(args: argparse.Namespace) -> Report:
    """Measure weights on data."""
    from ddg_planning.parallel_jaw.checkpoint import read
    from ddg_planning.parallel_jaw.examples import held_out
    from ddg_planning.parallel_jaw.train import measure, predict

    network, card, digest = read(args.weights)
    examples, hand, hashes = load_examples(args.data, card.focal, upright=network.angles > 1)
    if hand != card.hand:
        raise BadInput(f"{args.weights}: trained for hand {card.hand!r}, the data is of {hand!r}")
    _check_split(args, card, hashes, examples)
    if args.split:
        examples = examples.at(held_out(examples, args.split, args.share))
    if not len(examples):
        raise BadInput("eval gqcnn: nothing is held out of this data")
    metrics = measure(predict(network, examples), examples.good)
    answer = {
        "weights": args.weights,
        "sha256": digest,
        "variant": card.variant,
        "sets": hashes,
        "split": args.split,
        "objects": len(set(examples.object.tolist())),
        "metrics": metrics,
    }
    return Report(answer, _text(answer))


def _check_split(
    args: argparse.Namespace, card: "JawCard", hashes: list[str], examples: "JawExamples"
) -> None:
    """Refuse to measure on what weights learned from: another split holds out other examples.

    Data sets grow, so it is by their objects that they are known; cards that do not name theirs
    are of the catalogue's training split.
    """
    from ddg_sim.objects.catalogue import split

    learned, asked = card.data, (args.split, args.share)
    if "split" not in learned or asked == (learned["split"], learned["share"]):
        return
    names = learned.get("names")
    known = set(hashes) & set(learned["sets"]) or any(
        split(name) == "train" if names is None else name in names
        for name in set(examples.object.tolist())
    )
    if known:
        raise BadInput(
            f"{args.weights}: learned from this data's objects with --split {learned['split']} "
            f"--share {learned['share']}, so --split {args.split} --share {args.share} would "
            "measure it on examples that it learned from"
        )


def load_examples(
    folders: Sequence[Path], focal: float, *, upright: bool
) -> tuple["JawExamples", str, list[str]]:
    """Examples of data sets with the name of their hand and their content hashes."""
    from ddg_planning.parallel_jaw.examples import describe, join, pose_name
    from ddg_sim.dataset.store import Dataset

    sets = [Dataset(folder) for folder in folders]
    jaws, found = jaws_of(sets), []
    for data, record, i, lines in views_of(sets, jaws):
        good = [result.held for result in record.results]
        pose, view = pose_name(record.object, record.T_base_object), record.views[i]
        names = (f"{data.folder.name} {record.seed} {i}", pose, record.object)
        with suppress(DdgError):  # too little of the object is in view to plan on it either
            found.append(
                describe(view.image, view.mask, lines, good, names, focal, upright=upright)
            )
    return join(found), jaws.hand.name, [data.content() for data in sets]


def jaws_of(sets: Sequence["Dataset"]) -> "Jaws":
    """The gripper that all data sets are of; BadInput if they are of several hands."""
    from ddg_core.description import load_hand
    from ddg_planning.parallel_jaw.jaws import Jaws, JawSettings

    hands = {data.header.settings.hand for data in sets}
    if len(hands) != 1:
        raise BadInput(f"data sets of several hands: {', '.join(sorted(hands))}")
    return Jaws(load_hand(min(hands)), JawSettings())


def views_of(
    sets: Sequence["Dataset"], jaws: "Jaws"
) -> Iterator[tuple["Dataset", "SceneRecord", int, tuple["Array", "Array"]]]:
    """Every view of every scene with grasps: data set, scene, number, the grasps' lines."""
    import numpy as np

    from ddg_cli.countdown import Countdown

    done, shown = 0, Countdown("crops")
    total = sum(len(data.seeds()) for data in sets)
    for data in sets:
        for record in data.records(data.seeds()):
            done += 1
            if record.grasps:
                middles, axes = map(np.array, zip(*map(jaws.line, record.grasps), strict=True))
                for i in range(len(record.views)):
                    yield data, record, i, (middles, axes)
            shown.show(done, total)


def _tell(epoch: int, loss: float, accuracy: float) -> None:
    print(
        f"train: epoch {epoch}: validation loss {loss:.4f}, accuracy {accuracy:.1%}",
        file=sys.stderr,
        flush=True,
    )


def _text(answer: dict[str, Any]) -> str:
    metrics = answer["metrics"]
    split = answer["split"]
    lines = [
        f"weights {answer['weights']} (SHA-256 {answer['sha256'][:16]})",
        f"measured on {metrics['grasps']} grasps"
        + (f" of {split}s that were held out" if split else ""),
    ]
    return "\n".join([*lines, *(f"{name:<18} {value}" for name, value in metrics.items())])
