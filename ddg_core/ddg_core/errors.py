"""The exceptions that DDG raises on purpose: catch `DdgError`, and only ours are caught."""

from collections.abc import Iterable
from difflib import get_close_matches

from ddg_core.outcome import Outcome


class DdgError(Exception):
    """Base of every exception that this project raises on purpose.

    Attributes:
        outcome: The typed outcome that an answer carries when this error ends the work.
    """

    outcome: Outcome = Outcome.INTERNAL


class BadInput(DdgError):
    """What came in cannot be used; the message names the culprit and the choices."""

    outcome = Outcome.BAD_INPUT


class SettingsError(BadInput):
    """A settings file has an unknown, missing or ill-typed key."""


class UnknownName(BadInput):
    """A name is not among those that exist; the message lists them."""

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        """Say which `what` (e.g. "joint of hand 'svh'") `name` is not, and what there is."""
        names = list(known)
        close = get_close_matches(name, names, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        super().__init__(f"no {what} is called {name!r}{hint} (there is: {', '.join(names)})")
        self.name = name


class TimedOut(DdgError):
    """Something waited for did not come."""

    outcome = Outcome.TIMEOUT


class Failed(DdgError):
    """A stage ended with a typed outcome other than success, e.g. NO_CLOUD."""

    def __init__(self, outcome: Outcome, message: str) -> None:
        """Keep the outcome beside its sentence."""
        super().__init__(message)
        self.outcome = outcome
