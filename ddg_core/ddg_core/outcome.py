"""How a piece of work ended: one table of typed codes, the same in messages, records and prints."""

from enum import StrEnum


class Outcome(StrEnum):
    """Typed outcome of a request or a trial."""

    OK = "OK"
    HELD = "HELD"  # the object was lifted and held
    NO_CLOUD = "NO_CLOUD"  # no depth view, or no object in it
    EMPTY_MASK = "EMPTY_MASK"  # the mask leaves no valid depth
    STALE_DATA = "STALE_DATA"  # the newest data is older than allowed
    UNKNOWN_FRAME = "UNKNOWN_FRAME"  # no transform between the frames
    BAD_INPUT = "BAD_INPUT"
    NO_CANDIDATE = "NO_CANDIDATE"  # the generator proposed nothing
    ALL_IN_COLLISION = "ALL_IN_COLLISION"
    NO_IK = "NO_IK"  # no candidate is within the arm's reach
    NO_PATH = "NO_PATH"  # no collision-free way to any candidate
    LOW_CONFIDENCE = "LOW_CONFIDENCE"  # abstained: the best probability is below the threshold
    CONTROLLER_ABORTED = "CONTROLLER_ABORTED"
    HAND_STALLED = "HAND_STALLED"  # the fingers stopped before the grasp could be formed
    SLIPPED = "SLIPPED"  # held at first, moved too far in the hand
    DROPPED = "DROPPED"  # lifted, then lost
    NOT_HELD = "NOT_HELD"  # never left the table
    CANCELLED = "CANCELLED"
    STOPPED = "STOPPED"  # e-stop or guard
    TIMEOUT = "TIMEOUT"
    INTERNAL = "INTERNAL"
