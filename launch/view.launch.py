"""RViz with what our nodes publish: `ros2 launch ddg_bringup view.launch.py`."""

from launch import LaunchDescription

from ddg_cli.ros.launching import description_of


def generate_launch_description() -> LaunchDescription:
    """Start the group "view" of config/graph.yaml."""
    return description_of("view")
