"""The planner node: `/ddg/plan_grasps` as service and action. It asks the others; `plan` thinks."""

from dataclasses import replace
from typing import Any

from ddg_interfaces.action import PlanGrasps as PlanGraspsAction
from ddg_interfaces.msg import GraspArray
from ddg_interfaces.srv import PlanGrasps

from ddg_core.description import load_hand
from ddg_core.errors import Failed
from ddg_core.outcome import Outcome
from ddg_core.ros.actions import serve_action
from ddg_core.ros.convert import grasp_to_msg, outcome_to_msg, stages_to_msg, view_from_msg
from ddg_core.ros.node import DdgNode, run_node
from ddg_planning.plan import PlanSettings, Progress, Stopwatch, plan
from ddg_planning.ros.markers import grasp_markers
from ddg_planning.ros.ports import Cancelled, Ports
from ddg_planning.settings import PlanningSettings


class PlannerNode(DdgNode):
    """View in, ranked grasps out."""

    def start(self) -> None:
        """Read the settings, find the other services, offer service and action."""
        name = self.cell().hand
        self._settings = self.settings("planning.yaml", PlanningSettings).of(name)
        self._hand = load_hand(name)
        self._ports = Ports(self, self._settings.services, self._hand.joint_names)
        self._grasps = self.publish_on("/ddg/grasps")
        self._markers = self.publish_on("/ddg/markers")
        self.serve("/ddg/plan_grasps", self._on_service)
        serve_action(self, "/ddg/plan_grasps", self._on_action)

    def _on_service(self, request: Any, response: Any) -> Any:
        return self._plan(
            request,
            response,
            lambda stage, share, left: None,  # noqa: ARG005
            self.leaving.is_set,
        )

    def _on_action(self, handle: Any) -> Any:
        def cancelled() -> bool:
            return bool(handle.is_cancel_requested) or self.leaving.is_set()

        def report(stage: str, share: float, left: int) -> None:
            if cancelled():
                raise Failed(Outcome.CANCELLED, f"cancelled before {stage!r}")
            handle.publish_feedback(
                PlanGraspsAction.Feedback(stage=stage, progress=share, candidates=left)
            )

        return self._plan(handle.request, PlanGraspsAction.Result(), report, cancelled)

    def _plan(self, request: Any, answer: Any, report: Progress, cancelled: Cancelled) -> Any:
        """Fill `answer` (a response or a result: their fields are the same)."""
        watch, ports = Stopwatch(), self._ports

        def progress(stage: str, share: float, left: int) -> None:
            watch.begin(stage)
            report(stage, share, left)

        def given_up() -> bool:
            if request.check_reach:
                ports.meet_arm()
            return cancelled()

        if request.capture_now:
            progress("capture", 0.0, 0)
            answer.view = ports.capture(given_up)
        else:
            answer.view = request.view
        settings = self._wanted(request)
        grasps = plan(
            view_from_msg(answer.view),
            ports.propose(answer.view, tuple(request.kinds), request.seed, given_up),
            ports.rank(answer.view, given_up),
            ports.check_reach(answer.view, given_up) if request.check_reach else None,
            settings,
            progress,
        )[: settings.max_grasps]
        top, names = answer.view.header, self._hand.joint_names
        answer.grasps = [grasp_to_msg(grasp, names, top) for grasp in grasps]
        answer.outcome = outcome_to_msg(Outcome.OK)
        answer.stages = stages_to_msg(watch.end())
        self._grasps.publish(GraspArray(header=top, grasps=answer.grasps))
        self._markers.publish(grasp_markers(grasps[:5], self._hand, top))
        return answer

    def _wanted(self, request: PlanGrasps.Request) -> PlanSettings:
        settings = self._settings.plan
        return replace(settings, max_grasps=request.max_grasps or settings.max_grasps)


def main() -> None:
    """Run the node until it is told to stop."""
    run_node(lambda: PlannerNode("planner"))


if __name__ == "__main__":
    main()
