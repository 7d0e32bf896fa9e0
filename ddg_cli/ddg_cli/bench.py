"""`ddg bench NAME`: run one file of `benchmarks/`; its `run()` returns the figures."""

import argparse
import importlib.util
from pathlib import Path

from ddg_cli import results
from ddg_cli.report import Report
from ddg_cli.setup_.files import ROOT
from ddg_core.errors import BadInput, UnknownName


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("name", nargs="?", help="file in benchmarks/, without .py")
    parser.add_argument("--list", action="store_true", help="list the benchmarks")
    parser.add_argument("--plot", type=Path, help="draw the figures (.png), where that is known")
    results.add_option(parser, "bench-{name}")


def names() -> list[str]:
    """The benchmarks there are."""
    return sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py"))


def run(args: argparse.Namespace) -> Report:
    """Measure and tell: name -> number, the unit in the name."""
    if args.list:
        return Report({"benchmarks": names()}, "\n".join(names()))
    if args.name not in names():
        raise UnknownName("benchmark", str(args.name), names())
    spec = importlib.util.spec_from_file_location(
        args.name, ROOT / "benchmarks" / f"{args.name}.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if args.plot and not hasattr(module, "draw"):
        raise BadInput(f"bench {args.name}: has no plot")
    figures: dict[str, float] = module.run()
    if args.plot:
        module.draw(figures, args.plot)
    lines = [f"{name:<28} {value:.4g}" for name, value in figures.items()]
    return Report({"name": args.name, "figures": figures}, "\n".join(lines))
