"""From an object seen once to a ranked list of grasps."""
