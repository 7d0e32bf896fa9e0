"""The whole house in the MuJoCo twin: `ros2 launch ddg_bringup twin.launch.py`."""

from launch import LaunchDescription

from ddg_cli.ros.launching import description_of


def generate_launch_description() -> LaunchDescription:
    """Start the group "twin" of config/graph.yaml."""
    return description_of("twin")
