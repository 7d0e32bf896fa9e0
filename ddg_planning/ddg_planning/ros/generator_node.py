"""The generator node: `/ddg/generate_grasps`. It converts; `Generator` thinks."""

from threading import Lock
from typing import Any

import numpy as np

from ddg_core.description import load_hand
from ddg_core.errors import Failed
from ddg_core.outcome import Outcome
from ddg_core.ros.convert import grasp_to_msg, outcome_to_msg, stages_to_msg, view_from_msg
from ddg_core.ros.node import DdgNode, run_node
from ddg_planning.generate.generator import Generator
from ddg_planning.parallel_jaw.policy import DexnetSettings, JawPlanner
from ddg_planning.plan import Stopwatch
from ddg_planning.settings import PlanningSettings
from ddg_planning.store import GenerationSettings, load_generator


class GeneratorNode(DdgNode):
    """Keeps the learned grasp types loaded and proposes grasps; one request at a time."""

    def start(self) -> None:
        """Read the settings, load the models, offer the service."""
        name = self.cell().hand
        planning = self.settings("planning.yaml", PlanningSettings).of(name)
        self._candidates = planning.plan.candidates
        hand = self._hand = load_hand(name)
        self._generator: Generator | JawPlanner
        if planning.generator == "dexnet":
            self._generator = JawPlanner(hand, self.settings("dexnet.yaml", DexnetSettings))
        else:
            settings = self.settings("generation.yaml", GenerationSettings)
            self._generator = load_generator(hand, settings)
        self._busy = Lock()
        self.vitals["grasp types"] = ", ".join(self._generator.kinds)
        self.serve("/ddg/generate_grasps", self._generate)

    def _generate(self, request: Any, response: Any) -> Any:
        watch = Stopwatch()
        watch.begin("convert")
        view = view_from_msg(request.view)
        seed = None if request.seed < 0 else request.seed
        with self._busy:
            grasps = self._generator(
                view,
                n=request.count or self._candidates,
                rng=np.random.default_rng(seed),
                kinds=tuple(request.kinds),
                progress=watch.begin,
            )
        if not grasps:
            raise Failed(Outcome.NO_CANDIDATE, "nothing finds a hold on the object")
        names, top = self._hand.joint_names, request.view.header
        response.grasps = [grasp_to_msg(grasp, names, top) for grasp in grasps]
        response.outcome = outcome_to_msg(Outcome.OK)
        response.stages = stages_to_msg(watch.end())
        return response


def main() -> None:
    """Run the node until it is told to stop."""
    run_node(lambda: GeneratorNode("generator"))


if __name__ == "__main__":
    main()
