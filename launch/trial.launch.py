"""The node that runs, judges and records trials: `ros2 launch ddg_bringup trial.launch.py`."""

from launch import LaunchDescription

from ddg_cli.ros.launching import description_of


def generate_launch_description() -> LaunchDescription:
    """Start the group "trial" of config/graph.yaml."""
    return description_of("trial")
