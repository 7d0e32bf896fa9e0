"""Records what a guided hand shows: marks at the press of Enter, then demonstration and model."""

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass

from ddg_cli.report import Report
from ddg_cli.ros.guided import GuidedHand
from ddg_cli.teach.folders import Folders
from ddg_core.cell import CellSettings
from ddg_core.errors import BadInput
from ddg_core.hand import Hand
from ddg_core.view import ObjectView
from ddg_planning.teach.shown import Posture, TeachSettings, demonstrate
from ddg_planning.teach.surface import shown_surface

MARKS = (
    "pre-grasp: the hand open, before the object",
    "pre-shape: the hand around the object, still open",
    "closed: the fingers at the object",
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Lesson:
    """What is taught by whom.

    Attributes:
        name: Name of the file and, unless `kind` says otherwise, of the grasp type.
        object: What is grasped, in words.
        teacher: Who shows it.
        kind: Grasp type; empty: `name`.
    """

    name: str
    object: str
    teacher: str
    kind: str = ""

    def __post_init__(self) -> None:
        """Refuse what is no name of a file, and what tells nothing."""
        if not _NAME.fullmatch(self.name):
            raise BadInput(f"{self.name!r}: a name has letters, digits, _ and -")
        if not self.object.strip() or not self.teacher.strip():
            raise BadInput("say what is grasped (--object) and who shows it (--teacher)")

    def check_free(self, folders: Folders) -> None:
        """Raise BadInput if the name is taken: what was taught is never overwritten."""
        for folder in (folders.demonstrations, folders.models):
            path = folder / f"{self.name}.npz"
            if path.exists():
                raise BadInput(f"{self.name!r} is taken: {path}; take another name, or remove it")

    def provenance(self, made_by: str) -> dict[str, str]:
        """What is known of it before it is shown."""
        today = datetime.date.today().isoformat()
        return {
            "object": self.object,
            "made_by": made_by,
            "teacher": self.teacher,
            "date": today,
        }


def record(
    lesson: Lesson,
    folders: Folders,
    cell: CellSettings,
    hand: Hand,
    press: Callable[[str], None],
    *,
    robot: str,
    views: int = 1,
    closed_first: bool = False,
) -> Report:
    """Listen to a robot, mark by mark, and store what was shown.

    Args:
        lesson: What is taught.
        folders: Where to.
        cell: The robot.
        hand: Its hand.
        press: Given what to show next; returns when it is shown, by a press of Enter.
        robot: Name of the cell.
        views: Views taken of the object, hand away; between them the camera is moved.
        closed_first: It begins with the hand closed on the object, and goes backwards.

    Raises:
        BadInput: The name is taken, or what was shown cannot serve, see `demonstrate`.
        TimedOut: No joint states, no view, or the hand does not stand still.
        Failed: No frames, or nothing was seen.
    """
    lesson.check_free(folders)
    if views < 1:
        raise BadInput(f"--views must be at least 1, got {views}")
    looks: list[ObjectView] = []
    shown: dict[str, Posture] = {}
    steps = [f"object: the hand away from it, view {i + 1} of {views}" for i in range(views)]
    steps += MARKS
    with GuidedHand(cell, hand) as guided:
        for number, step in enumerate(reversed(steps) if closed_first else steps):
            press(f"{number + 1}/{len(steps)} {step}")
            if step in MARKS:
                shown[step] = guided.posture()
            else:
                looks.append(guided.view())
    settings = TeachSettings()
    cloud, back = shown_surface(looks, settings.object)
    told = {"robot": robot, "views": str(views), "back": back}
    provenance = {**lesson.provenance("ddg teach record"), **told}
    postures = [shown[mark] for mark in MARKS]
    kind = lesson.kind or lesson.name
    made = demonstrate(kind, hand, cloud, postures, provenance, settings)
    return folders.add(lesson.name, made, hand)
