"""The node graph as launch actions, for `ros2 launch` where ROS 2 is installed from apt."""

import yaml
from launch_ros.actions import Node

from ddg_cli.graph import load_graph
from ddg_core.description import config_folder


def actions_of(*names: str) -> list[Node]:
    """Return one launch action per node of some groups and nodes of `config/graph.yaml`."""
    nodes = load_graph(config_folder() / "graph.yaml").select(names)
    return [
        Node(
            package=node.package,
            executable=node.executable,
            parameters=[{key: yaml.safe_load(value) for key, value in node.parameters.items()}],
            remappings=list(node.remappings.items()),
            output="screen",
        )
        for node in nodes.values()
    ]
