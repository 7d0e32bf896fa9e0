"""The judge of a lift: by ground truth in the twin, by where the fingers stopped on a robot."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import degrees, isfinite, radians

import numpy as np
from numpy.typing import ArrayLike

from ddg_core.arrays import Array
from ddg_core.errors import Failed
from ddg_core.outcome import Outcome
from ddg_core.trial import Verdict


@dataclass(frozen=True)
class JudgeSettings:
    """What counts as held.

    Attributes:
        lifted: Height that counts as having left the table, in [m].
        max_shift: Largest shift in the hand between lift-off and the end of the hold, in [m].
        max_turn: Largest turn in the hand in that time, in [rad].
        short_of_target: A finger joint that stopped this far short of its squeeze target has
            something in its way, in [rad]; where fingers judge.
        joints_short: So many joints must have; where fingers judge.
        gone: An object further from where it stood than this is gone, in [m]; where a view judges.
        operator: How long to wait for the operator's word after the hold, in [s].
    """

    lifted: float = 0.03
    max_shift: float = 0.03
    max_turn: float = radians(30.0)
    short_of_target: float = 0.05
    joints_short: int = 2
    gone: float = 0.05
    operator: float = 120.0


@dataclass(frozen=True)
class Sighting:
    """The truth about the object at one moment of lift and hold.

    Attributes:
        held: Two hand links or more, one of them thumb or palm, touch it, and nothing else does.
        height: How far it is above where it stood, in [m].
        moved: Shift in the hand since lift-off, in [m]; NaN before lift-off.
        turned: Turn in the hand since lift-off, in [rad]; NaN before lift-off.
        others: What else touches it.
    """

    held: bool
    height: float
    moved: float
    turned: float
    others: tuple[str, ...] = ()


def judge_truth(sightings: Sequence[Sighting], settings: JudgeSettings) -> Verdict:
    """Judge by the truth from the lift to the end of the hold, in the order of time.

    Raises:
        Failed: STALE_DATA if there is no sighting.
    """
    if not sightings:
        raise Failed(Outcome.STALE_DATA, "no ground truth came during lift and hold")
    last, top = sightings[-1], max(s.height for s in sightings)
    numbers = {"height": last.height, "top": top, "moved": last.moved, "turned": last.turned}
    numbers = {name: value for name, value in numbers.items() if isfinite(value)}
    if last.held and last.height > settings.lifted:
        far = last.moved > settings.max_shift
        if far or last.turned > settings.max_turn:
            said = (
                f"it moved {100 * last.moved:.1f} cm"
                if far
                else f"it turned {degrees(last.turned):.0f} degrees"
            )
            return Verdict(Outcome.SLIPPED, f"{said} in the hand", numbers)
        return Verdict(Outcome.HELD, f"held {100 * last.height:.0f} cm above the table", numbers)
    touching = f", touching {', '.join(last.others)}" if last.others else ""
    if top > settings.lifted:
        return Verdict(Outcome.DROPPED, f"lifted {100 * top:.0f} cm, then lost{touching}", numbers)
    return Verdict(Outcome.NOT_HELD, f"it never left the table{touching}", numbers)


def judge_fingers(reached: ArrayLike, target: ArrayLike, settings: JudgeSettings) -> Verdict:
    """Judge by the hand alone: fingers that cannot reach their targets have something between.

    Args:
        reached: Driven finger joints at the end of the hold, shape (D,), in [rad].
        target: Their squeeze targets, shape (D,), in [rad].
        settings: What counts as held.

    Raises:
        Failed: STALE_DATA if a joint was not seen (NaN).
    """
    error = np.abs(np.subtract(target, reached))
    if not np.isfinite(error).all():
        raise Failed(Outcome.STALE_DATA, "no joint state of every finger came during the hold")
    short = error > settings.short_of_target
    numbers = {"joints_short": float(short.sum())}
    if short.sum() >= settings.joints_short:
        return Verdict(Outcome.HELD, f"{short.sum()} finger joints press on something", numbers)
    return Verdict(Outcome.NOT_HELD, "the fingers closed on nothing", numbers)


def judge_view(before: Array, after: Array | None, settings: JudgeSettings) -> Verdict:
    """Judge by what stands on the table while the hand holds: nothing where the object stood.

    Args:
        before: Points of the object before it was touched, shape (N, 3), in [m].
        after: Points of what stands on the table during the hold, shape (M, 3), in [m]; None if
            nothing does.
        settings: What counts as gone.
    """
    if after is None:
        return Verdict(Outcome.HELD, "the table is empty", {})
    moved = float(np.linalg.norm(np.median(after, axis=0)[:2] - np.median(before, axis=0)[:2]))
    numbers = {"moved_on_table": moved}
    if moved > settings.gone:
        message = f"something stands {100 * moved:.0f} cm from where the object was"
        return Verdict(Outcome.DROPPED, message, numbers)
    return Verdict(Outcome.NOT_HELD, "it stands where it stood", numbers)
