"""The window to ROS: the capture node."""
