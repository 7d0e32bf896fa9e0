"""The training program of EM1 to EM3: `python -m ddg_planning.training.program train|score`.

It runs where the rest of DDG does not: it needs torch, torchvision, pyarrow and safetensors. On
several GPUs: `torchrun --nproc-per-node N -m ddg_planning.training.program train ...`.
"""

import argparse
import sys
from dataclasses import fields
from pathlib import Path

from ddg_planning.training.learn import LearnSettings, learn
from ddg_planning.training.networks import VARIANTS
from ddg_planning.training.score import score


def main(words: list[str] | None = None) -> int:
    """Train on shards, or score shards."""
    parser = argparse.ArgumentParser(prog="ddg_planning.training.program", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    go = actions.add_parser("train", help="learn weights from shards")
    go.add_argument("--variant", choices=VARIANTS, required=True)
    go.add_argument("--shards", type=Path, nargs="+", required=True, help="folders")
    go.add_argument("--validation", type=Path, required=True, help="folder, of other objects")
    go.add_argument("--out", type=Path, required=True, help="weights (.safetensors)")
    for field in fields(LearnSettings):
        kind = type(field.default)
        go.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=field.default)
    judge = actions.add_parser("score", help="judge the grasps of shards, write scores alone")
    judge.add_argument("--weights", type=Path, required=True)
    judge.add_argument("--shards", type=Path, nargs="+", required=True, help="folders")
    judge.add_argument("--out", type=Path, required=True, help="scores (.parquet)")
    args = parser.parse_args(words)
    try:
        if args.action == "score":
            score(args.weights, found(args.shards), args.out)
        else:
            names = [field.name for field in fields(LearnSettings)]
            settings = LearnSettings(**{name: getattr(args, name) for name in names})
            learn(args.variant, found(args.shards), found([args.validation]), args.out, settings)
    except (OSError, ValueError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    return 0


def found(folders: list[Path]) -> list[Path]:
    """All shards in folders, in order."""
    return sorted(path for folder in folders for path in folder.glob("*.parquet"))


if __name__ == "__main__":
    raise SystemExit(main())
