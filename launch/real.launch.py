"""A real robot and our nodes: `ros2 launch ddg_bringup real.launch.py`."""

from launch import LaunchDescription

from ddg_cli.ros.launching import description_of


def generate_launch_description() -> LaunchDescription:
    """Start the group "real" of config/graph.yaml."""
    return description_of("real")
