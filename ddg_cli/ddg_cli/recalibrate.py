"""`ddg train calibration`: makes EM-S's predictions true of the grasps that are chosen by them."""

import argparse
from pathlib import Path

from ddg_cli.report import Report
from ddg_core.errors import BadInput


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare what it takes."""
    parser.add_argument("--weights", type=Path, required=True, help="of EM-S")
    parser.add_argument(
        "--tried", type=Path, nargs="+", required=True, help="its eval success --out, not of a test"
    )
    parser.add_argument("--out", type=Path, required=True, help="the weights, calibrated anew")


def recalibrate(args: argparse.Namespace) -> Report:
    """Fit on executed grasps, and write weights that differ in scale and shift alone."""
    from dataclasses import replace

    import numpy as np

    from ddg_planning.evaluate.calibration import calibrate_chosen
    from ddg_planning.evaluate.checkpoint import read
    from ddg_planning.evaluate.weights import write_weights
    from ddg_sim.rollout.evaluate import read as read_tried

    network, card, before = read(args.weights)
    tried = [one for file in args.tried for one in read_tried(file) if one.p_success is not None]
    held = np.array([one.held for one in tried], dtype=bool)
    if not len(held) or held.all() or not held.any():
        raise BadInput("train calibration: needs judged grasps that held, and some that did not")
    calibrate_chosen(network, np.array([one.p_success for one in tried], dtype=np.float64), held)
    chosen = {"weights": before, "grasps": len(held), "held": float(held.mean())}
    metrics = {**card.metrics, "calibrated_on": chosen}
    digest = write_weights(args.out, network, replace(card, metrics=metrics))
    answer = {
        "weights": args.out,
        "sha256": digest,
        "grasps": len(held),
        "scale": float(network.scale),
        "shift": float(network.shift),
    }
    return Report(answer, "\n".join(f"{name:<10} {value}" for name, value in answer.items()))
