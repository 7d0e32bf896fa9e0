"""Perception: one depth view becomes the cloud of one object with its surface features."""
