"""The node graph of `config/graph.yaml`: the one place that says who runs in which world."""

import sys
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import Template

from ddg_core.description import config_folder, package_folder
from ddg_core.errors import BadInput, UnknownName
from ddg_core.settings import load

MANAGER = "manager"  # the node that brings the others up
MANAGED = ("stages", "autostart")  # words that `select` replaces: whom it manages; who else does


@dataclass(frozen=True)
class NodeSettings:
    """One process with one node, or a launch file of others.

    Attributes:
        package: ROS package, e.g. "ddg_sim".
        executable: Its executable, e.g. "twin"; of ours, the module `<package>.ros.twin_node`.
        launch: File in the package's folder `launch`, in place of an executable.
        parameters: ROS parameters, or arguments of the launch file; as text in ROS's own notation.
        remappings: ROS names, from -> to.
        arguments: What follows on the command line of an executable of others.
        stage: Of a node of ours: the manager brings it up when all of the stages before are up,
            and takes it down when one of those is lost.
    """

    package: str
    executable: str = ""
    launch: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    remappings: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    stage: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        if bool(self.executable) == bool(self.launch):
            raise ValueError(f"{self.package}: needs either an executable or a launch file")

    @property
    def ours(self) -> bool:
        """Whether it is a node of this project."""
        return self.package.startswith("ddg_")

    @property
    def module(self) -> str:
        """The module to run, of a node of ours."""
        return f"{self.package}.ros.{self.executable}_node"

    def command(self) -> list[str]:
        """The command line that runs this node.

        Raises:
            BadInput: It is not ours: only `ros2 launch` finds programs of others.
        """
        if not self.ours:
            raise BadInput(f"{self.package} is not ours: start it with ros2 launch ddg_bringup")
        words = [sys.executable, "-m", self.module, "--ros-args"]
        for name, value in self.parameters.items():
            words += ["-p", f"{name}:={value}"]
        for name, value in self.remappings.items():
            words += ["-r", f"{name}:={value}"]
        return words

    def filled(self, values: Mapping[str, str], common: Mapping[str, str]) -> "NodeSettings":
        """Return it with `$name` replaced by values, and, if it is ours, the common parameters."""
        parameters = {**common, **self.parameters} if self.ours else self.parameters
        filled = {name: _fill(text, values) for name, text in parameters.items()}
        return replace(
            self,
            parameters={name: text for name, text in filled.items() if text},
            arguments=tuple(_fill(text, values) for text in self.arguments),
        )


@dataclass(frozen=True)
class GroupSettings:
    """Nodes that are started together.

    Attributes:
        nodes: Nodes by name.
        groups: Groups that belong to it.
        arguments: Values of arguments that differ from the graph's.
    """

    nodes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    arguments: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Graph:
    """All nodes by their ROS names, and the groups they are started in.

    Attributes:
        nodes: Every node.
        groups: What is started together.
        arguments: What can be told from outside, with its value when it is not.
        common: Parameters that every node of ours gets.
    """

    nodes: dict[str, NodeSettings]
    groups: dict[str, GroupSettings] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    common: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse names that are not there."""
        for name, group in self.groups.items():
            _refuse_unknown(f"group {name!r}: no node", group.nodes, self.nodes)
            _refuse_unknown(f"group {name!r}: no group", group.groups, self.groups)
            _refuse_unknown(f"group {name!r}: no argument", group.arguments, self.arguments)
        for node in self.nodes.values():
            node.filled(
                self.arguments | dict.fromkeys(("config", "description", *MANAGED), ""), self.common
            )

    def values(self, names: Iterable[str]) -> dict[str, str]:
        """What the arguments are when nobody tells: the graph's values, then the groups'."""
        groups = [self.groups[name] for name in names if name in self.groups]
        return self.arguments | {k: v for group in groups for k, v in group.arguments.items()}

    def select(
        self, names: Iterable[str], arguments: Mapping[str, str] | None = None
    ) -> dict[str, NodeSettings]:
        """Nodes of some groups and nodes, in the order of the graph, ready to run.

        Args:
            names: Groups and nodes; of a name that both have, the group is meant.
            arguments: Values of arguments.

        Raises:
            UnknownName: Neither a group nor a node is called so, or no argument is.
        """
        names = list(names)
        for name in arguments or {}:
            if name not in self.arguments:
                raise UnknownName("argument", name, self.arguments)
        values = self.values(names) | dict(arguments or {})
        # Programs of others need files of ours, also where nobody tells another folder.
        files = values | {
            "config": values.get("config") or str(config_folder()),
            "description": str(package_folder("ddg_description")),
        }
        chosen = {node for name in names for node in self._nodes_of(name)}
        values |= self._managed(chosen)
        return {
            name: node.filled(values if node.ours else files, self.common)
            for name, node in self.nodes.items()
            if name in chosen
        }

    def _managed(self, chosen: Container[str]) -> dict[str, str]:
        """What brings the chosen nodes of ours up: the manager if it is one of them, else each."""
        if MANAGER not in chosen:
            return dict.fromkeys(MANAGED, "")
        stages: dict[int, list[str]] = {}
        for name, node in self.nodes.items():
            if name in chosen and node.ours and name != MANAGER:
                stages.setdefault(node.stage, []).append(name)
        told = ", ".join(" ".join(stages[stage]) for stage in sorted(stages))
        return {"stages": f"[{told}]", "autostart": "false"}

    def _nodes_of(self, name: str) -> Iterator[str]:
        if name in self.groups:
            yield from self.groups[name].nodes
            for inner in self.groups[name].groups:
                yield from self._nodes_of(inner)
        elif name in self.nodes:
            yield name
        else:
            raise UnknownName("group or node", name, [*self.groups, *self.nodes])


def load_graph(path: Path | None = None) -> Graph:
    """Read a graph file strictly; None takes `config/graph.yaml`."""
    return load(path or config_folder() / "graph.yaml", Graph)


def _fill(text: str, values: Mapping[str, str]) -> str:
    try:
        return Template(text).substitute(values)
    except KeyError as error:
        raise ValueError(f"{text!r}: no argument {error} (there is: {', '.join(values)})") from None


def _refuse_unknown(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"{what} {name!r} (there is: {', '.join(known)})")
