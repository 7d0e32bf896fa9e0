"""The judge of a lift: by ground truth in the twin, by where the fingers stopped on a robot."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import degrees, isfinite, radians
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ddg_core.errors import Failed
from ddg_core.outcome import Outcome
from ddg_core.trial import Verdict


@dataclass(frozen=True)
class JudgeSettings:
    """What counts as held.

    Attributes:
        source: "ground_truth" in a twin; "fingers" where nobody knows the truth.
        lifted: Height that counts as having left the table, in [m].
        max_shift: Largest shift in the hand between lift-off and the end of the hold, in [m].
        max_turn: Largest turn in the hand in that time, in [rad].
        short_of_target: A finger joint that stopped this far short of its squeeze target has
            something in its way, in [rad]; for source "fingers".
        joints_short: So many joints must have; for source "fingers".
    """

    source: Literal["ground_truth", "fingers"] = "ground_truth"
    lifted: float = 0.03
    max_shift: float = 0.03
    max_turn: float = radians(30.0)
    short_of_target: float = 0.05
    joints_short: int = 2


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
