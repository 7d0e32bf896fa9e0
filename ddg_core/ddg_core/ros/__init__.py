"""The window to ROS: conversions between messages and arrays, and the base of every node."""
