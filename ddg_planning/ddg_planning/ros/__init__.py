"""The nodes of planning: they convert and call, they do not think."""
