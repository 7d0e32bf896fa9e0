"""The table of variants: figures per row, as Markdown, CSV and a plot."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ddg_sim.rollout.evaluate import Tried

Row = dict[str, Any]


def figures(tried: "Sequence[Tried]", base: "Sequence[Tried]") -> Row:
    """Figures of one variant, compared with the generator alone (`base`).

    `overall` is the share that held of all grasps tried, without those that would have hit the
    table; `average_precision` and `ece` are over all grasps tried that were judged.
    """
    import numpy as np

    from ddg_core.outcome import Outcome
    from ddg_planning.evaluate.calibration import average_precision, calibration_error
    from ddg_sim.rollout.compare import compare
    from ddg_sim.rollout.evaluate import summary

    top = summary(tried)
    every = [(one.p_success, one.outcome) for one in tried if one.kind]
    every += [other for one in tried for other in one.others]
    played = [outcome for _, outcome in every if outcome != Outcome.ALL_IN_COLLISION]
    judged = [(p, outcome == Outcome.HELD) for p, outcome in every if p is not None]
    p = np.array([pair[0] for pair in judged], dtype=np.float64)
    held = np.array([pair[1] for pair in judged], dtype=bool)
    pair = compare(base, tried)
    return {
        "scenes": top["n"],
        "top1": top["rate"],
        "wilson_low": top["wilson95"][0],
        "wilson_high": top["wilson95"][1],
        "overall": played.count(Outcome.HELD) / len(played) if played else None,
        "grasps": len(every),
        "average_precision": average_precision(p, held) if judged else None,
        "ece": calibration_error(p, held) if judged else None,
        "plan_s": top["plan_s_median"],
        "gain": pair["difference"],
        "p_clustered": pair["p_clustered"],
        "p_mcnemar": pair["p_mcnemar"],
    }


def markdown(
    rows: Sequence[Row], left_out: Sequence[str], csv: Path | None, plot: Path | None
) -> str:
    """The table for people."""
    lines = [
        "| variant | top-1 | 95 % Wilson | overall | average precision | ECE | plan | "
        "gain over the first | p (by object) | p (McNemar) |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        span = f"{row['wilson_low']:.1%} to {row['wilson_high']:.1%}"
        cells = [
            row["name"],
            f"{row['top1']:.1%}",
            span,
            _share(row["overall"]),
            _number(row["average_precision"]),
            _number(row["ece"]),
            f"{row['plan_s']:.2f} s",
            f"{100.0 * row['gain']:+.1f} points",
            f"{row['p_clustered']:.3f}",
            f"{row['p_mcnemar']:.3f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    told = [f"{rows[0]['scenes']} scenes each, {rows[0]['grasps']} grasps tried of the first."]
    told += [f"{row['name']}: {row['about']}." for row in rows if row["about"]]
    told += [f"No weights here: {', '.join(left_out)}."] if left_out else []
    told += [f"The same as numbers: `{csv}`."] if csv else []
    picture = [f"![Top-1 success of the variants](pictures/{plot.name})"] if plot else []
    return "\n".join([*lines, "", " ".join(told), *picture])


def write_csv(rows: Sequence[Row], path: Path) -> None:
    """One line per variant."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def draw(rows: Sequence[Row], path: Path) -> None:
    """Bars of top-1 success with their intervals."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 1.0 + 0.4 * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    top = [row["top1"] for row in rows]
    low = [max(row["top1"] - row["wilson_low"], 0.0) for row in rows]
    high = [max(row["wilson_high"] - row["top1"], 0.0) for row in rows]
    axes.barh([row["name"] for row in rows], top, xerr=[low, high], capsize=3, color="0.75")
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel=f"first-ranked grasp held, {rows[0]['scenes']} scenes")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
