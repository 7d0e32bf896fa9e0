"""Nodes run as processes: they are watched, and nothing of them outlives who started them."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from ddg_cli import keeper
from ddg_cli.graph import Graph, GroupSettings, NodeSettings, load_graph
from ddg_cli.processes import NodeDied, running
from ddg_core.errors import BadInput, SettingsError, UnknownName
from ddg_core.waiting import wait_until

ROOT = Path(__file__).resolve().parents[1]
NODES = {
    "calm": "import signal; signal.pause()",
    "deaf": """
        import signal, subprocess, sys
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
        print("ready", flush=True)
        signal.pause()
    """,
    "weak": "import sys; sys.exit('no depth image for 5 s')",
    "untidy": """
        import signal, tempfile
        print(tempfile.mkdtemp(), flush=True)
        signal.pause()
    """,
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "ddg_somebody" / "ros"
    folder.mkdir(parents=True)
    for name, text in NODES.items():
        (folder / f"{name}_node.py").write_text(textwrap.dedent(text), encoding="utf-8")
    here = os.pathsep.join(p for p in sys.path if p)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{here}")
    monkeypatch.setenv("DDG_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(keeper, "GRACE", ((signal.SIGINT, 0.5), (signal.SIGKILL, 5.0)))
    return "ddg_somebody"


def test_a_deaf_node_and_its_child_are_gone_after_the_block(package: str) -> None:
    with running({"deaf": NodeSettings(package, "deaf")}, own_domain=True) as nodes:
        group = nodes.processes["deaf"].pid
        wait_until(lambda: "ready" in nodes.log("deaf").read_text(), what="deaf node", timeout=60.0)
        assert keeper.alive(group)
    wait_until(lambda: not keeper.alive(group), what="end of the group", timeout=60.0)


def test_temporary_files_of_a_killed_node_are_gone_after_the_block(package: str) -> None:
    with running({"untidy": NodeSettings(package, "untidy")}, own_domain=True) as nodes:
        log = nodes.log("untidy")
        wait_until(lambda: log.read_text().endswith("\n"), what="untidy node", timeout=60.0)
        folder = Path(log.read_text().strip())
        assert folder.is_dir()
        nodes.processes["untidy"].kill()
    assert not folder.exists()


def test_a_dead_node_is_reported_with_its_last_words(package: str) -> None:
    nodes = {name: NodeSettings(package, name) for name in ("calm", "weak")}
    with (
        pytest.raises(NodeDied, match=r"'weak' ended \(exit code 1\): no depth image for 5 s"),
        running(nodes, own_domain=True) as processes,
    ):
        processes.watch(())


def test_a_domain_is_taken_only_once_and_given_back(package: str) -> None:
    before = os.environ.get("ROS_DOMAIN_ID")
    with running({}, own_domain=True):
        first = os.environ["ROS_DOMAIN_ID"]
        with running({}, own_domain=True):
            assert os.environ["ROS_DOMAIN_ID"] != first
        assert os.environ["ROS_DOMAIN_ID"] == first
    assert os.environ.get("ROS_DOMAIN_ID") == before


def test_nodes_end_when_their_starter_is_killed(package: str) -> None:
    program = f"""
        import signal
        from ddg_cli.graph import NodeSettings
        from ddg_cli.processes import running
        with running({{"calm": NodeSettings({package!r}, "calm")}}, own_domain=True) as nodes:
            print(nodes.processes["calm"].pid, flush=True)
            signal.pause()
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        group = int(starter.stdout.readline())
        assert keeper.alive(group)
        starter.kill()
    wait_until(lambda: not _runs(group), what="end of the node", timeout=60.0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nodes_end_when_their_starter_is_told_to(package: str, number: int) -> None:
    program = f"""
        import signal
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a shell does so to what it starts with &
        from ddg_cli.graph import NodeSettings
        from ddg_cli.processes import running
        with running({{"calm": NodeSettings({package!r}, "calm")}}, own_domain=True) as nodes:
            print(nodes.processes["calm"].pid, flush=True)
            signal.pause()
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as starter:
        assert starter.stdout is not None
        group = int(starter.stdout.readline())
        starter.send_signal(number)
        try:
            assert starter.wait(60) != 0
        finally:
            starter.kill()
    assert not _runs(group)


def _runs(pid: int) -> bool:
    """Whether a process lives; one that nobody has waited for is dead."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


GRAPH = Graph(
    {
        "a": NodeSettings("ddg_x", "a"),
        "b": NodeSettings("ddg_x", "b", parameters={"rate": "2", "extra": "$thing"}),
        "c": NodeSettings("other", "c", arguments=("-f", "$config/c.yaml")),
    },
    {"inner": GroupSettings(("a",)), "g": GroupSettings(("b",), ("inner",), {"thing": "cup"})},
    {"thing": "", "config": ""},
    {"rate": "1", "thing": "$thing"},
)


def test_arguments_reach_our_nodes_and_a_nodes_own_parameters_win() -> None:
    chosen = GRAPH.select(["g"])
    assert list(chosen) == ["a", "b"]
    assert chosen["a"].parameters == {"rate": "1", "thing": "cup"}
    assert chosen["b"].parameters == {"rate": "2", "thing": "cup", "extra": "cup"}
    assert "-p rate:=2" in " ".join(chosen["b"].command())
    told = GRAPH.select(["g"], {"thing": "mug"})
    assert told["b"].parameters["extra"] == "mug"


def test_an_empty_argument_is_left_to_the_settings() -> None:
    assert GRAPH.select(["b"])["b"].parameters == {"rate": "2"}


def test_programs_of_others_get_what_they_ask_for_and_only_ros_starts_them() -> None:
    node = GRAPH.select(["c"])["c"]
    assert node.parameters == {}
    assert node.arguments == ("-f", str(ROOT / "config" / "c.yaml"))
    assert GRAPH.select(["c"], {"config": "/x"})["c"].arguments[1] == "/x/c.yaml"
    with pytest.raises(BadInput, match="ros2 launch"):
        node.command()


def test_an_argument_that_nobody_takes_is_refused() -> None:
    with pytest.raises(UnknownName, match="did you mean 'thing'"):
        GRAPH.select(["g"], {"thingy": "mug"})
    with pytest.raises(ValueError, match="no argument 'nothing'"):
        Graph({"a": NodeSettings("p", "x", parameters={"k": "$nothing"})})


def test_an_unknown_name_is_answered_with_the_names_there_are() -> None:
    graph = Graph({"camera": NodeSettings("p", "camera")})
    with pytest.raises(UnknownName, match="did you mean 'camera'"):
        graph.select(["camra"])


def test_a_group_of_unknown_nodes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "graph.yaml"
    path.write_text("nodes: {}\ngroups: {twin: {nodes: [ghost]}}", encoding="utf-8")
    with pytest.raises(SettingsError, match="no node 'ghost'"):
        load_graph(path)


@pytest.mark.parametrize("group", ["real", "grasping"])
def test_confirm_is_for_the_executor_and_left_out_where_the_cell_says(group: str) -> None:
    graph = load_graph(ROOT / "config" / "graph.yaml")
    for value in ("true", "false", ""):
        nodes = graph.select([group], {"confirm": value})
        assert nodes["executor"].parameters.get("confirm", "") == value
        assert not any("confirm" in n.parameters for k, n in nodes.items() if k != "executor")


def test_every_node_of_the_graph_exists_under_its_name() -> None:
    graph = load_graph(ROOT / "config" / "graph.yaml")
    assert {"twin", "real", "grasping", "trial", "view"} <= set(graph.groups)
    ours = {name: node for name, node in graph.nodes.items() if node.ours}
    assert len(ours) > 8
    for name, node in ours.items():
        path = ROOT / node.package / f"{node.module.replace('.', '/')}.py"
        text = path.read_text(encoding="utf-8")
        assert "def main()" in text, path
        assert f'("{name}"' in text, f"{path}: the node is not called {name!r}"
    written = {path for room in ROOT.glob("ddg_*") for path in room.glob("*/ros/*_node.py")}
    assert len(written) == len(ours), "a node is in no graph"
