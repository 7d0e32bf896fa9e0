"""MuJoCo models made by code from the same URDF that everything else reads."""
