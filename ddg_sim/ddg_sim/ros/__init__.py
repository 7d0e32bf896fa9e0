"""The twin's window to ROS: its node, its camera's node, its two action servers."""
