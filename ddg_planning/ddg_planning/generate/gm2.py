"""GM2: many demonstrations, taught and found, in one file; view-based models made of them."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ddg_core.arrays import Array, IntArray
from ddg_core.errors import BadInput, UnknownName
from ddg_core.hand import Hand
from ddg_planning.generate import archive
from ddg_planning.generate.aspects import Aspect, AspectSettings, aspects_of
from ddg_planning.generate.contact_model import ContactSettings
from ddg_planning.generate.demonstration import Demonstration
from ddg_planning.generate.evidence import EvidenceSettings
from ddg_planning.generate.grasp_model import GraspModel, from_file, learn
from ddg_planning.generate.merge import Member, MergeSettings, group, merged
from ddg_planning.generate.worth import Worth

WHAT, VERSION = "GM2 model", 1


@dataclass(frozen=True)
class Gm2Settings:
    """Which of GM2's four ideas are used: each can be left out, to see what it is worth.

    Attributes:
        views: Most view-based models per grasp beside the whole one; 0 leaves them out.
        evidence: How missing surface counts against a contact; null leaves it out.
        merging: One model per group of alike demonstrations; else one per demonstration.
        training: Use what was found by trying; else only what was taught.
        merge: How groups become models.
        even, partial: Of `SearchSettings`, for many models.
        worth: What the scores of each type and variant are worth (`FinishSettings.worth`): GM2's
            are others than GM1's.
    """

    views: int = 1
    evidence: EvidenceSettings | None = field(default_factory=EvidenceSettings)
    merging: bool = True
    training: bool = True
    merge: MergeSettings = field(default_factory=MergeSettings)
    even: float = 0.7
    partial: float = 0.25
    worth: dict[str, Worth] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a negative number."""
        if self.views < 0:
            raise ValueError("views must not be negative")


LEFT_OUT: dict[str, dict[str, Any]] = {  # idea -> the settings without it
    "views": {"views": 0},
    "evidence": {"evidence": None},
    "merging": {"merging": False},
    "training": {"training": False},
}


def leave_out(settings: Gm2Settings, ideas: Collection[str]) -> Gm2Settings:
    """Settings without these ideas; UnknownName if one is none."""
    for idea in ideas:
        if idea not in LEFT_OUT:
            raise UnknownName("idea of GM2", idea, LEFT_OUT)
        settings = replace(settings, **LEFT_OUT[idea])
    return settings


@dataclass(frozen=True)
class LearnSettings:
    """How demonstrations become a GM2 model."""

    contacts: ContactSettings = field(default_factory=lambda: ContactSettings(kernels=80))
    aspects: AspectSettings = field(default_factory=AspectSettings)
    merge: MergeSettings = field(default_factory=MergeSettings)


