"""Which OpenGL MuJoCo draws with when there is no display and no GPU."""

import ctypes.util
import importlib
import os
import sys

from ddg_core.errors import DdgError

CONTEXT = "mujoco.rendering.classic.gl_context"  # where MuJoCo reads MUJOCO_GL, once, at import


class NoOffscreenGl(DdgError):
    """This machine has no library to draw with off screen."""

    def __init__(self) -> None:
        """Name the packages that would help."""
        super().__init__(
            "no OpenGL to render with: neither libEGL nor libOSMesa is installed"
            " (apt-get install libegl1 libgl1-mesa-dri, or libosmesa6)"
        )


def use_offscreen_gl() -> str:
    """Choose EGL or else OSMesa for MuJoCo, imported already or not; return the choice.

    A choice in the environment variable MUJOCO_GL is obeyed. Mesa's software renderer is held to
    one thread, since the other cores have other work.

    Raises:
        NoOffscreenGl: Neither is installed.
    """
    os.environ.setdefault("LP_NUM_THREADS", "1")
    given = os.environ.get("MUJOCO_GL")
    if given:
        return given
    for choice, library in (("egl", "EGL"), ("osmesa", "OSMesa")):
        if ctypes.util.find_library(library):
            os.environ["MUJOCO_GL"] = choice
            if CONTEXT in sys.modules:
                importlib.reload(sys.modules[CONTEXT])
            return choice
    raise NoOffscreenGl
