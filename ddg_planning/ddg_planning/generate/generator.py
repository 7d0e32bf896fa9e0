"""The generative model as a whole: a view goes in, ranked grasps come out."""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from ddg_core.arrays import Array
from ddg_core.errors import BadInput, Failed, UnknownName
from ddg_core.grasp import Grasp
from ddg_core.hand import Hand
from ddg_core.outcome import Outcome
from ddg_core.transforms import apply
from ddg_core.view import ObjectView
from ddg_planning.generate.arm import Arm, ArmSettings
from ddg_planning.generate.assemble import FinishSettings, finish
from ddg_planning.generate.closing import ClosingSettings
from ddg_planning.generate.collision import Collision, CollisionSettings
from ddg_planning.generate.configuration import ConfigurationSettings
from ddg_planning.generate.evidence import EvidenceSettings
from ddg_planning.generate.grasp_model import GraspModel
from ddg_planning.generate.ground import Ground, GroundSettings
from ddg_planning.generate.hand_model import HandModel
from ddg_planning.generate.hold import HoldSettings
from ddg_planning.generate.local_frame import local_frame, to_local
from ddg_planning.generate.object_model import ObjectModel, ObjectSettings, model_object
from ddg_planning.generate.product import Product, ProductSettings
from ddg_planning.generate.query import QuerySettings, Untransferable
from ddg_planning.generate.search import SearchSettings, best_of_each, climb, propose
from ddg_planning.generate.solid import Solid, SolidSettings
from ddg_planning.generate.transfer import Target, Transferred, transfer

log = logging.getLogger(__name__)
Progress = Callable[[str], None]  # told the name of each stage; may raise to cancel


@dataclass(frozen=True)
class GeneratorSettings:
    """All settings of the generative model; part of `config/generation.yaml`."""

    object: ObjectSettings = field(default_factory=ObjectSettings)
    query: QuerySettings = field(default_factory=QuerySettings)
    configuration: ConfigurationSettings = field(default_factory=ConfigurationSettings)
    product: ProductSettings = field(default_factory=ProductSettings)
    solid: SolidSettings = field(default_factory=SolidSettings)
    ground: GroundSettings = field(default_factory=GroundSettings)
    collision: CollisionSettings = field(default_factory=CollisionSettings)
    search: SearchSettings = field(default_factory=SearchSettings)
    closing: ClosingSettings = field(default_factory=ClosingSettings)
    hold: HoldSettings = field(default_factory=HoldSettings)
    finish: FinishSettings = field(default_factory=FinishSettings)
    arm: ArmSettings | None = field(default_factory=ArmSettings)  # null: a hand that flies
    evidence: EvidenceSettings | None = None  # of GM2; GM1 has none


