"""What the door needs before anything is installed: standard library only."""
