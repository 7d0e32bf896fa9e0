"""Our nodes in whatever world: `ros2 launch ddg_bringup grasping.launch.py`."""

from launch import LaunchDescription

from ddg_cli.ros.launching import description_of


def generate_launch_description() -> LaunchDescription:
    """Start the group "grasping" of config/graph.yaml."""
    return description_of("grasping")