class Generator:
    """Proposes grasps by contact models learned from one demonstration per type (`Generate`)."""

    def __init__(
        self, models: Sequence[GraspModel], hand: Hand, settings: GeneratorSettings
    ) -> None:
        """Take learned types of `hand`; BadInput if there is none."""
        if not models:
            raise BadInput("the generator has no grasp model")
        self.models = tuple(models)
        self.hand = HandModel(hand)
        self.settings = settings

    @property
    def kinds(self) -> tuple[str, ...]:
        """The grasp types that were taught, sorted."""
        return tuple(sorted({model.kind for model in self.models}))

    def _chosen(self, kinds: Collection[str]) -> list[GraspModel]:
        for kind in kinds:
            if kind not in self.kinds:
                raise UnknownName("grasp type", kind, self.kinds)
        return [model for model in self.models if not kinds or model.kind in kinds]

    def __call__(
        self,
        view: ObjectView,
        *,
        n: int,
        rng: np.random.Generator,
        kinds: Collection[str] = (),
        progress: Progress | None = None,
    ) -> list[Grasp]:
        """Return up to `n` grasps, the likeliest first.

        A type whose contacts find nothing on the object drops out with a warning.

        Args:
            view: The object.
            n: Most grasps returned.
            rng: Source of all randomness: same generator state, same grasps.
            kinds: Grasp types to use; all if empty.
            progress: Told the name of each stage as it begins; an exception from it cancels.

        Raises:
            UnknownName: A kind that was not taught.
            BadInput: The cloud has no normals.
            Failed: NO_CLOUD if the view shows too little to be an object, ALL_IN_COLLISION if no
                candidate can be reached without touching table, obstacles or object.
        """
        progress = progress or _silent
        progress("object")
        if len(view.cloud) < self.settings.object.points:
            raise Failed(
                Outcome.NO_CLOUD,
                f"the object has {len(view.cloud)} points, needs {self.settings.object.points}",
            )
        if (np.abs(np.linalg.norm(view.cloud.normals, axis=1) - 1.0) > 0.01).any():
            raise BadInput("the cloud's normals must have length 1: it seems to have none")
        T_base_local = local_frame(view)
        local = to_local(view, T_base_local)
        model, solid = self._model(view, local, T_base_local, rng)
        progress("transfer")
        target = Target(model, local, self.settings.query, self.settings.evidence, rng=rng)
        types = self._transferred(target, kinds)
        if not types:
            return []
        product = self._product(types, solid, T_base_local)
        grasps = self._search(product, solid, n, rng, progress)
        return [in_base(grasp, T_base_local) for grasp in grasps]

    def _model(
        self, view: ObjectView, local: ObjectView, T_base_local: Array, rng: np.random.Generator
    ) -> tuple[ObjectModel, Solid]:
        """Features and body of the object, in the local frame."""
        s = self.settings
        target = model_object(local, s.object, rng=rng)
        ground = Ground(view.image, T_base_local, local.cloud.points, s.ground)
        return target, Solid(local, target, s.solid, ground)

    def _transferred(self, target: Target, kinds: Collection[str]) -> list[Transferred]:
        """The types of which every contact finds something to touch."""
        types = []
        for model in self._chosen(kinds):
            try:
                types.append(transfer(model, target, self.hand, self.settings.configuration))
            except Untransferable as error:
                log.warning("grasp type %r drops out: %s", model.kind, error)
        return types

    def _product(self, types: Sequence[Transferred], solid: Solid, T_base_local: Array) -> Product:
        """All experts."""
        s = self.settings
        arm = Arm(s.arm, T_base_local, self.hand.dtype) if s.arm else None
        return Product(
            tuple(types), self.hand, Collision(self.hand, solid, s.collision), s.product, arm
        )

    def _search(
        self,
        product: Product,
        solid: Solid,
        n: int,
        rng: np.random.Generator,
        progress: Progress,
    ) -> list[Grasp]:
        """At most `n` grasps in the local frame, the likeliest first; Failed if none is free."""
        s = self.settings
        progress("propose")
        scored = propose(product, s.search, s.finish.worth_of, rng=rng)
        progress("climb")
        risen = climb(product, best_of_each(scored, s.search.kept), s.search)
        progress("finish")
        with torch.no_grad():
            grasps = finish(product, risen, solid, s.closing, s.hold, s.finish, n)
        if not grasps:
            raise Failed(
                Outcome.ALL_IN_COLLISION,
                f"all {len(risen.scores)} candidates touch table, obstacles or object too early",
            )
        return grasps


def use_threads(count: int) -> None:
    """Let the process compute densities with so many threads."""
    torch.set_num_threads(count)


def _silent(stage: str) -> None:
    """Take no notice of the stage."""
    del stage


def in_base(grasp: Grasp, T_base_local: Array) -> Grasp:
    """The grasp in the base frame, from the generator's own."""
    return replace(
        grasp,
        T_base_wrist=T_base_local @ grasp.T_base_wrist,
        contacts=apply(T_base_local, grasp.contacts),
    )
