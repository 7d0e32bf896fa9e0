"""The window of execution to ROS: executor, watchdog and state publisher."""
