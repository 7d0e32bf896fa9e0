"""Count trials: which objects were held how often, and how sure that makes us."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np

from ddg_core.errors import BadInput
from ddg_core.outcome import Outcome
from ddg_core.statistics import bootstrap_by_object, wilson
from ddg_execution.judge import JudgeSettings

TO_THE_END = frozenset({Outcome.HELD, Outcome.SLIPPED, Outcome.DROPPED, Outcome.NOT_HELD})
# Nothing was planned: nothing was seen, nothing proposed, or the planner abstained.
NO_PLAN = frozenset(
    {
        Outcome.NO_CLOUD,
        Outcome.EMPTY_MASK,
        Outcome.STALE_DATA,
        Outcome.UNKNOWN_FRAME,
        Outcome.BAD_INPUT,
        Outcome.NO_CANDIDATE,
        Outcome.LOW_CONFIDENCE,
    }
)
STOOD = JudgeSettings()  # before the fingers close it may move as far as it may slip in the hand


@dataclass(frozen=True)
class Tried:
    """One trial of a series.

    Attributes:
        object, seed: What was tried.
        outcome: How it ended.
        message: One sentence for people.
        seconds: How long it took, without the time to put the object there.
        record: Path of its record; "" if there is none.
        shift, turn: How far the object was pushed and turned before the fingers began to close,
            in [m] and [rad]; NaN if they did not begin.
        looks: When the target was corrected on the way in, in [s] of any clock.
    """

    object: str
    seed: int
    outcome: Outcome
    message: str
    seconds: float
    record: str = ""
    shift: float = nan
    turn: float = nan
    looks: tuple[float, ...] = ()

    def executed(self, nudge: float = 0.0) -> bool:
        """Whether the grasp was executed to the end on an object that had not been knocked over.

        `nudge` is how far somebody moved the object on purpose, in [m].
        """
        stood = (
            self.shift <= STOOD.max_shift + nudge and self.turn <= STOOD.max_turn
        )  # NaN: not seen
        return self.outcome in TO_THE_END and stood


def parse_seeds(text: str) -> list[int]:
    """Seeds of "1-5", "3" or "1-3,7"; BadInput if it is none of these."""
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        try:
            span = range(int(first), int(last if dash else first) + 1)
        except ValueError as error:
            raise BadInput(f"seeds: expected numbers as in 1-5 or 1,3,7, got {text!r}") from error
        if not span:
            raise BadInput(f"seeds: {part!r} runs backwards")
        seeds.extend(span)
    return seeds


def summary(trials: Sequence[Tried], nudge: float = 0.0) -> dict[str, Any]:
    """Figures of a series: counts, rate, its intervals, picks per hour, and counts per object.

    A pick is a trial that ended HELD, and putting back what was picked is part of its time.
    `planned` counts trials in which a grasp was planned, `executed` those of them that came to the
    end of the hold and home on an object not knocked over on the way in; `nudge` as in `executed`.
    `looks_per_second` is by the median time from one correction of a target to the next.
    """
    held = [t.outcome == Outcome.HELD for t in trials]
    hours = sum(t.seconds for t in trials) / 3600.0
    objects = [t.object for t in trials]
    planned = [t for t in trials if t.outcome not in NO_PLAN]
    executed = sum(t.executed(nudge) for t in planned)
    gaps = np.concatenate([np.zeros(0), *(np.diff(t.looks) for t in trials)])
    rng = np.random.default_rng(0)  # the same trials, the same interval
    return {
        "n": len(trials),
        "held": sum(held),
        "rate": sum(held) / len(held) if held else None,
        "wilson95": wilson(sum(held), len(held)),
        "bootstrap95": bootstrap_by_object(held, objects, rng=rng),
        "outcomes": dict(Counter(str(t.outcome) for t in trials)),
        "planned": len(planned),
        "executed": executed,
        "executed_wilson95": wilson(executed, len(planned)),
        "looks_per_second": 1.0 / float(np.median(gaps)) if len(gaps) else None,
        "picks_per_hour": sum(held) / hours if hours else None,
        "by_object": {
            name: {
                "n": objects.count(name),
                "held": sum(h for h, o in zip(held, objects, strict=True) if o == name),
            }
            for name in dict.fromkeys(objects)
        },
    }


def table(trials: Sequence[Tried], nudge: float = 0.0) -> str:
    """One line per object with the outcome of each of its seeds, and the rates with intervals."""
    figures = summary(trials, nudge)
    lines = []
    for name, counts in figures["by_object"].items():
        ends = " ".join(f"{t.seed}:{t.outcome}" for t in trials if t.object == name)
        lines.append(f"{name:<20} {counts['held']:>2} of {counts['n']:<2}  {ends}")
    if trials:
        low, high = figures["wilson95"]
        lines.append(
            f"held {figures['held']} of {figures['n']} = {100 * figures['rate']:.0f} %"
            f" (95 % Wilson interval {100 * low:.0f} to {100 * high:.0f} %)"
        )
    if figures["planned"]:
        low, high = figures["executed_wilson95"]
        lines.append(
            f"of {figures['planned']} planned grasps {figures['executed']} were executed to the end"
            f" ({100 * low:.0f} to {100 * high:.0f} %)"
        )
    if rate := figures["looks_per_second"]:
        lines.append(f"{rate:.1f} looks per second on the way in (median)")
    if rate := figures["picks_per_hour"]:
        lines.append(f"{rate:.0f} picks per hour")
    return "\n".join(lines)
