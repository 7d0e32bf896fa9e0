"""The trial node: `/ddg/run_trial`. It calls the other nodes in turn; `run_trial` thinks."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import rclpy
from ddg_interfaces.action import RunTrial

from ddg_core.errors import Failed
from ddg_core.outcome import Outcome
from ddg_core.records import all_settings, git_commit, trial_id, write_record
from ddg_core.ros.actions import serve_action
from ddg_core.ros.convert import outcome_to_msg, stages_to_msg
from ddg_core.ros.node import DdgNode, run_node
from ddg_core.trial import run_trial
from ddg_execution.ros.recorder import Recorder
from ddg_execution.ros.trial_ports import Neighbours
from ddg_execution.ros.trial_report import Report, record_of, result_of
from ddg_execution.trial_settings import TrialNodeSettings

NAME = "/ddg/run_trial"
GOAL = "ddg_interfaces/action/RunTrial_Goal"
RESULT = "ddg_interfaces/action/RunTrial_Result"
TAKEN_DOWN = "the trial node was taken down"
STAGES = ("capture", "plan", "execute", "judge", "record")


class TrialNode(DdgNode):
    """Serves `/ddg/run_trial`, one trial at a time; parameter `folder`: where records go."""

    def __init__(self, **kwargs: Any) -> None:
        """Declare the parameter."""
        super().__init__("trial", **kwargs)
        self.declare_parameter("folder", "")

    def start(self) -> None:
        """Read the settings, listen, and offer the action."""
        self._settings = self.settings("trial.yaml", TrialNodeSettings)
        self._all, self._commit = all_settings(self.config_dir), git_commit(Path(__file__).parent)
        folder = self.get_parameter("folder").value or self._settings.folder
        self._folder = Path(folder).expanduser().resolve()
        cell = self.cell()
        hand = self.hand(cell)
        self._recorder = Recorder(self, self._settings.bag, cell)
        self._neighbours = Neighbours(
            self,
            self._settings,
            self._recorder,
            source=cell.judge,
            hand_prefix=hand.joint_prefix,
        )
        serve_action(self, NAME, self._run)

    def _run(self, handle: Any) -> Any:
        try:
            return self._trial(handle)
        except BaseException:
            self._recorder.abort()
            raise

    def _trial(self, handle: Any) -> Any:
        began, goal = datetime.now(UTC), handle.request
        trial = trial_id(began, goal.object, goal.seed)
        announce = _Announcer(handle)
        if goal.record:
            self._recorder.begin(self._folder / trial)
            self._recorder.write(f"{NAME}/goal", GOAL, goal)

        def cancelled() -> bool:
            return bool(handle.is_cancel_requested) or self.leaving.is_set()

        report = run_trial(
            self._neighbours.ports(goal, announce, cancelled),
            self._settings.trial,
            announce=announce,
            cancelled=cancelled,
        )
        if report.outcome == Outcome.CANCELLED and self.leaving.is_set():
            report = replace(
                report, outcome=Outcome.STOPPED, message=f"{TAKEN_DOWN}; {report.message}"
            )
        if report.grasp is not None:
            report = replace(report, grasp=self._neighbours.done(report.grasp))
        result = result_of(trial, report)
        if goal.record:
            announce("record")
            tick = time.monotonic()
            self._keep(began, goal, report, result)
            result.stages += stages_to_msg([("record", time.monotonic() - tick)])
        self.get_logger().info(f"{trial}: {result.outcome.code} {result.outcome.message}")
        return result

    def _keep(self, began: datetime, goal: Any, report: Report, result: Any) -> None:
        """Complete the bag and write the record; what goes wrong there becomes the outcome."""
        self._recorder.write(f"{NAME}/result", RESULT, result)
        try:
            result.bag = str(self._recorder.end())
        except Failed as error:
            message = f"{error} (the trial itself ended {report.outcome})"
            result.outcome = outcome_to_msg(Outcome.INTERNAL, message)
        record = record_of(
            result, report, goal, began=began, commit=self._commit, settings=self._all
        )
        try:
            result.record = str(write_record(self._folder, record))
        except Failed as error:
            message = f"{error} (the trial itself ended {report.outcome})"
            result.outcome = outcome_to_msg(Outcome.INTERNAL, message)


class _Announcer:
    """Tells whoever sent the goal what is being done."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def __call__(self, stage: str) -> None:
        done = STAGES.index(stage.split("/")[0]) / len(STAGES)
        if rclpy.ok():
            self._handle.publish_feedback(RunTrial.Feedback(stage=stage, progress=done))


def main() -> None:
    """Run the node until it is told to stop."""
    run_node(TrialNode)


if __name__ == "__main__":
    main()
