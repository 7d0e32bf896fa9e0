"""From a trial's report to its answer and its record."""

from collections.abc import Sequence
from datetime import UTC, datetime
from math import isnan
from typing import Any

from ddg_interfaces.action import RunTrial
from ddg_interfaces.msg import Grasp, ObjectView

from ddg_core.outcome import Outcome
from ddg_core.records import ExecutedGrasp, TrialRecord, version
from ddg_core.ros.convert import outcome_to_msg, pose_from_msg, stages_to_msg
from ddg_core.trial import TrialReport

Report = TrialReport[ObjectView, Grasp]


def result_of(trial: str, report: Report) -> Any:
    """Answer of the action for a report; record and bag are still empty."""
    return RunTrial.Result(
        outcome=outcome_to_msg(report.outcome, report.message),
        trial=trial,
        grasp=report.grasp or Grasp(),
        view=report.view or ObjectView(),
        candidates=report.candidates,
        tried=report.tried,
        stages=stages_to_msg(report.timings_s),
    )


def record_of(
    result: Any, report: Report, goal: Any, *, began: datetime, commit: str, settings: Any
) -> TrialRecord:
    """Record of a trial that ended as `result` says."""
    models = {m.role: m.id for m in result.grasp.models}
    return TrialRecord(
        trial=result.trial,
        time=began.astimezone(UTC).isoformat(timespec="milliseconds"),
        commit=commit,
        version=version(),
        object=goal.object,
        seed=goal.seed,
        settings=settings,
        models=models,
        outcome=Outcome(result.outcome.code),
        message=result.outcome.message,
        timings_s={s.stage: s.duration for s in result.stages},
        candidates=result.candidates,
        tried=result.tried,
        grasp=_executed(report.grasp) if report.grasp is not None else None,
        judged=report.verdict.numbers if report.verdict is not None else {},
        judged_as=str(report.verdict.outcome) if report.verdict is not None else "",
        judged_by=report.verdict.source if report.verdict is not None else "",
        bag=result.bag,
    )


def without_images(view: ObjectView) -> ObjectView:
    """Return the view without depth image and mask, which nobody needs to move an arm."""
    return ObjectView(
        header=view.header,
        cloud=view.cloud,
        viewpoint=view.viewpoint,
        table=view.table,
        obstacles=view.obstacles,
        camera_pose=view.camera_pose,
    )


def _executed(grasp: Grasp) -> ExecutedGrasp:
    width = len(grasp.joint_names)
    return ExecutedGrasp(
        hand=grasp.hand,
        kind=grasp.kind,
        T_base_wrist=tuple(
            tuple(tuple(row) for row in pose_from_msg(pose).tolist()) for pose in grasp.wrist_poses
        ),
        joints=tuple(_rows(grasp.joints, width)),
        log_likelihood=grasp.log_likelihood,
        score=grasp.score,
        p_success=None if isnan(grasp.p_success) else grasp.p_success,
    )


def _rows(values: Sequence[float], width: int) -> list[tuple[float, ...]]:
    return [tuple(values[i : i + width]) for i in range(0, len(values), width or 1)]
