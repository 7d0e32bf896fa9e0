"""`ddg faults`: break every part in every phase of a trial, and look whether the rest behaves."""

import argparse
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ddg_cli import results
from ddg_cli.faults.cases import EARLY, PHASES, Case, Fault, cancels, matrix
from ddg_cli.report import OTHER_OUTCOME, Report
from ddg_cli.stopwatch import Stopwatch

if TYPE_CHECKING:
    from ddg_cli.faults.rig import Finding

PROCESSES = (
    "camera",
    "state_publisher",
    "capture",
    "generator",
    "ranker",
    "planner",
    "trial",
    "watchdog",
    "executor",
    "twin",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--processes",
        default=",".join(PROCESSES),
        metavar="A,B",
        help="nodes to take away (default: all)",
    )
    parser.add_argument(
        "--phases", default=",".join(PHASES), metavar="A,B", help="stages of a trial (default: all)"
    )
    parser.add_argument(
        "--faults",
        default=",".join(f for f in Fault if f is not Fault.CANCEL),
        metavar="A,B",
        help="%(default)s; kill and freeze are of processes",
    )
    parser.add_argument(
        "--cancels", type=int, default=50, help="cancels in random phases (default %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the cancels (default %(default)s)")
    results.add_option(parser, "faults")


def run(args: argparse.Namespace) -> Report:
    """Provoke all faults in one running twin; exit code 0 if all ended as they should."""
    import numpy as np

    faults = [Fault(word) for word in args.faults.split(",") if word]
    phases = [word for word in args.phases.split(",") if word]
    processes = [word for word in args.processes.split(",") if word]
    cases = [
        *matrix(processes, phases, faults),
        *cancels(args.cancels, rng=np.random.default_rng(args.seed)),
    ]
    findings = provoke_all(cases, Stopwatch())
    answer = {
        "cases": len(findings),
        "as_they_should": sum(finding.good for finding in findings),
        "still_s_max": max((f.still_s for f in findings if f.case.moving), default=0.0),
        "findings": [asdict(finding) for finding in findings],
    }
    text = table(findings)
    good = answer["cases"] == answer["as_they_should"]
    return Report(answer, text, 0 if good else OTHER_OUTCOME, text)


def provoke_all(cases: Iterable[Case], watch: Stopwatch) -> "list[Finding]":
    """Bring a stack up and provoke the faults one after the other.

    Each trial shows that the stack has recovered from the fault before; where the next one does
    not come to a motion, a trial in between shows it.
    """
    from ddg_cli import stack
    from ddg_cli.faults.rig import Rig
    from ddg_cli.ros.witness import Witness
    from ddg_core.description import load_cell

    findings: list[Finding] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        stack.up(Path(folder), watch) as (nodes, session),
        Witness(load_cell()) as witness,
    ):
        rig = Rig(nodes, session, witness, Path(folder))
        for case in [*cases, None]:
            if findings and (case is None or case.phase in EARLY) and (reason := rig.probe()):
                wrong = (*findings[-1].wrong, f"the next trial: {reason}")
                findings[-1] = replace(findings[-1], wrong=wrong)
                watch.say(f"  {wrong[-1]}")
            if case is not None:
                findings.append(finding := rig.provoke(case))
                watch.say(
                    f"{case}: {finding.outcome}, still after {finding.still_s:.2f} s, ended after"
                    f" {finding.end_s:.1f} s, back after {finding.back_s:.1f} s"
                    f" {'; '.join(finding.wrong) or 'ok'} | {finding.message}"
                )
    return findings


def table(findings: "list[Finding]") -> str:
    """One row per fault and process: how many cases, how they ended, the longest times."""
    rows = [
        "| fault | of | cases | as they should | ended | still | over | what was wrong |",
        "|---|---|---|---|---|---|---|---|",
    ]
    keys = list(dict.fromkeys((f.case.fault, f.case.process) for f in findings))
    for fault, process in keys:
        some = [f for f in findings if (f.case.fault, f.case.process) == (fault, process)]
        codes = {f.outcome: sum(g.outcome == f.outcome for g in some) for f in some}
        still = [f.still_s for f in some if f.case.moving]
        wrong = "; ".join(f"{f.case.phase}: {', '.join(f.wrong)}" for f in some if f.wrong)
        rows.append(
            f"| {fault} | {process or '–'} | {len(some)} | {sum(f.good for f in some)} | "
            f"{', '.join(f'{code} {n}' for code, n in codes.items())} | "
            f"{max(still, default=0.0):.2f} s | {max(f.end_s for f in some):.1f} s | "
            f"{wrong or '–'} |"
        )
    return "\n".join(rows)