@dataclass(frozen=True, eq=False)
class Gm2:
    """What the file holds.

    Attributes:
        members: The learned demonstrations, all of one hand.
        exemplars: Index of the exemplar of every member's group, shape (N,).
        provenance: Who made it how.
    """

    members: tuple[Member, ...]
    exemplars: IntArray
    provenance: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse groups that are none."""
        n, labels = len(self.members), np.asarray(self.exemplars)
        if not n or labels.shape != (n,) or labels.min() < 0 or labels.max() >= n:
            raise BadInput(f"GM2: {n} demonstrations, but exemplars {labels.tolist()}")
        if (labels[labels] != labels).any():
            raise BadInput("GM2: an exemplar must be its own")

    @cached_property
    def id(self) -> str:
        """Content hash."""
        return archive.content_hash(*self._content())

    def _content(self) -> tuple[dict[str, Any], dict[str, Array]]:
        headers: list[dict[str, Any]] = []
        arrays: dict[str, Array] = {"exemplars": np.asarray(self.exemplars, dtype=float)}
        for i, member in enumerate(self.members):
            about = {key: getattr(member, key) for key in ("taught", "tried", "held")}
            aspects = [asdict(aspect) for aspect in member.aspects]
            headers.append({**member.model.header(), **about, "aspects": aspects})
            arrays |= {f"{i}.{name}": array for name, array in member.model.arrays().items()}
        return {"members": headers, "provenance": dict(self.provenance)}, arrays

    def save(self, path: Path) -> None:
        """Write it to a .npz file."""
        header, arrays = self._content()
        stored: dict[str, Any] = {
            name: array.astype(np.float32) if _single(name) else array
            for name, array in arrays.items()
        }
        archive.write(path, WHAT, VERSION, header, stored)

    def models(self, settings: Gm2Settings) -> tuple[GraspModel, ...]:
        """The grasp models that compete on a new object."""
        labels = self.exemplars if settings.merging else np.arange(len(self.members))
        used = [i for i, m in enumerate(self.members) if m.taught or settings.training]
        if not settings.training:
            labels = np.arange(len(self.members))
        models: list[GraspModel] = []
        for exemplar in dict.fromkeys(int(labels[i]) for i in used):
            members = [self.members[i] for i in used if labels[i] == exemplar]
            # What was taught was chosen to be sturdy: its motion leads where a group has one.
            leader = next((m for m in members if m.taught), self.members[exemplar])
            whole, shown = merged(members, leader, settings.merge)
            whole = replace(whole, variant="" if leader.taught else "found")
            models += [whole, *_partial(whole, shown, settings.views)]
        return tuple(models)


def _partial(
    whole: GraspModel, shown: Counter[tuple[str, ...]], views: int, least: int = 3
) -> list[GraspModel]:
    """View-based models: those contacts of a grasp that its commonest views show."""
    models: list[GraspModel] = []
    for links, _ in shown.most_common():
        if len(models) < views and least <= len(links) < len(whole.contacts):
            contacts = tuple(c for c in whole.contacts if c.link in links)
            absent = 1.0 - len(contacts) / len(whole.contacts)
            source, variant = f"{whole.id}/{'+'.join(links)}", f"{whole.variant} view".lstrip()
            part = replace(whole, contacts=contacts, absent=absent, source=source, variant=variant)
            models.append(part)
    return models


def learn_member(
    demonstration: Demonstration, hand: Hand, settings: LearnSettings, *, taught: bool
) -> Member:
    """Learn one demonstration.

    Raises:
        BadInput: It is of another hand, or its hand touches nothing.
    """
    model = _rounded(learn(demonstration, hand, settings.contacts))
    return Member(model, aspects_of(demonstration, model.contacts, hand, settings.aspects), taught)


def compress(
    members: Sequence[Member], settings: LearnSettings, provenance: Mapping[str, str]
) -> Gm2:
    """Group members by affinity propagation."""
    return Gm2(tuple(members), group(members, settings.merge), dict(provenance))


def _single(name: str) -> bool:
    """Whether an array is of a contact: those are kept in single precision."""
    return name.endswith((".positions", ".quaternions", ".curvatures", ".weights"))


def _rounded(model: GraspModel) -> GraspModel:
    """The model in single precision, as the file keeps it."""

    def single(array: Array) -> Array:
        return array.astype(np.float32).astype(np.float64)

    contacts = tuple(
        replace(
            c,
            positions=single(c.positions),
            quaternions=single(c.quaternions),
            curvatures=single(c.curvatures),
            weights=single(c.weights),
        )
        for c in model.contacts
    )
    return replace(model, contacts=contacts)


def load_gm2(path: Path, hand: Hand) -> Gm2:
    """Read a GM2 model for `hand`.

    Raises:
        BadInput: It is none, of another version, or of another hand.
    """
    header, arrays = archive.read(path, WHAT, VERSION)
    try:
        members = []
        for i, about in enumerate(header["members"]):
            own = {k.removeprefix(f"{i}."): a for k, a in arrays.items() if k.startswith(f"{i}.")}
            aspects = tuple(Aspect(tuple(a["links"]), int(a["views"])) for a in about["aspects"])
            members.append(
                Member(
                    from_file(f"{path.name}: {i}", about, own, hand),
                    aspects,
                    bool(about["taught"]),
                    int(about["tried"]),
                    int(about["held"]),
                )
            )
        labels = arrays["exemplars"].astype(np.int64)
        return Gm2(tuple(members), labels, dict(header["provenance"]))
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{path.name}: damaged ({error})") from error
