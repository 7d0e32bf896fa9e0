"""The whole house in Gazebo Harmonic: `ros2 launch ddg_bringup gazebo.launch.py`."""

from launch import LaunchDescription

from ddg_cli.ros.launching import description_of


def generate_launch_description() -> LaunchDescription:
    """Start the group "gazebo" of config/graph.yaml."""
    return description_of("gazebo")
