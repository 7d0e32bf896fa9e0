"""From what a person shows with a hand to a demonstration that grasp types are learned from."""
