"""Where the package keeps demonstrations and learned grasp types, and how it loads them."""

from dataclasses import dataclass, field
from pathlib import Path

from ddg_core.hand import Hand
from ddg_planning.generate.generator import Generator, GeneratorSettings, use_threads
from ddg_planning.generate.grasp_model import GraspModel, load_models

DATA = Path(__file__).parent / "data"
DEMONSTRATIONS = DATA / "demonstrations"
MODELS = DATA / "models"


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
        models: Folder of learned grasp types; empty takes those that come with the package.
        threads: Threads that the process computes with; more only pays on an idle machine.
        generator: The generative model.
    """

    models: str = ""
    threads: int = 1
    generator: GeneratorSettings = field(default_factory=GeneratorSettings)

    def __post_init__(self) -> None:
        """Refuse to compute with nothing."""
        if self.threads < 1:
            raise ValueError(f"threads must be positive, got {self.threads}")


def load_generator(hand: Hand, settings: GenerationSettings) -> Generator:
    """Load the grasp types taught for `hand`, and set the threads of the process.

    Raises:
        BadInput: There is none, or one cannot be used.
    """
    use_threads(settings.threads)
    return Generator(taught(hand, settings.models), hand, settings.generator)
