"""Rollouts: random scenes, views of them, grasps tried by a free-floating hand, and judged."""
