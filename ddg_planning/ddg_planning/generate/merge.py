"""Merging many demonstrated grasps of a type into few models that know all their contacts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ddg_core.arrays import Array, IntArray
from ddg_planning.generate.affinity import exemplars
from ddg_planning.generate.aspects import Aspect
from ddg_planning.generate.contact_model import ContactModel
from ddg_planning.generate.evidence import EvidenceSettings, contact_distance
from ddg_planning.generate.grasp_model import GraspModel


@dataclass(frozen=True)
class MergeSettings:
    """What makes grasps alike, and what is kept of those that are.

    Attributes:
        joints: A root mean square difference of the grip's joints that makes grasps as different
            as contacts without common surface, in [rad].
        preference: Quantile of the similarities that a grasp must have to stand for itself: the
            lower, the fewer groups.
        damping: Of affinity propagation.
        share: A link belongs to a group if at least this share of its grasps touch with it.
        kernels: Most kernels per link of a group.
        contacts: How the surfaces of contacts are compared.
    """

    joints: float = 0.5
    preference: float = 0.3
    damping: float = 0.9
    share: float = 0.5
    kernels: int = 120
    contacts: EvidenceSettings = field(default_factory=EvidenceSettings)

    def __post_init__(self) -> None:
        """Refuse shares beyond [0, 1]."""
        if not (0.0 <= self.preference <= 1.0 and 0.0 < self.share <= 1.0):
            raise ValueError("preference and share must be in [0, 1], share above 0")
        if self.joints <= 0.0 or self.kernels < 1:
            raise ValueError("joints and kernels must be positive")


@dataclass(frozen=True, eq=False)
class Member:
    """One learned demonstration.

    Attributes:
        model: What was learned.
        aspects: Which of its contacts the training views show.
        taught: By a teacher; else found by trying.
        tried, held: Grasps made from models with this one as exemplar, and how many held.
    """

    model: GraspModel
    aspects: tuple[Aspect, ...]
    taught: bool = True
    tried: int = 0
    held: int = 0


def grasp_distance(a: GraspModel, b: GraspModel, settings: MergeSettings) -> float:
    """How unlike two grasps of a hand are: mean over contacts, plus the grip; 0 for the same.

    A link that touches in one of them only counts as a contact without common surface.
    """
    ours = {contact.link: contact for contact in a.contacts}
    theirs = {contact.link: contact for contact in b.contacts}
    common = ours.keys() & theirs.keys()
    apart = [contact_distance(ours[n], theirs[n], settings.contacts) for n in sorted(common)]
    contacts = (sum(apart) + len(ours.keys() ^ theirs.keys())) / len(ours.keys() | theirs.keys())
    grips = float(np.sqrt(np.mean((a.grip - b.grip) ** 2)))
    return contacts + grips / settings.joints


def group(members: Sequence[Member], settings: MergeSettings) -> IntArray:
    """Index of the exemplar of every member, shape (N,); types are never mixed."""
    labels = np.arange(len(members))
    for kind in sorted({member.model.kind for member in members}):
        rows = np.array([i for i, m in enumerate(members) if m.model.kind == kind])
        similarity = np.zeros((len(rows), len(rows)))
        for i, j in zip(*np.triu_indices(len(rows), 1), strict=True):
            a, b = members[rows[i]].model, members[rows[j]].model
            similarity[i, j] = similarity[j, i] = -grasp_distance(a, b, settings)
        if len(rows) > 1:
            others = similarity[np.triu_indices(len(rows), 1)]
            preference = float(np.quantile(others, settings.preference))
            labels[rows] = rows[
                exemplars(similarity, preference=preference, damping=settings.damping)
            ]
    return labels


def merged(
    members: Sequence[Member], exemplar: Member, settings: MergeSettings
) -> tuple[GraspModel, Counter[tuple[str, ...]]]:
    """One model of a group: the motion of its exemplar, the contacts of all its members.

    Returns:
        The model, and the sets of its contacts that training views show, with their numbers.
    """
    touching = Counter(c.link for member in members for c in member.model.contacts)
    kept = {link for link, count in touching.items() if count >= settings.share * len(members)}
    order = [c.link for member in members for c in member.model.contacts]
    pools = [
        _pooled([c for m in members for c in m.model.contacts if c.link == link], settings.kernels)
        for link in dict.fromkeys(order)
        if link in kept
    ]
    shown = Counter[tuple[str, ...]]()
    for member in members:
        for aspect in member.aspects:
            shown[tuple(p.link for p in pools if p.link in aspect.links)] += aspect.views
    model = replace(exemplar.model, contacts=tuple(pools), source=exemplar.model.id)
    return model, shown


def _pooled(contacts: Sequence[ContactModel], kernels: int) -> ContactModel:
    """All kernels of one link's contacts, thinned evenly by weight."""

    def joined(name: str) -> Array:
        return np.concatenate([getattr(contact, name) for contact in contacts])

    weights = joined("weights") / len(contacts)
    chosen = np.arange(len(weights))
    if len(weights) > kernels:
        steps = (np.arange(kernels) + 0.5) / kernels * weights.sum()
        drawn = np.searchsorted(np.cumsum(weights), steps).clip(max=len(weights) - 1)
        chosen, counts = np.unique(drawn, return_counts=True)
        weights = counts.astype(float)
    return ContactModel(
        contacts[0].link,
        joined("positions")[chosen],
        joined("quaternions")[chosen],
        joined("curvatures")[chosen],
        weights / weights.sum(),
    )
