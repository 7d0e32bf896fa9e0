"""The whole stack for as long as a command needs it: all nodes of the twin, and a client."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ddg_cli.graph import load_graph
from ddg_cli.processes import Nodes, running
from ddg_cli.ros.ready import wait_active
from ddg_cli.ros.session import Session
from ddg_cli.stopwatch import Stopwatch
from ddg_core.description import load_cell
from ddg_core.errors import BadInput

START_PATIENCE = 120.0  # [s] until all nodes must be active
SEEN_PATIENCE = 10.0  # [s] until what they offer must be seen


@contextlib.contextmanager
def up(
    out: Path, watch: Stopwatch, robot: str = "twin", config: Path | None = None
) -> Iterator[tuple[Nodes, Session]]:
    """Run the group "twin" of the graph in a ROS domain of its own, with a client of it.

    Args:
        out: Folder of records and bags; made if it is not there.
        watch: Is told how long the start takes.
        robot: Cell: a file of `config/cells`.
        config: Folder of the settings; None takes the installed one.

    Raises:
        BadInput: `out` cannot be written, or there is no such cell.
        NodeDied, TimedOut: A node did not come up.
    """
    _check_folder(out)
    load_cell(robot, folder=config)
    told = {"robot": robot, "config": str(config or "")}
    nodes = load_graph().select(["twin"], told)
    trial = nodes["trial"]
    nodes["trial"] = replace(trial, parameters={**trial.parameters, "folder": str(out)})
    with contextlib.ExitStack() as stack:
        processes = stack.enter_context(running(nodes, own_domain=True))
        with watch.stage("start", f"starting {len(nodes)} nodes; logs: {processes.logs}"):
            wait_active(nodes, timeout=START_PATIENCE, watch=processes.check)
            session = stack.enter_context(Session())
            session.wait_ready(timeout=SEEN_PATIENCE, watch=processes.check)
        yield processes, session


def _check_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=out).close()
    except OSError as error:
        raise BadInput(f"{out}: results cannot be written there: {error.strerror}") from error
