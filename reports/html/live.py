"""What the figures that answer show, as JSON: the records of the figures in the PDF, with the runs behind each mark."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.summary import CONFIGURATION, Summary, tensor_peaks, title
from hourglass_bench.reports.figures import iou_memory, learning_curves, pareto
from hourglass_bench.reports.figures.base import NoDataError, crowded, score_limits
from hourglass_bench.reports.html.subjects import Subjects, number
from hourglass_bench.reports.store.load import ARCHITECTURE, REPEAT, RUN
from hourglass_bench.reports.text import MEGABYTE

MOST_CURVES = 400
"""Runs up to which the page has the curves of all; of more it has those of the PDF's figure."""
CURVE_DIGITS = 5
"""Of the values of curves, which are most of what the page holds."""

Live = dict[str, Any]


def figures(summary: Summary, subjects: Subjects) -> dict[str, Live]:
    """Name of a figure of the report -> what its counterpart shows; without those that have no data."""
    found: dict[str, Live] = {}
    makers: dict[str, Callable[[Summary, Subjects], Live]] = {
        "iou_memory": _iou_memory,
        "pareto": _pareto,
        "learning_curves": _learning_curves,
    }
    for name, make in makers.items():
        try:
            found[name] = make(summary, subjects)
        except NoDataError:
            continue
    return found


def _iou_memory(summary: Summary, subjects: Subjects) -> Live:
    """A mark for each configuration, and a smaller one for each of its complete runs."""
    shown = iou_memory.record(summary)
    runs = summary.runs[(summary.runs[schema.STATE] == "complete") & summary.runs[schema.TEST_IOU.name].notna()]
    rules = shown.baselines[shown.baselines["drawn"]]
    about = dict(tuple(runs.groupby(CONFIGURATION)))
    taken = set(shown.taken["number"])
    labelled = set(iou_memory.named(shown)["number"])
    points = [
        {
            "of": of,
            "title": title(about[point["number"]].iloc[0]),
            "label": iou_memory.name(point) if point["number"] in labelled else "",
            "x": number(point["memory_mb"]),
            **{name: number(point[name]) for name in ("mean", "low", "high")},
            "front": bool(point["front"]),
            "taken": point["number"] in taken,
            "runs": about[point["number"]][[REPEAT, RUN]].to_numpy().tolist(),
        }
        for of, point in zip(
            subjects.of_configurations(shown.points["number"]), shown.points.to_dict("records"), strict=True
        )
    ]
    return {
        "kind": "scatter",
        "caption": iou_memory.caption(shown),
        "y": f"test {schema.TEST_IOU.label}",
        "precision": shown.precision,
        "range": [number(end) for end in score_limits(shown.points, rules["mean"].to_list())],
        "whiskers": not crowded(shown.points),
        "points": points,
        "runs": _run_marks(runs, subjects),
        "rules": [[schema.BASELINES[name], number(mean)] for name, mean in rules[["baseline", "mean"]].to_numpy()],
        "budgets": shown.choices["budget_mb"].map(number).to_list(),
    }


def _run_marks(runs: pd.DataFrame, subjects: Subjects) -> list[Live]:
    """Of runs whose tensor peak is known."""
    peaks = tensor_peaks(runs)
    runs = runs[peaks.notna()]
    return [
        {
            "of": of,
            "title": f"{title(row)}, repeat {row[REPEAT]}",
            "x": number(peak / MEGABYTE),
            "mean": number(row[schema.TEST_IOU.name]),
            "runs": [[row[REPEAT], row[RUN]]],
        }
        for of, (_, row), peak in zip(subjects.of_runs(runs), runs.iterrows(), peaks.dropna(), strict=True)
    ]


def _pareto(summary: Summary, subjects: Subjects) -> Live:
    """A mark for each search trial."""
    shown = pareto.record(summary)
    points = [
        {
            "of": subjects.of({ARCHITECTURE: point["architecture"], schema.DEPTH: point["depth"]}, point["memory_mb"]),
            "title": f"{style.look(point['architecture']).label}, {point['label']}",
            "x": number(point["memory_mb"]),
            "mean": number(point["val_iou"]),
            "front": bool(point["front"]),
            "runs": [[None, point["run_id"]]],
        }
        for point in shown.points.to_dict("records")
    ]
    return {
        "kind": "scatter",
        "caption": pareto.caption(shown),
        "y": schema.BEST_VAL_IOU.label,
        "precision": shown.precision,
        "range": [],
        "whiskers": False,
        "points": points,
        "runs": [],
        "rules": [],
        "budgets": [number(shown.budget_mb)] if shown.budget_in_range else [],
    }


def _learning_curves(summary: Summary, subjects: Subjects) -> Live:
    """A line for each run and metric, of all runs if they are not too many."""
    shown = learning_curves.record(summary)
    chosen = summary.runs if len(summary.runs) <= MOST_CURVES else summary.runs[summary.runs[RUN].isin(shown.runs[RUN])]
    every = "all runs" if len(chosen) == len(summary.runs) else learning_curves.CHOICES[shown.choice]
    names = [metric.name for metric in learning_curves.METRICS]
    logged = summary.study.curves[summary.study.curves["metric"].isin(names)].dropna(subset="value")
    curves = dict(tuple(logged.sort_values("epoch").groupby([RUN, "metric"])))
    lines = [
        {
            "of": of,
            "title": f"{title(row)}, repeat {row[REPEAT]}",
            "run": row[RUN],
            "state": row[schema.STATE],
            "values": [_by_epoch(curves.get((row[RUN], name))) for name in names],
        }
        for of, (_, row) in zip(subjects.of_runs(chosen), chosen.iterrows(), strict=True)
    ]
    return {
        "kind": "curves",
        "caption": f"Learning curves of {every}, a line for each run; grey dotted: runs that did not complete; black "
        "dotted: base rate.",
        "metrics": [
            {"label": schema.VAL_IOU.label, "rule": None, "top": None},
            {"label": schema.VAL_BCE.label, "rule": number(shown.base_rate["value"].mean()), "top": number(shown.top)},
        ],
        "lines": [line for line in lines if any(line["values"])],
    }


def _by_epoch(curve: pd.DataFrame | None) -> list[float | None]:
    """The value of each epoch from the first on."""
    if curve is None:
        return []
    values = curve.drop_duplicates("epoch", keep="last").set_index("epoch")["value"]
    return [number(value, CURVE_DIGITS) for value in values.reindex(range(1, int(values.index.max()) + 1))]
