"""Test metrics of the trivial baselines, over the repeats that the study used."""

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.summary import Summary
from hourglass_bench.reports.store.load import REPEAT, SPLIT

LEAK = 0.8
"""A copy of the nearest training frame's mask that scores a higher IoU says that test frames are near copies."""


def baseline_scores(summary: Summary) -> pd.DataFrame:
    """Columns split, baseline, n (distinct splits of the data), and COLUMN mean and std of each baseline column."""
    complete = summary.runs[summary.runs[schema.STATE] == "complete"]
    tested = complete.drop_duplicates([SPLIT, schema.SPLIT_DIGEST])
    rows = []
    for split, runs in tested.groupby(SPLIT):
        for baseline in schema.BASELINES:
            row: dict[str, object] = {"split": split, "baseline": baseline, "n": runs[REPEAT].nunique()}
            for column in schema.BASELINE_COLUMNS:
                values = runs[schema.baseline_metric(baseline, column).name]
                row |= {f"{column} mean": values.mean(), f"{column} std": values.std()}
            rows.append(row)
    columns = [f"{column} {name}" for column in schema.BASELINE_COLUMNS for name in ("mean", "std")]
    return pd.DataFrame(rows, columns=["split", "baseline", "n", *columns])


def copy_iou(summary: Summary) -> float:
    """Highest mean IoU of the copy under a split that keeps scenes whole; NaN if none was tested."""
    scores = baseline_scores(summary)
    copies = scores[(scores["baseline"] == "copy") & (scores["split"] != "random_frames")]
    return float(copies["iou mean"].max())
