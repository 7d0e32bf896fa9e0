"""What must be known before anything is imported: how to draw, and whom to talk to over ROS."""

import contextlib
import os
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, settings

from ddg_cli.processes import ros_domain
from ddg_execution.motion.port import MotionPlanner
from ddg_sim.gl import NoOffscreenGl, use_offscreen_gl

with contextlib.suppress(NoOffscreenGl):  # tests that draw will say so
    use_offscreen_gl()

# A busy machine draws slowly: no law is broken by that.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

# On this machine only: no test ever speaks to a robot.
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"


@pytest.fixture(scope="session", autouse=True)
def domains() -> Iterator[Callable[[], int]]:
    """Return a function that enters another ROS domain at each call, and returns its number.

    A context that was shut down is seen by others until all of it was collected; while its
    services go one by one, a test in the same domain would be told that nobody serves them.
    """
    with contextlib.ExitStack() as held:

        def enter() -> int:
            domain = held.enter_context(ros_domain())
            os.environ["ROS_DOMAIN_ID"] = str(domain)
            return domain

        enter()
        yield enter


@pytest.fixture(params=("embedded", "remote", "moveit"), scope="module")
def planner(request) -> Iterator[MotionPlanner]:
    """Every motion planner in turn."""
    from motion_backends import opened  # brings libraries that most tests do without

    with opened(request.param) as backend:
        yield backend
