"""Hand-eye calibration: from images of a ChArUco board and arm poses to the camera's pose."""
