"""All that is ours on a real robot: `ros2 launch ddg_bringup robot.launch.py`."""

from launch import LaunchDescription

from ddg_cli.ros.launching import actions_of


def generate_launch_description() -> LaunchDescription:
    """Start the group "robot" of config/graph.yaml."""
    return LaunchDescription(actions_of("robot"))
