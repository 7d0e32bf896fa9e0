"""Going after a target that moves: the end of the way in is planned when the hand is near."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ddg_core.arrays import Array
from ddg_core.errors import DdgError
from ddg_core.grasp import Grasp
from ddg_execution.motion.port import NoIk, NoPath, Scene
from ddg_execution.phases import Phase
from ddg_execution.plan import first_at_grasp

Plan = Callable[[Grasp, Scene], tuple[Phase, ...]]
"""Plans a grasp among what stands around, from where the arm is."""


@dataclass(frozen=True)
class FollowSettings:
    """Which hands follow their target, and how far.

    Attributes:
        hands: Names of the hands that do; others go where they were told.
        start: The hand is first brought so far off the grasp, against its approach, in [m], or
            half as far beyond `near` where it has no way from there ...
        aside: ... and so far to the side that is away from the camera, in [m], and less the nearer
            it is: or it would be between camera and object.
        near: From here on the target stays, in [m]: the hand hides the object.
        reach: Farthest from where it was planned that a target is followed, in [m].
        turn: The same for its turn, in [rad].
        period: Time from one telling of the target to the next, in [s].
    """

    hands: tuple[str, ...] = ()
    start: float = 0.30
    aside: float = 0.12
    near: float = 0.12
    reach: float = 0.10
    turn: float = 1.0
    period: float = 0.15

    def __post_init__(self) -> None:
        """Refuse to begin where it ends."""
        if not 0.0 < self.near < self.start:
            raise ValueError(f"near must be between 0 and start, got {self.near}, {self.start}")
        if min(self.reach, self.turn, self.period) <= 0.0 or self.aside < 0.0:
            raise ValueError("reach, turn and period must be positive, aside must not be negative")


class Lookout(Protocol):
    """Who looks where an object goes while the hand is on its way to it.

    Attributes:
        eye: Where it looks from, shape (3,), in the base frame, in [m].
    """

    eye: Array

    def begin(self, grasp: Grasp) -> None:
        """Look after the object of a grasp from now on."""

    def end(self) -> Grasp:
        """Look no longer; the newest target, which is what `begin` was given if none came."""

    def settle(self, grasp: Grasp, why: str) -> None:
        """Tell which of the two is done, and in a sentence why it is not the newest."""


def strays(target: Grasp, planned: Grasp, settings: FollowSettings) -> str:
    """Say why a target is not followed, for people; nothing if it is."""
    T, T_planned = target.T_base_wrist_grasp, planned.T_base_wrist_grasp
    off = float(np.linalg.norm(T[:3, 3] - T_planned[:3, 3]))
    if off > settings.reach:
        return f"it went {off:.3f} m, is followed for {settings.reach:g} m"
    cosine = (np.trace(T_planned[:3, :3].T @ T[:3, :3]) - 1.0) / 2.0
    turn = float(np.arccos(np.clip(cosine, -1.0, 1.0)))
    if turn > settings.turn:
        return f"it turned by {turn:.2f} rad, is followed for {settings.turn:g} rad"
    return ""


def plan_following(
    grasp: Grasp, scene: Scene, plan: Plan, lookout: Lookout, settings: FollowSettings
) -> tuple[Phase, ...]:
    """Plan a grasp whose target is looked after on the way in.

    All is planned at once, so nothing moves without a way to the end. From `settings.start` to
    `settings.near` the hand comes straight in while `lookout` looks; then the rest is planned anew
    from there if the target has changed, and goes on as planned where the new one has no way.

    Args:
        grasp: What to do.
        scene: What stands around.
        plan: Plans a grasp.
        lookout: Is begun and ended.
        settings: Where.

    Raises:
        DdgError: As `plan` does for the grasp as it is.
    """
    for start in (settings.start, (settings.start + settings.near) / 2.0):
        try:
            approach, *rest = plan(_from_afar(grasp, start, lookout.eye, settings), scene)
            break
        except (NoIk, NoPath):
            continue
    else:
        return plan(grasp, scene)

    def begin() -> None:
        lookout.begin(grasp)

    def again() -> tuple[Phase, ...] | None:
        target, why = lookout.end(), ""
        if target is not grasp:
            way = target.T_base_wrist_grasp[:3, 3] - grasp.T_base_wrist_grasp[:3, 3]
            moved = replace(scene, object_points=scene.object_points + way)
            try:
                phases = plan(target, moved)
            except DdgError as error:
                why = str(error)
            else:
                lookout.settle(target, "")
                return phases
        lookout.settle(grasp, why)
        return None

    legs = len(approach.steps) - first_at_grasp(grasp) - 2
    before, down, after = (
        approach.steps[:legs], approach.steps[legs : legs + 1], approach.steps[legs + 1 :],
    )  # fmt: skip
    return (
        Phase(approach.name, before, begin),
        Phase(approach.name, down, again),
        Phase(approach.name, after),
        *rest,
    )


def _from_afar(grasp: Grasp, start: float, eye: Array, settings: FollowSettings) -> Grasp:
    """The grasp with two waypoints before its pre-grasp: far off it and near, fingers as there."""
    T = grasp.T_base_wrist_grasp
    way: Array = T[:3, 3] - grasp.T_base_wrist[0, :3, 3]
    length = float(np.linalg.norm(way))
    inwards = way / length
    away: Array = T[:3, 3] - eye
    away = away - (away @ inwards) * inwards
    away = away / max(float(np.linalg.norm(away)), 1e-9)
    back = settings.aside / settings.start * away - inwards
    poses = np.stack([T, T])
    for pose, off in zip(poses, (start, max(settings.near, length)), strict=True):
        pose[:3, 3] += off * back
    joints = grasp.joints[[0, 0]]
    return replace(
        grasp,
        T_base_wrist=np.concatenate([poses, grasp.T_base_wrist]),
        joints=np.concatenate([joints, grasp.joints]),
    )
