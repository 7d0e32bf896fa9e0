"""Things to grasp: a procedural catalogue and any mesh file, ready for contact simulation."""
