"""Where demonstrations and learned grasp types are kept, and how one follows from the other."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ddg_cli.report import Report
from ddg_cli.teach.show import show
from ddg_core.errors import BadInput
from ddg_core.hand import Hand
from ddg_planning.generate.contact_model import ContactSettings
from ddg_planning.generate.demonstration import Demonstration, load_demonstration
from ddg_planning.generate.grasp_model import learn
from ddg_planning.store import DEMONSTRATIONS, MODELS


@dataclass(frozen=True)
class Folders:
    """Two folders: of demonstrations, and of the grasp types learned from them."""

    demonstrations: Path
    models: Path

    @classmethod
    def of(cls, folder: Path | None, hand: Hand) -> "Folders":
        """Return those below `folder`, or those of the package, for one hand."""
        if folder is None:
            return cls(DEMONSTRATIONS / hand.name, MODELS / hand.name)
        return cls(folder / "demonstrations", folder / "models")

    def demonstrate(self, hand: Hand, kinds: Sequence[str], seed: int, tries: int) -> Report:
        """Make demonstrations in physics and learn from all that there are."""
        from ddg_cli.teach.make import MakeSettings, NoDemonstration, make

        failed = []
        for kind in kinds:
            rng = np.random.default_rng([seed, *kind.encode()])
            try:
                made = make(kind, hand, MakeSettings(tries=tries), rng=rng, say=_say)
            except NoDemonstration as error:
                failed.append(str(error))
                continue
            made.save(self.demonstrations / f"{kind}.npz")
            _say(f"{kind}: {made.provenance}")
        report = self.learn(hand)
        json = {**report.json, "failed": failed}
        return Report(json, "\n".join([report.text, *failed]), 1 if failed else report.code)

    def add(self, name: str, made: Demonstration, hand: Hand) -> Report:
        """Store one demonstration and the grasp type learned from it; tell what is in it."""
        model = learn(made, hand, ContactSettings())
        path = self.demonstrations / f"{name}.npz"
        made.save(path)
        model.save(self.models / path.name)
        told = show(path)
        json = {**told.json, "file": path, "model": self.models / path.name, "model_id": model.id}
        return Report(json, f"{told.text}\n{'file':<26} {path}\n{'model':<26} {json['model']}")

    def learn(self, hand: Hand) -> Report:
        """Learn a grasp type from every demonstration."""
        paths = sorted(self.demonstrations.glob("*.npz"))
        if not paths:
            raise BadInput(f"{self.demonstrations}: holds no demonstration (*.npz)")
        learned = {}
        for path in paths:
            model = learn(load_demonstration(path), hand, ContactSettings())
            model.save(self.models / path.name)
            learned[path.stem] = model.id
        lines = [f"{name:<12} {identity}" for name, identity in learned.items()]
        return Report({"models": learned, "folder": self.models}, "\n".join(lines))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
