"""The ranker node: `/ddg/rank_grasps`. It converts; the evaluative model thinks."""

from threading import Lock
from typing import Any

from ddg_core.description import load_hand
from ddg_core.outcome import Outcome
from ddg_core.ros.convert import (
    grasp_from_msg,
    grasp_to_msg,
    outcome_to_msg,
    stages_to_msg,
    view_from_msg,
)
from ddg_core.ros.node import DdgNode, run_node
from ddg_planning.evaluate.evaluator import load_evaluator
from ddg_planning.evaluate.refine import load_refiner
from ddg_planning.generate.generator import use_threads
from ddg_planning.plan import Stopwatch
from ddg_planning.settings import PlanningSettings
from ddg_planning.store import GenerationSettings


class RankerNode(DdgNode):
    """Keeps the evaluative model loaded and sorts candidates; one request at a time."""

    def start(self) -> None:
        """Load the weights, offer the service."""
        name = self.cell().hand
        hand = load_hand(name)
        settings = self.settings("planning.yaml", PlanningSettings).of(name)
        self._names = hand.joint_names
        use_threads(settings.threads)
        self._judge = load_evaluator(settings.evaluator, hand, settings.weights)
        generator = self.settings("generation.yaml", GenerationSettings).generator
        self._refiner = load_refiner(settings.refine, self._judge, generator, settings.refinement)
        self.vitals["judge"] = settings.evaluator
        self._busy = Lock()
        self.serve("/ddg/rank_grasps", self._rank)

    def _rank(self, request: Any, response: Any) -> Any:
        watch = Stopwatch()
        watch.begin("convert")
        view = view_from_msg(request.view)
        grasps = [grasp_from_msg(msg, self._names) for msg in request.grasps]
        watch.begin("rank")
        with self._busy:
            ranked = (self._refiner if request.refine else self._judge)(view, grasps)
        top = request.view.header
        response.grasps = [grasp_to_msg(grasp, self._names, top) for grasp in ranked]
        response.outcome = outcome_to_msg(Outcome.OK)
        response.stages = stages_to_msg(watch.end())
        return response


def main() -> None:
    """Run the node until it is told to stop."""
    run_node(lambda: RankerNode("ranker"))


if __name__ == "__main__":
    main()
