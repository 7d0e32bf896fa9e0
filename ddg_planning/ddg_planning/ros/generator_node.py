"""The generator node: `/ddg/generate_grasps`, and what two jaws answer to `/ddg/target_view`.

It converts; `Generator`, `JawPlanner` and `Follower` think.
"""

from dataclasses import replace
from threading import Lock
from typing import Any

import numpy as np
from ddg_interfaces.msg import Grasp as GraspMsg

from ddg_core.description import load_hand
from ddg_core.errors import Failed
from ddg_core.outcome import Outcome
from ddg_core.ros.convert import (
    grasp_from_msg,
    grasp_to_msg,
    outcome_to_msg,
    stages_to_msg,
    stamp_from_msg,
    view_from_msg,
)
from ddg_core.ros.newest import NewestOnly
from ddg_core.ros.node import DdgNode, run_node
from ddg_core.view import ObjectView
from ddg_planning.generate.generator import Generator
from ddg_planning.parallel_jaw.follow import Follower, FollowSettings, Sighting, sighting
from ddg_planning.parallel_jaw.policy import DexnetSettings, JawPlanner
from ddg_planning.parallel_jaw.prepare import MANY_HOLES, holes
from ddg_planning.plan import Stopwatch
from ddg_planning.settings import PlanningSettings
from ddg_planning.store import GenerationSettings, load_generator

REMEMBERED = 50  # views


class GeneratorNode(DdgNode):
    """Keeps the learned grasp types loaded and proposes grasps; one request at a time."""

    def start(self) -> None:
        """Read the settings, load the models, offer the service."""
        name = self.cell().hand
        planning = self.settings("planning.yaml", PlanningSettings).of(name)
        self._candidates = planning.plan.candidates
        hand = self._hand = load_hand(name)
        self._generator: Generator | JawPlanner
        self._target: Any = GraspMsg()
        self._sightings: dict[float, Sighting] = {}  # by the view's stamp, in [s]
        if planning.generator == "dexnet":
            jaws = self.settings("dexnet.yaml", DexnetSettings)
            self._generator = JawPlanner(hand, jaws)
            self._follow(JawPlanner(hand, replace(jaws, policy="fc", weights="")))
        else:
            settings = self.settings("generation.yaml", GenerationSettings)
            self._generator = load_generator(hand, settings)
        self._busy = Lock()
        self.vitals["grasp types"] = ", ".join(self._generator.kinds)
        self.serve("/ddg/generate_grasps", self._generate)

    def _follow(self, planner: JawPlanner) -> None:
        """Answer views of a target with the grasp that is best now."""
        self._follower = Follower(planner, FollowSettings())
        self._correction = self.publish_on("/ddg/target_correction")
        self.subscribe("/ddg/target", lambda target: setattr(self, "_target", target))
        self.subscribe("/ddg/target_view", NewestOnly(self, self._correct))

    def _correct(self, view_msg: Any) -> None:
        """Move the target with its object, if that is known from where the target was planned."""
        target = self._target
        before = self._sightings.get(stamp_from_msg(target.header.stamp))
        if before is None:
            return
        view, grasp = view_from_msg(view_msg), grasp_from_msg(target, self._hand.joint_names)
        found, now = self._follower(view, grasp, before, rng=np.random.default_rng(0))
        if found is not grasp:
            self._remember(view_msg.header, now)
            message = grasp_to_msg(found, self._hand.joint_names, view_msg.header)
            self._correction.publish(message)

    def _remember(self, top: Any, seen: Sighting) -> None:
        """Keep where the object of a view was, of the last few views."""
        self._sightings[stamp_from_msg(top.stamp)] = seen
        while len(self._sightings) > REMEMBERED:
            del self._sightings[next(iter(self._sightings))]

    def _tell_holes(self, view: ObjectView) -> None:
        """Say so where much of what jaws were planned on was filled, not seen."""
        if view.image is not None and (share := holes(view.image)) > MANY_HOLES:
            self.get_logger().warning(
                f"{share:.0%} of the depth image has no reading and was filled"
            )

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
        if isinstance(self._generator, JawPlanner):
            self._remember(top, sighting(view))
            self._tell_holes(view)
        response.grasps = [grasp_to_msg(grasp, names, top) for grasp in grasps]
        response.outcome = outcome_to_msg(Outcome.OK)
        response.stages = stages_to_msg(watch.end())
        return response


def main() -> None:
    """Run the node until it is told to stop."""
    run_node(lambda: GeneratorNode("generator"))


if __name__ == "__main__":
    main()
