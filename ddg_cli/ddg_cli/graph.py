"""The node graph of `config/graph.yaml`: the one place that says who runs in which world."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ddg_core.errors import UnknownName
from ddg_core.settings import load


@dataclass(frozen=True)
class NodeSettings:
    """One process with one node.

    Attributes:
        package: Python package, e.g. "ddg_sim"; the module is `<package>.ros.<executable>_node`.
        executable: Name of the executable, e.g. "twin".
        parameters: ROS parameters, as text in ROS's own notation, e.g. "true".
        remappings: ROS names, from -> to.
    """

    package: str
    executable: str
    parameters: dict[str, str] = field(default_factory=dict)
    remappings: dict[str, str] = field(default_factory=dict)

    @property
    def module(self) -> str:
        """The module to run."""
        return f"{self.package}.ros.{self.executable}_node"

    def command(self) -> list[str]:
        """The command line that runs this node."""
        words = [sys.executable, "-m", self.module, "--ros-args"]
        for name, value in self.parameters.items():
            words += ["-p", f"{name}:={value}"]
        for name, value in self.remappings.items():
            words += ["-r", f"{name}:={value}"]
        return words


@dataclass(frozen=True)
class GroupSettings:
    """Nodes that are started together, with parameters that all of them get."""

    nodes: tuple[str, ...]
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Graph:
    """All nodes by their ROS names, and the groups they are started in."""

    nodes: dict[str, NodeSettings]
    groups: dict[str, GroupSettings] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse groups of nodes that are not there."""
        for name, group in self.groups.items():
            for node in group.nodes:
                if node not in self.nodes:
                    known = ", ".join(self.nodes)
                    raise ValueError(f"group {name!r}: no node {node!r} (there is: {known})")

    def select(
        self, names: Iterable[str], parameters: Mapping[str, str] | None = None
    ) -> dict[str, NodeSettings]:
        """Nodes of some groups and nodes, in the order of the graph; a group's parameters apply.

        Args:
            names: Groups and nodes.
            parameters: What all of them get beside that.

        Raises:
            UnknownName: Neither a group nor a node is called so.
        """
        chosen: dict[str, dict[str, str]] = {}
        for_all = dict(parameters or {})
        for name in names:
            if name in self.groups:
                group = self.groups[name]
                for node in group.nodes:
                    chosen.setdefault(node, for_all.copy()).update(group.parameters)
            elif name in self.nodes:
                chosen.setdefault(name, for_all.copy())
            else:
                raise UnknownName("group or node", name, [*self.groups, *self.nodes])
        return {
            name: NodeSettings(
                node.package, node.executable, chosen[name] | node.parameters, node.remappings
            )
            for name, node in self.nodes.items()
            if name in chosen
        }


def load_graph(path: Path) -> Graph:
    """Read a graph file strictly."""
    return load(path, Graph)
