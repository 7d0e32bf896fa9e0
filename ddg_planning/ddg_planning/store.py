"""Where the package keeps demonstrations and learned grasp types, and how it loads them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ddg_core.hand import Hand
from ddg_planning.generate.generator import Generator, GeneratorSettings, use_threads
from ddg_planning.generate.gm2 import Gm2Settings, load_gm2
from ddg_planning.generate.grasp_model import GraspModel, load_models

DATA = Path(__file__).parent / "data"
DEMONSTRATIONS = DATA / "demonstrations"
MODELS = DATA / "models"
GM2 = DATA / "gm2"


def taught(hand: Hand, folder: str = "") -> tuple[GraspModel, ...]:
    """Grasp types learned for a hand, from `folder` or from the package itself.

    Raises:
        BadInput: There is none, or one cannot be used.
    """
    return load_models(Path(folder) if folder else MODELS / hand.name, hand)


@dataclass(frozen=True)
class GenerationSettings:
    """The generative model and where it comes from; the file is `config/generation.yaml`.

    Attributes:
        model: "gm1": one demonstration per type; "gm2": many, taught and found, with views.
        models: Folder of learned grasp types (gm1) or file (gm2); empty takes those that come
            with the package.
        threads: Threads that the process computes with; more only pays on an idle machine.
        generator: How grasps are generated.
        gm2: Which ideas of GM2 are used.
    """

    model: str = "gm1"
    models: str = ""
    threads: int = 1
    generator: GeneratorSettings = field(default_factory=GeneratorSettings)
    gm2: Gm2Settings = field(default_factory=Gm2Settings)

    def __post_init__(self) -> None:
        """Refuse to compute with nothing."""
        if self.threads < 1:
            raise ValueError(f"threads must be positive, got {self.threads}")
        if self.model not in GENERATORS:
            raise ValueError(f"model must be one of {', '.join(GENERATORS)}, got {self.model!r}")


def load_generator(hand: Hand, settings: GenerationSettings) -> Generator:
    """Load the grasp types taught for `hand`, and set the threads of the process.

    Raises:
        BadInput: There is none, or one cannot be used.
    """
    use_threads(settings.threads)
    return GENERATORS[settings.model](hand, settings)


def _gm1(hand: Hand, settings: GenerationSettings) -> Generator:
    return Generator(taught(hand, settings.models), hand, settings.generator)


def _gm2(hand: Hand, settings: GenerationSettings) -> Generator:
    path = Path(settings.models) if settings.models else GM2 / f"{hand.name}.npz"
    gm2, s = settings.gm2, settings.generator
    s = replace(
        s,
        evidence=gm2.evidence,
        search=replace(s.search, even=gm2.even, partial=gm2.partial),
        finish=replace(s.finish, worth=gm2.worth),
    )
    return Generator(load_gm2(path, hand).models(gm2), hand, s)


GENERATORS: dict[str, Callable[[Hand, GenerationSettings], Generator]] = {"gm1": _gm1, "gm2": _gm2}
