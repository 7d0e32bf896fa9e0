"""From a view of an object to grasps of two jaws, best first: the policies of Dex-Net."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from ddg_core.arrays import Array, BoolArray
from ddg_core.errors import Failed, UnknownName
from ddg_core.grasp import Grasp
from ddg_core.hand import Hand
from ddg_core.outcome import Outcome
from ddg_core.transforms import apply, inverse
from ddg_core.view import ObjectView
from ddg_planning.parallel_jaw.image_grasp import ImageGrasps, join, to_image, to_space
from ddg_planning.parallel_jaw.jaws import Jaws, JawSettings
from ddg_planning.parallel_jaw.mixture import fit_mixture
from ddg_planning.parallel_jaw.prepare import PrepareSettings
from ddg_planning.parallel_jaw.sample_image import (
    ImageSampling,
    antipodal_on_image,
    centred_on_image,
    deepest,
    fingers_free,
    random_on_image,
)
from ddg_planning.parallel_jaw.score import Scorer
from ddg_planning.parallel_jaw.seen import Seen, Window, alike, features, grasps_of, look

WEIGHTS = Path(__file__).parents[1] / "data" / "jaws"
Progress = Callable[[str], None]  # told the name of each stage; may raise to cancel
Policy = Literal["cem", "best", "fc", "centred", "antipodal", "random"]
_NONE = 1e-9  # probability that is none
_ANGLES = 4  # so many of each place are looked at for one that leaves room for the fingers
UNJUDGED = ("centred", "antipodal", "random")  # policies without a network


@dataclass(frozen=True)
class CemSettings:
    """The cross-entropy method; figures of Dex-Net 2.0.

    Attributes:
        seeds: Antipodal grasps that it starts from.
        rounds: Times that a mixture is fitted to the best grasps.
        samples: Grasps drawn from it each time.
        elite: Share of all grasps so far that it is fitted to; none of them is ever lost (ours).
        gaussians: Of the mixture.
        floor: Of its variances, features being scaled to spread 1.
    """

    seeds: int = 250
    rounds: int = 3
    samples: int = 50
    elite: float = 0.25
    gaussians: int = 3
    floor: float = 0.01

    def __post_init__(self) -> None:
        """Refuse to look at nothing."""
        if min(self.seeds, self.samples, self.gaussians) < 1 or not 0.0 < self.elite <= 1.0:
            raise ValueError("seeds, samples, gaussians and elite must be positive, elite <= 1")


@dataclass(frozen=True)
class DexnetSettings:
    """How grasps of two jaws are planned; the file is `config/dexnet.yaml`.

    Attributes:
        policy: "cem" (cross-entropy method), "best" (of many antipodal grasps), "fc" (of all places
            of the image), and without a network "centred" (antipodal ones, deep and near the
            middle of the object) and to compare with "antipodal" and "random".
        weights: File of the network; empty takes the one that comes with the package.
        played: Judge by what was learned from played grasps too, where it is beside the weights.
        robust: Weight of the network's own verdict beside it, for the order: of grasps that are as
            likely to hold, the one that bears more doubt about poses and friction.
        threads: Threads that the process computes with.
        room: Height above the support below which the jaws do not close, in [m].
        count: Grasps that "best" and "centred" choose from.
        heights: Depths that "fc" judges.
        cem: The cross-entropy method.
        prepare: The image that grasps are sampled on.
        sampling: How they are sampled.
        jaws: How the jaws are brought to a grasp.
    """

    policy: Policy = "cem"
    weights: str = ""
    played: bool = True
    robust: float = 0.2
    threads: int = 1
    room: float = 0.007
    count: int = 1000
    heights: int = 16
    cem: CemSettings = field(default_factory=CemSettings)
    prepare: PrepareSettings = field(default_factory=lambda: PrepareSettings(focal=287.0))
    sampling: ImageSampling = field(default_factory=ImageSampling)
    jaws: JawSettings = field(default_factory=JawSettings)

    def __post_init__(self) -> None:
        """Refuse to look at nothing."""
        if min(self.threads, self.count, self.heights) < 1:
            raise ValueError("threads, count and heights must be positive")


class JawPlanner:
    """Proposes grasps of two jaws on an object that it has never seen (`Generate`)."""

    def __init__(self, hand: Hand, settings: DexnetSettings) -> None:
        """Load the network that the policy needs.

        Raises:
            BadInput: The hand is no gripper, or the weights cannot be used.
        """
        torch.set_num_threads(settings.threads)
        self.settings, self.jaws = settings, Jaws(hand, settings.jaws)
        self._judge: Scorer | None = None
        if settings.policy not in UNJUDGED:
            name = "fc-gqcnn" if settings.policy == "fc" else "gqcnn-small"
            path = Path(settings.weights) if settings.weights else WEIGHTS / f"{name}.safetensors"
            self._judge = Scorer(path, self.jaws, played=settings.played)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The one kind of grasp that it proposes: its policy."""
        return (self.settings.policy,)

    def __call__(
        self,
        view: ObjectView,
        *,
        n: int,
        rng: np.random.Generator,
        kinds: Collection[str] = (),
        progress: Progress = lambda _: None,
    ) -> list[Grasp]:
        """Return up to `n` grasps, the best first.

        Args:
            view: The object.
            n: Most grasps returned.
            rng: Source of all randomness.
            kinds: Kinds wanted; all if empty.
            progress: Told the name of each stage as it begins; an exception from it cancels.

        Raises:
            UnknownName: A kind that it does not propose.
            BadInput: The view has no image, its depth is in millimetres, or its intrinsics are not
                those of this camera.
            Failed: NO_CLOUD, EMPTY_MASK; NO_CANDIDATE where no edges face away from each other.
        """
        for kind in set(kinds) - set(self.kinds):
            raise UnknownName("kind of grasp", kind, self.kinds)
        progress("look")
        seen = self._look(view)
        progress("propose")
        return self._best(seen, n, rng)

    def near(
        self,
        view: ObjectView,
        place: Array,
        line: Array,
        reach: float,
        *,
        n: int,
        rng: np.random.Generator,
    ) -> list[Grasp]:
        """Return up to `n` grasps within `reach` [m] of a place (3,), base frame, the best first.

        Only a window of the image is looked at, so it takes a fraction of the time. Where "fc" has
        the choice at one place, as on a ball, it takes lines near the direction `line` (3,).

        Raises:
            BadInput, Failed: As `__call__` does; EMPTY_MASK where nothing is in reach.
        """
        seen = self._look(view, (place, reach))
        inwards = inverse(seen.fine.image.T_base_camera)
        (u, v), (u_on, v_on) = seen.coarse.camera.project(
            apply(inwards, np.stack([place, place + 0.01 * line]))
        )
        angle = float(np.arctan2(v_on - v, u_on - u))
        return self._best(replace(seen, towards=angle), n, rng)

    def _best(self, seen: Seen, n: int, rng: np.random.Generator) -> list[Grasp]:
        grasps, verdict = self._plan(seen, n, rng)
        p, worth = verdict, np.log(np.maximum(verdict, _NONE))
        if self._judge and self._judge.holding:
            lines = to_space(grasps, seen.fine.scaled, seen.up)
            p = self._judge.holds(verdict, seen.whole, lines)
            worth = np.log(np.maximum(p, _NONE)) + self.settings.robust * worth
        best = np.argsort(-worth, kind="stable")[:n]
        return self._as_grasps(grasps.at(best), p[best], worth[best], seen)

    def _look(self, view: ObjectView, window: Window | None = None) -> Seen:
        focal = self._judge.card.focal if self._judge else self.settings.prepare.focal
        return look(view, self.settings.prepare, focal, self.settings.room, window)

    def _plan(self, seen: Seen, n: int, rng: np.random.Generator) -> tuple[ImageGrasps, Array]:
        """Grasps in the fine image and their probabilities; without a network all are alike."""
        s, stroke, policy = self.settings, self.jaws.stroke, self.settings.policy
        if policy == "fc":
            return self._everywhere(seen)
        if policy == "random":
            return random_on_image(seen.fine, seen.floor, s.sampling, n=n, rng=rng), np.ones(n)
        if policy == "centred":
            return centred_on_image(seen.fine, stroke, seen.floor, s.sampling, n=s.count, rng=rng)
        if policy == "antipodal":
            return (grasps := self._antipodal(seen, n, rng)), np.ones(len(grasps))
        if policy == "best":
            grasps = self._antipodal(seen, s.count, rng)
            return grasps, self._probability(seen, grasps)
        return self._cross_entropy(seen, rng)

    def _antipodal(self, seen: Seen, n: int, rng: np.random.Generator) -> ImageGrasps:
        sampling = self.settings.sampling
        return antipodal_on_image(seen.fine, self.jaws.stroke, seen.floor, sampling, n=n, rng=rng)

    def _probability(self, seen: Seen, grasps: ImageGrasps) -> Array:
        assert self._judge is not None
        lines = to_space(grasps, seen.fine.scaled, seen.up)
        return self._judge(seen.coarse, to_image(*lines, grasps.widths, seen.coarse.scaled))

    def _cross_entropy(self, seen: Seen, rng: np.random.Generator) -> tuple[ImageGrasps, Array]:
        s = self.settings.cem
        grasps = self._antipodal(seen, s.seeds, rng)
        p = self._probability(seen, grasps)
        for _ in range(s.rounds):
            elite = np.argsort(-p, kind="stable")[: max(1, round(s.elite * len(p)))]
            best = features(grasps.at(elite), seen.fine)
            middle, spread = best.mean(axis=0), best.std(axis=0) + 1e-6
            mixture = fit_mixture((best - middle) / spread, s.gaussians, floor=s.floor, rng=rng)
            drawn = grasps_of(middle + spread * mixture.sample(s.samples, rng=rng), seen)
            drawn = drawn.at(self._allowed(drawn, seen))
            grasps = join([grasps, drawn])
            p = np.concatenate([p, self._probability(seen, drawn)])
        return grasps, p

    def _allowed(self, grasps: ImageGrasps, seen: Seen) -> BoolArray:
        """Which grasps lie on the object within the stroke and leave fingers room, shape (N,)."""
        u, v = np.rint(grasps.pixels).astype(int).T
        camera, least = seen.fine.camera, self.settings.sampling.least_width
        inside = (u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)
        inside &= (grasps.widths >= least) & (grasps.widths <= self.jaws.stroke)
        inside[inside] = seen.fine.mask[v[inside], u[inside]]
        allowed: BoolArray = inside & self._free(grasps, seen)
        return allowed

    def _free(self, grasps: ImageGrasps, seen: Seen) -> BoolArray:
        return fingers_free(seen.fine, grasps, self.jaws.stroke, self.settings.sampling.finger)

    def _everywhere(self, seen: Seen) -> tuple[ImageGrasps, Array]:
        """The best grasp of each place on the object, in the fine image."""
        assert self._judge is not None
        view = seen.coarse
        rows, columns = np.nonzero(view.mask)
        surface = view.depth[rows, columns]
        floor = deepest(view, seen.up, seen.support, self.settings.room)[rows, columns]
        least, most = self.settings.sampling.below
        nearest = float(surface.min()) + least
        depths = np.linspace(nearest, max(nearest, float(floor.max())), self.settings.heights)
        p, angles = self._judge.everywhere(view, depths)
        fits = (depths[:, None] >= surface) & (depths[:, None] <= surface + most)
        fits &= depths[:, None] <= floor + 1e-9
        here = np.where(fits[:, None], p, -1.0)
        best, z = here.max(axis=0), here.argmax(axis=0)  # over depths: shapes (angles, places)
        worth = np.where(best < 0.0, -1.0, best * alike(angles, seen.towards)[:, None])
        left, found, verdicts = np.arange(len(rows)), [], []
        for _ in range(_ANGLES):
            left = left[worth[:, left].max(axis=0) >= 0.0]
            if not len(left):
                break
            angle = worth[:, left].argmax(axis=0)
            pixels = np.stack([columns[left], rows[left]], axis=1) - 0.5
            there = ImageGrasps(pixels, angles[angle], depths[z[angle, left]], np.zeros(len(left)))
            line = to_space(there, view.scaled, seen.up)
            grasps = to_image(*line, there.widths, seen.fine.scaled)
            free = self._free(grasps, seen)
            found.append(grasps.at(free))
            verdicts.append(best[angle, left][free])
            worth[angle, left], left = -1.0, left[~free]
        if not sum(map(len, verdicts)):
            raise Failed(Outcome.NO_CANDIDATE, "nowhere on the object is room for the open jaws")
        return join(found), np.concatenate(verdicts)

    def _as_grasps(self, grasps: ImageGrasps, p: Array, worth: Array, seen: Seen) -> list[Grasp]:
        policy, judge = self.settings.policy, self._judge
        lines = to_space(grasps, seen.fine.scaled, seen.up)
        made = [
            self.jaws.grasp(centre, axis, -seen.up, float(width), policy, float(value))
            for centre, axis, width, value in zip(*lines, grasps.widths, worth, strict=True)
        ]
        if judge is None:
            return made
        return [
            replace(grasp, p_success=float(q), models=judge.models)
            for grasp, q in zip(made, p, strict=True)
        ]
