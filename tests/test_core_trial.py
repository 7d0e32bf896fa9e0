"""Laws of the trial: every way it can end, told with fakes."""

from dataclasses import replace

import pytest

from ddg_core.errors import Failed, TimedOut
from ddg_core.outcome import Outcome
from ddg_core.ports import Execution
from ddg_core.trial import TrialPorts, TrialSettings, Verdict, run_trial

HELD = Verdict(Outcome.HELD, "", {"height": 0.1})


def good_day(**changes):
    """Ports of a trial where all goes well; views and grasps are plain strings."""
    ports = TrialPorts(
        capture=lambda: ("view", (("segment", 0.01),)),
        plan=lambda view: ([f"{view}-first", f"{view}-second"], ()),
        execute=lambda grasp, view: Execution(Outcome.OK, "", "home", (("lift", 0.5),)),
        judge=lambda: HELD,
    )
    return replace(ports, **changes)


def fails(outcome, message="why"):
    def port(*_):
        raise Failed(outcome, message)

    return port


def ends(outcome):
    return lambda grasp, view: Execution(outcome, "why", "approach")


def test_on_a_good_day_the_best_grasp_is_executed_and_judged():
    stages = []
    report = run_trial(good_day(), TrialSettings(), announce=stages.append)
    assert (report.outcome, report.grasp, report.view) == (Outcome.HELD, "view-first", "view")
    assert (report.candidates, report.tried, report.verdict) == (2, 1, HELD)
    assert stages == ["capture", "plan", "execute", "judge"]
    names = [name for name, _ in report.timings_s]
    assert names == ["capture", "capture/segment", "plan", "execute", "execute/lift", "judge"]


@pytest.mark.parametrize("outcome", [Outcome.SLIPPED, Outcome.DROPPED, Outcome.NOT_HELD])
def test_what_the_judge_says_is_the_outcome(outcome):
    report = run_trial(good_day(judge=lambda: Verdict(outcome, "so it is")), TrialSettings())
    assert (report.outcome, report.message) == (outcome, "so it is")


@pytest.mark.parametrize(
    "outcome",
    [Outcome.NO_CLOUD, Outcome.EMPTY_MASK, Outcome.STALE_DATA, Outcome.UNKNOWN_FRAME],
)
def test_without_a_view_nothing_is_planned(outcome):
    report = run_trial(
        good_day(capture=fails(outcome), plan=fails(Outcome.INTERNAL)), TrialSettings()
    )
    assert (report.outcome, report.message, report.grasp) == (outcome, "why", None)
    assert [name for name, _ in report.timings_s] == ["capture"]


@pytest.mark.parametrize(
    "outcome",
    [Outcome.NO_CANDIDATE, Outcome.ALL_IN_COLLISION, Outcome.NO_IK, Outcome.LOW_CONFIDENCE],
)
def test_without_a_grasp_nothing_moves(outcome):
    report = run_trial(
        good_day(plan=fails(outcome), execute=fails(Outcome.INTERNAL)), TrialSettings()
    )
    assert (report.outcome, report.view, report.tried) == (outcome, "view", 0)


def test_an_empty_list_of_grasps_is_no_candidate():
    report = run_trial(good_day(plan=lambda view: ([], ())), TrialSettings())
    assert report.outcome == Outcome.NO_CANDIDATE


def test_where_the_arm_has_no_way_the_next_grasp_is_tried():
    def execute(grasp, view):
        blocked = grasp == "view-first"
        return Execution(Outcome.NO_PATH if blocked else Outcome.OK, "blocked", "approach")

    report = run_trial(good_day(execute=execute), TrialSettings())
    assert (report.outcome, report.grasp, report.tried) == (Outcome.HELD, "view-second", 2)


def test_it_gives_up_after_so_many_tries():
    report = run_trial(good_day(execute=ends(Outcome.NO_PATH)), TrialSettings(tries=1))
    assert (report.outcome, report.grasp, report.tried) == (Outcome.NO_PATH, None, 1)
    assert report.message == "no way to any of 1 grasps; the last: why"


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome.CONTROLLER_ABORTED,
        Outcome.HAND_STALLED,
        Outcome.STOPPED,
        Outcome.CANCELLED,
        Outcome.TIMEOUT,
        Outcome.STALE_DATA,
    ],
)
def test_once_the_arm_has_moved_no_other_grasp_is_tried_and_nobody_judges(outcome):
    report = run_trial(
        good_day(execute=ends(outcome), judge=fails(Outcome.INTERNAL)), TrialSettings()
    )
    assert (report.outcome, report.tried, report.grasp) == (outcome, 1, "view-first")
    assert report.verdict is None


@pytest.mark.parametrize("phase", ["place", "release", "home"])
@pytest.mark.parametrize(
    "ended",
    [Outcome.STOPPED, Outcome.CANCELLED, Outcome.CONTROLLER_ABORTED, Outcome.TIMEOUT],
)
def test_what_ends_the_putting_back_ends_the_trial_and_the_verdict_is_kept(phase, ended):
    begun = []

    def execute(grasp, view):
        begun.append(grasp)
        return Execution(ended, f"{phase}: why", phase)

    def cancelled():
        return ended == Outcome.CANCELLED and bool(begun)

    report = run_trial(good_day(execute=execute), TrialSettings(), cancelled=cancelled)
    assert report.outcome == ended
    assert report.message == f"{phase}: why; the judge had said HELD"
    assert (report.verdict, report.grasp) == (HELD, "view-first")


def test_a_judge_who_does_not_know_either_leaves_the_end_of_the_motion():
    day = good_day(
        execute=lambda *_: Execution(Outcome.STOPPED, "place: stopped", "place"),
        judge=fails(Outcome.STALE_DATA),
    )
    report = run_trial(day, TrialSettings())
    assert (report.outcome, report.message) == (Outcome.STOPPED, "place: stopped")
    assert report.verdict is None


def test_a_judge_who_does_not_know_ends_a_trial_that_came_to_its_end():
    report = run_trial(good_day(judge=fails(Outcome.STALE_DATA)), TrialSettings())
    assert (report.outcome, report.message) == (Outcome.STALE_DATA, "why")


@pytest.mark.parametrize("during", ["capture", "plan", "execute"])
def test_a_cancel_during_a_stage_ends_it_before_the_next(during):
    after = {"capture": "plan", "plan": "execute", "execute": "judge"}[during]
    begun, asked = [], []

    def port(*given):
        asked.append(True)
        return getattr(good_day(), during)(*given)

    report = run_trial(
        good_day(**{during: port}),
        TrialSettings(),
        announce=begun.append,
        cancelled=lambda: bool(asked),
    )
    assert (report.outcome, report.message) == (Outcome.CANCELLED, f"cancelled before {after}")
    assert begun[-1] == during


def test_a_port_that_never_answers_is_a_timeout():
    def capture():
        raise TimedOut("no answer of /ddg/capture_view within 5 s")

    report = run_trial(good_day(capture=capture), TrialSettings())
    assert report.outcome == Outcome.TIMEOUT
    assert "/ddg/capture_view" in report.message


def test_zero_tries_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        TrialSettings(tries=0)
