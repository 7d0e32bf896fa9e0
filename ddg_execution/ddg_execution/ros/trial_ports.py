"""The four ports of a trial over ROS: services and actions of the other nodes, and the judge."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import nan
from typing import Any

from ddg_interfaces.action import ExecuteGrasp, PlanGrasps
from ddg_interfaces.msg import Held, ObjectView
from ddg_interfaces.srv import CaptureView
from sensor_msgs.msg import JointState

from ddg_core.errors import DdgError, Failed
from ddg_core.outcome import Outcome
from ddg_core.ports import Execution
from ddg_core.ros.bond import Bond
from ddg_core.ros.calls import SureActionClient, call, check, run_action
from ddg_core.ros.convert_cloud import points_from_msg
from ddg_core.ros.interfaces import interface
from ddg_core.ros.node import DdgNode
from ddg_core.trial import Timings, TrialPorts, Verdict
from ddg_core.waiting import wait_until
from ddg_execution.judge import Sighting, judge_fingers, judge_truth, judge_view
from ddg_execution.ros.recorder import Recorder
from ddg_execution.ros.trial_report import without_images
from ddg_execution.trial_settings import TrialNodeSettings

PLAN = "/ddg/plan_grasps"
TARGET = "/ddg/target"
EXECUTE = "/ddg/execute_grasp"
TRUTH = "/ground_truth/held"
OPERATOR = "/ddg/held"
WATCHED = (ExecuteGrasp.Goal.LIFT, ExecuteGrasp.Goal.HOLD)  # phases that the judge looks at

Announce = Callable[[str], None]
Cancelled = Callable[[], bool]


class Neighbours:
    """The nodes that a trial needs, and what the judge has seen of the object."""

    def __init__(
        self,
        node: DdgNode,
        settings: TrialNodeSettings,
        recorder: Recorder,
        *,
        source: str,
        hand_prefix: str,
    ) -> None:
        """Create the clients, and listen to what the judge judges by.

        Args:
            node: Where they live.
            settings: How long to wait for whom, and what counts as held.
            recorder: Is given goals and results.
            source: Who judges, see `CellSettings.judge`.
            hand_prefix: What the hand's driver puts before joint names.
        """
        self._node, self._settings, self._recorder = node, settings, recorder
        self._source, self._prefix = source, hand_prefix
        self._capture = node.call("/ddg/capture_view")
        self._plan = self._action(PLAN)
        self._execute = self._action(EXECUTE)
        self._bonds = {name: Bond(node, name) for name in ("capture", "planner", "executor")}
        self._sightings: list[Sighting] = []
        self._truths = 0
        self._phase = ""
        self._fingers: dict[str, float] = {}
        self._squeeze: dict[str, float] = {}
        self._target: Any = None  # the newest that the executor told of the grasp it does
        self._seen: Any = None  # the view that the grasps were planned on
        self._look_again: Any = None  # the answer to a look during the hold
        self._word: bool | None = None  # of the operator
        node.subscribe(TARGET, self._on_target)
        if source == "ground_truth":
            node.subscribe(TRUTH, self._on_truth)
        elif source == "fingers":
            node.subscribe("/joint_states", self._on_joints)
        elif source == "operator":
            node.serve(OPERATOR, self._on_word)

    def ports(self, goal: Any, announce: Announce, cancelled: Cancelled) -> TrialPorts[Any, Any]:
        """Return the ports of one trial."""
        self._sightings.clear()
        self._fingers.clear()
        self._look_again = self._word = None
        return TrialPorts(
            capture=self._look,
            plan=lambda view: self._propose(view, goal, announce, cancelled),
            execute=lambda grasp, view: self._do(grasp, view, announce, cancelled),
            judge=lambda: self._judge(cancelled),
        )

    def done(self, grasp: Any) -> Any:
        """What became of the last grasp that was executed: its target may have been followed."""
        return self._target or grasp

    def _look(self) -> tuple[ObjectView, Timings]:
        patience = self._settings.patience
        answer = call(
            self._capture,
            CaptureView.Request(),
            timeout=patience.capture,
            ready=patience.server,
            lost=lambda: self._bonds["capture"].lost,
        )
        check(answer.outcome)
        self._seen = answer.view
        return answer.view, _timings(answer.stages)

    def _propose(
        self, view: ObjectView, wish: Any, announce: Announce, cancelled: Cancelled
    ) -> tuple[Sequence[Any], Timings]:
        goal = PlanGrasps.Goal(
            capture_now=False,
            view=view,
            max_grasps=self._settings.grasps,
            kinds=wish.kinds,
            seed=wish.seed,
        )
        result = run_action(
            self._plan,
            goal,
            name=PLAN,
            timeout=self._settings.patience.plan,
            ready=self._settings.patience.server,
            on_feedback=lambda f: announce(f"plan/{f.stage}"),
            cancelled=cancelled,
            lost=lambda: self._bonds["planner"].lost,
        )
        self._recorder.write(f"{PLAN}/result", "ddg_interfaces/action/PlanGrasps_Result", result)
        check(result.outcome)
        return result.grasps, _timings(result.stages)

    def _do(
        self, grasp: Any, view: ObjectView, announce: Announce, cancelled: Cancelled
    ) -> Execution:
        if self._source == "ground_truth":
            seen, patience = self._truths, self._settings.patience
            wait_until(
                lambda: self._truths > seen, what=f"message on {TRUTH}", timeout=patience.truth
            )
        self._target = None
        self._squeeze = _last_joints(grasp)
        goal = ExecuteGrasp.Goal(grasp=grasp, view=without_images(view))
        self._recorder.write(f"{EXECUTE}/goal", "ddg_interfaces/action/ExecuteGrasp_Goal", goal)

        def on_feedback(feedback: Any) -> None:
            if feedback.phase != self._phase:
                self._phase = feedback.phase
                announce(f"execute/{feedback.phase}")
                if self._source == "view" and feedback.phase == ExecuteGrasp.Goal.HOLD:
                    self._look_again = self._capture.call_async(CaptureView.Request())

        self._phase = ""
        try:
            result = run_action(
                self._execute,
                goal,
                name=EXECUTE,
                timeout=self._settings.patience.execute,
                ready=self._settings.patience.server,
                on_feedback=on_feedback,
                cancelled=cancelled,
                lost=lambda: self._bonds["executor"].lost,
            )
        except DdgError as error:
            if not self._phase:
                raise
            return Execution(error.outcome, f"{self._phase}: {error}", self._phase)
        finally:
            self._phase = ""
        self._recorder.write(
            f"{EXECUTE}/result", "ddg_interfaces/action/ExecuteGrasp_Result", result
        )
        outcome, message = Outcome(result.outcome.code), result.outcome.message
        return Execution(outcome, message, result.phase, _timings(result.stages))

    def _judge(self, cancelled: Cancelled) -> Verdict:
        judges: dict[str, Callable[[], Verdict]] = {
            "ground_truth": lambda: judge_truth(self._sightings, self._settings.judge),
            "fingers": self._judge_fingers,
            "view": self._judge_view,
            "operator": lambda: self._ask_operator(cancelled),
        }
        return replace(judges[self._source](), source=self._source)

    def _judge_fingers(self) -> Verdict:
        reached = [self._fingers.get(name, nan) for name in self._squeeze]
        return judge_fingers(reached, list(self._squeeze.values()), self._settings.judge)

    def _judge_view(self) -> Verdict:
        look = self._look_again
        if look is None:
            raise Failed(Outcome.STALE_DATA, "nobody looked at the table during the hold")
        wait_until(look.done, what="view of the hold", timeout=self._settings.patience.capture)
        answer = look.result()
        empty = answer.outcome.code == Outcome.NO_CLOUD
        if not empty:
            check(answer.outcome)
        after = None if empty else points_from_msg(answer.view.cloud)
        return judge_view(points_from_msg(self._seen.cloud), after, self._settings.judge)

    def _ask_operator(self, cancelled: Cancelled) -> Verdict:
        self._node.get_logger().info(f"was it held? tell {OPERATOR} true or false")
        what = f"the operator's word on {OPERATOR}"
        wait_until(
            lambda: self._word is not None or cancelled(),
            what=what,
            timeout=self._settings.judge.operator,
        )
        if self._word is None:
            raise Failed(Outcome.CANCELLED, f"given up while waiting for {what}")
        outcome = Outcome.HELD if self._word else Outcome.NOT_HELD
        return Verdict(outcome, "so says the operator")

    def _on_word(self, request: Any, response: Any) -> Any:
        self._word = bool(request.data)
        response.success, response.message = True, "noted"
        return response

    def _on_joints(self, message: JointState) -> None:
        if self._phase in WATCHED:
            for name, position in zip(message.name, message.position, strict=False):
                self._fingers[name.removeprefix(self._prefix)] = position

    def _on_target(self, message: Any) -> None:
        self._target, self._squeeze = message, _last_joints(message)

    def _on_truth(self, message: Held) -> None:
        self._truths += 1
        if self._phase in WATCHED:
            others = tuple(message.others)
            self._sightings.append(
                Sighting(message.held, message.height, message.moved, message.turned, others)
            )

    def _action(self, name: str) -> SureActionClient:
        kind = interface(name, "action").load_type()
        client = SureActionClient(self._node, kind, name, callback_group=self._node.group)
        return self._node.keep(client, client.destroy)


def _last_joints(grasp: Any) -> dict[str, float]:
    return dict(zip(grasp.joint_names, grasp.joints[-len(grasp.joint_names) :], strict=True))


def _timings(stages: Sequence[Any]) -> Timings:
    return tuple((s.stage, s.duration) for s in stages)
