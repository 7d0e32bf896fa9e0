"""`ddg up`: start nodes, tell when they are active, keep watch until Ctrl-C."""

import argparse
import os
import sys
import time
from pathlib import Path

from ddg_cli.report import Report

PATIENCE = 120.0  # [s] until all nodes must be active
TELLING = ("[WARN]", "[ERROR]", "[FATAL]")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "names", nargs="*", default=["twin"], help="groups and nodes of the graph (default: twin)"
    )
    parser.add_argument(
        "--object",
        default="mug_000",
        metavar="NAME_OR_FILE",
        help="what to put on the twin's table; none leaves it empty (default %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=1, help="of its pose (default %(default)s)")
    parser.add_argument(
        "--sim-time",
        action="store_true",
        help="single nodes follow the clock of a twin that is already up",
    )
    parser.add_argument("--robot", default="", help="cell: a file of config/cells")
    parser.add_argument("--hand", default="", help="hand in place of the cell's own")
    parser.add_argument(
        "--confirm",
        choices=("true", "false"),
        default="",
        help="ask before every phase that moves, or not (default: as the cell says)",
    )
    parser.add_argument("--config", default="", help="folder of the settings (default: config)")
    parser.add_argument("--graph", type=Path, help="graph file (default: config/graph.yaml)")
    parser.add_argument("--list", action="store_true", help="list groups and nodes")


def run(args: argparse.Namespace) -> Report:
    """Run until Ctrl-C (exit code 0) or until a node dies (an error)."""
    from ddg_cli.graph import load_graph

    graph = load_graph(args.graph)
    if args.list:
        groups = {name: list(graph.select([name])) for name in graph.groups}
        lines = [f"{name}: {', '.join(nodes)}" for name, nodes in groups.items()]
        return Report({"groups": groups, "nodes": list(graph.nodes)}, "\n".join(lines))
    told = {name: getattr(args, name) for name in ("robot", "hand", "config", "confirm")}
    told["use_sim_time"] = "true" if args.sim_time else ""
    nodes = graph.select(args.names, {name: value for name, value in told.items() if value})

    from ddg_cli.processes import running
    from ddg_cli.ros.ready import wait_active
    from ddg_cli.ros.session import Session

    name = None
    if "twin" in nodes and args.object != "none":
        from ddg_cli import objects

        name = objects.resolve(args.object)
    answer, started = {"outcome": "OK", "nodes": list(nodes)}, time.monotonic()
    with running(nodes, own_domain=False) as processes:
        try:
            print(f"starting {', '.join(nodes)}; logs: {processes.logs}", file=sys.stderr)
            wait_active(nodes, timeout=PATIENCE, watch=processes.check)
            if name is not None:
                with Session() as session:
                    session.spawn(name, args.seed)
            domain = os.environ.get("ROS_DOMAIN_ID", "0")
            seconds = time.monotonic() - started
            print(
                f"ready after {seconds:.1f} s on ROS domain {domain}; Ctrl-C ends all",
                file=sys.stderr,
                flush=True,
            )
            processes.watch(TELLING)
        except KeyboardInterrupt:
            print("\nending all nodes", file=sys.stderr)
    return Report(answer)
