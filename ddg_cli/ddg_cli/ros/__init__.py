"""The door's window to ROS."""
