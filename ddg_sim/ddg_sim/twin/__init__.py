"""The MuJoCo twin of the cell: physics with its two controllers, paced, recorded, filmed."""
