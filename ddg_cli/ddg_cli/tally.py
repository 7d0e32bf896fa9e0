"""Count trials: which objects were held how often, and how sure that makes us."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ddg_core.errors import BadInput
from ddg_core.outcome import Outcome
from ddg_core.statistics import bootstrap_by_object, wilson


@dataclass(frozen=True)
class Tried:
    """One trial of a series.

    Attributes:
        object, seed: What was tried.
        outcome: How it ended.
        message: One sentence for people.
        seconds: How long it took, without the time to put the object there.
        record: Path of its record; "" if there is none.
    """

    object: str
    seed: int
    outcome: Outcome
    message: str
    seconds: float
    record: str = ""


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


def summary(trials: Sequence[Tried]) -> dict[str, Any]:
    """Figures of a series: counts, rate, its intervals, picks per hour, and counts per object.

    A pick is a trial that ended HELD, and putting back what was picked is part of its time.
    """
    held = [t.outcome == Outcome.HELD for t in trials]
    hours = sum(t.seconds for t in trials) / 3600.0
    objects = [t.object for t in trials]
    rng = np.random.default_rng(0)  # the same trials, the same interval
    return {
        "n": len(trials),
        "held": sum(held),
        "rate": sum(held) / len(held) if held else None,
        "wilson95": wilson(sum(held), len(held)),
        "bootstrap95": bootstrap_by_object(held, objects, rng=rng),
        "outcomes": dict(Counter(str(t.outcome) for t in trials)),
        "picks_per_hour": sum(held) / hours if hours else None,
        "by_object": {
            name: {
                "n": objects.count(name),
                "held": sum(h for h, o in zip(held, objects, strict=True) if o == name),
            }
            for name in dict.fromkeys(objects)
        },
    }


def table(trials: Sequence[Tried]) -> str:
    """One line per object with the outcome of each of its seeds, and the rate with its interval."""
    figures = summary(trials)
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
    if rate := figures["picks_per_hour"]:
        lines.append(f"{rate:.0f} picks per hour")
    return "\n".join(lines)
