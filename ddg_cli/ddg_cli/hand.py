"""`ddg hand check [NAME]`: does a hand's URDF and YAML fit together? Figures and a picture."""

import argparse
from pathlib import Path

from ddg_cli.report import Report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what to do with which hand."""
    parser.add_argument("action", choices=("check", "list"), help="what to do")
    parser.add_argument("name", nargs="?", help="a file in config/hands (default: the cell's)")
    parser.add_argument("--figures", type=Path, help="YAML of printed figures to compare with")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the pictures")


def run(args: argparse.Namespace) -> Report:
    """List the hands, or check and draw one."""
    from ddg_core.description import hand_names, load_cell

    if args.action == "list":
        return Report({"hands": hand_names()}, "\n".join(hand_names()))
    return _check(args.name or load_cell().hand, args.out, args.figures)


def _check(name: str, out: Path, figures: Path | None) -> Report:
    from ddg_core.description import load_hand
    from ddg_core.errors import BadInput
    from ddg_sim.gl import use_offscreen_gl

    use_offscreen_gl()
    from ddg_sim.model.figures import check_figures
    from ddg_sim.model.hand_check import check_hand, demonstrate
    from ddg_sim.model.hand_picture import draw_hand

    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"--out {out}: {error.strerror}") from error
    hand = load_hand(name)
    demonstration = demonstrate(hand)
    findings = check_hand(hand, demonstration)
    findings += check_figures(hand, figures) if figures else []
    picture = out / f"hand_{name}.png"
    draw_hand(hand, demonstration, picture)
    good = all(finding.ok for finding in findings)
    lines = [f"{name}: {len(hand.joint_names)} driven of {len(hand.moving_joint_names)} joints"]
    lines += [f"  {'ok ' if f.ok else 'BAD'} {f.name}: {f.detail}" for f in findings]
    answer = {
        "hand": name,
        "ok": good,
        "picture": str(picture),
        "findings": [{"name": f.name, "ok": f.ok, "detail": f.detail} for f in findings],
    }
    return Report(answer, "\n".join([*lines, f"  picture: {picture}"]), 0 if good else 1)
