"""The node graph as a launch description, for `ros2 launch` where ROS 2 is installed from apt."""

import os
from pathlib import Path

import yaml
from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import (
    DeclareLaunchArgument,
    GroupAction,
    IncludeLaunchDescription,
    OpaqueFunction,
    SetEnvironmentVariable,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_ros.actions import Node, SetRemap

from ddg_cli.graph import NodeSettings, load_graph
from ddg_cli.setup_.environment import DDS_PROFILE
from ddg_core.description import config_folder
from ddg_core.errors import BadInput

ABOUT = {
    "robot": "cell: a file of config/cells",
    "hand": "hand in place of the cell's own: a file of config/hands",
    "object": "what to put on the table of a simulation: a name of the catalogue",
    "config": "folder of the settings, in place of the installed one",
    "use_sim_time": "follow the clock of a simulation",
    "confirm": "true or false: ask before every phase that moves, in place of what the cell says",
}


def description_of(group: str) -> LaunchDescription:
    """Describe how to start a group of `config/graph.yaml`, with the arguments that all share."""
    values = load_graph().values([group])
    declared = [
        DeclareLaunchArgument(name, default_value=value, description=ABOUT[name])
        for name, value in values.items()
    ]

    def start(context: LaunchContext) -> list[LaunchDescriptionEntity]:
        told = {name: context.launch_configurations[name] for name in values}
        graph = load_graph(Path(told["config"]) / "graph.yaml" if told["config"] else None)
        return [_action(node) for node in graph.select([group], told).values()]

    images = SetEnvironmentVariable(
        DDS_PROFILE, os.environ.get(DDS_PROFILE, str(config_folder() / "fastdds.xml"))
    )
    return LaunchDescription([*declared, images, OpaqueFunction(function=start)])


def _action(node: NodeSettings) -> LaunchDescriptionEntity:
    try:
        share = Path(get_package_share_directory(node.package))
    except PackageNotFoundError as error:
        raise BadInput(f"package {node.package} is not installed: see docs/worlds.md") from error
    if node.launch:
        remaps = [SetRemap(src, dst) for src, dst in node.remappings.items()]
        source = PythonLaunchDescriptionSource(str(share / "launch" / node.launch))
        arguments = node.parameters.items()
        return GroupAction([*remaps, IncludeLaunchDescription(source, launch_arguments=arguments)])
    return Node(
        package=node.package,
        executable=node.executable,
        arguments=list(node.arguments),
        parameters=[{key: yaml.safe_load(value) for key, value in node.parameters.items()}],
        remappings=list(node.remappings.items()),
        output="screen",
    )
