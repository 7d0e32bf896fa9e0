"""What a command tells in the end: an exit code, one JSON object, a few lines for people."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ddg_core.outcome import Outcome

DONE, USER_MISTAKE, OTHER_OUTCOME = 0, 2, 3


@dataclass(frozen=True)
class Report:
    """The answer of a command.

    Attributes:
        json: The object that `--json` prints.
        text: What is printed otherwise; nothing if the command has printed all there is to say.
        markdown: What goes into a document instead of the text, e.g. a table.
        code: Exit code: 0 = did it, 1 = failed, 3 = another typed outcome.
    """

    json: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    code: int = DONE
    markdown: str = ""


def exit_code(outcome: Outcome) -> int:
    """Exit code of a command that ends with an outcome: 0 for OK and HELD, else 3."""
    return DONE if outcome in (Outcome.OK, Outcome.HELD) else OTHER_OUTCOME


def to_json(value: Any) -> str:
    """One line of strict JSON; arrays become lists, NaN and infinity null, paths strings."""
    return json.dumps(_plain(value), allow_nan=False)


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):  # numpy arrays and scalars, without importing numpy
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value
