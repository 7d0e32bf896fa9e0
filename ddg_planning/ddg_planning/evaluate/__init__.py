"""Evaluative models: how likely a grasp is to hold."""
