"""Arm and hand: inverse kinematics, collision-free paths, timing, guard, execution of grasps."""
