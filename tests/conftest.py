"""What must be known before anything is imported: how to draw, and whom to talk to over ROS."""

import contextlib
import os

from ddg_sim.gl import NoOffscreenGl, use_offscreen_gl

with contextlib.suppress(NoOffscreenGl):  # tests that draw will say so
    use_offscreen_gl()

# A ROS domain of its own on this machine only: no test ever speaks to a robot or to another test.
os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 100)
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
