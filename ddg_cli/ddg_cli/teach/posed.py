"""Teaching without a robot: an object, a hand posed on it in the browser, a demonstration."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ddg_cli.report import Report
from ddg_cli.teach.folders import Folders
from ddg_cli.teach.record import Lesson
from ddg_core.description import config_folder
from ddg_core.errors import BadInput, UnknownName
from ddg_core.hand import Hand
from ddg_core.settings import load
from ddg_core.view import FeatureCloud
from ddg_planning.generate.demonstration import Demonstration, load_demonstration
from ddg_planning.store import DEMONSTRATIONS
from ddg_planning.teach.posing import Pose, Stage, posed_like
from ddg_planning.teach.shown import TeachSettings
from ddg_planning.teach.surface import shown_surface

PLACE = np.array([0.55, 0.0, 0.0])  # of a catalogue object on the table, in [m]


@dataclass(frozen=True)
class Recorded:
    """A recorded view of an object: files as `ddg plan` takes them."""

    depth: Path
    camera: Path
    mask: Path | None = None


def pose(
    lesson: Lesson, folders: Folders, hand: Hand, recorded: Recorded | None, *, like: str, port: int
) -> Report:
    """Serve the page and store what is posed there.

    Args:
        lesson: What is taught; without `recorded` its object is one of the catalogue.
        folders: Where to.
        hand: The hand.
        recorded: A view of the object; None: it is drawn from the catalogue.
        like: Stored demonstration of this hand that it begins with.
        port: Of the page.

    Raises:
        BadInput: The name is taken, the object is unknown, or viser is not installed.
    """
    from ddg_cli.teach.viewer import Viewer, load_viser

    load_viser()  # before the object is looked at from all around
    lesson.check_free(folders)
    settings = TeachSettings()
    first = _posture(hand, like)
    if recorded is None:
        cloud, back = _catalogue_surface(lesson.object, hand), "seen"
    else:
        cloud, back = _recorded_surface(recorded, settings)
    stage = Stage(hand, cloud, settings)
    provenance = {**lesson.provenance("ddg teach record --viewer"), "back": back}
    kind = lesson.kind or lesson.name

    def store(posed: Pose) -> Report:
        return folders.add(lesson.name, stage.demonstration(kind, posed, provenance), hand)

    with Viewer(stage, posed_like(first, stage.middle), port) as viewer:
        print(f"pose the hand at {viewer.url}; Ctrl-C gives up", file=sys.stderr, flush=True)
        return viewer.run(store)


def _posture(hand: Hand, like: str) -> Demonstration:
    stored = {path.stem: path for path in (DEMONSTRATIONS / hand.name).glob("*.npz")}
    if like not in stored:
        raise UnknownName(f"demonstration of hand {hand.name!r}", like, sorted(stored))
    return load_demonstration(stored[like])


def _catalogue_surface(name: str, hand: Hand) -> FeatureCloud:
    """All of an object's surface; what is evaluated on may not be taught on."""
    from ddg_cli.teach.look import whole_surface
    from ddg_sim.objects.catalogue import catalogue, split
    from ddg_sim.objects.load import load_object

    item = load_object(name)
    if item.name in catalogue() and split(item.name) != "train":
        raise BadInput(f"{item.name} is of the {split(item.name)} split; teach on a training one")
    T_base_object = item.resting(item.stable_rotations[0])
    T_base_object[:3, 3] += PLACE
    return whole_surface(item, T_base_object, hand, rng=np.random.default_rng(0))


def _recorded_surface(recorded: Recorded, settings: TeachSettings) -> tuple[FeatureCloud, str]:
    from ddg_perception.perceive import PerceptionSettings, perceive
    from ddg_perception.recorded import read_camera, read_depth, read_mask

    camera = read_camera(recorded.camera)
    mask = None if recorded.mask is None else read_mask(recorded.mask, camera)
    perception = load(config_folder() / "perception.yaml", PerceptionSettings)
    image, rng = read_depth(recorded.depth, camera), np.random.default_rng(0)
    view = perceive(image, perception, mask=mask, rng=rng)
    return shown_surface([view], settings.object)
