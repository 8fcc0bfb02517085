"""The table of how fast configurations learn."""

import math

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.convergence import TARGET_SHARE, convergence
from hourglass_bench.reports.analysis.summary import CONFIGURATION, Summary, comparable, statistic
from hourglass_bench.reports.tables.base import Table, left, named, noted, right, shortened
from hourglass_bench.reports.text import DASH, counted, digits, percent, signed, significant

MISSED = "not reached"


def efforts(summary: Summary) -> Table | None:
    """Medians of what it took to reach the target, misses counted as infinite."""
    found = convergence(summary)
    if math.isnan(found.target):
        return None
    table, others = shortened(comparable(summary.configurations))
    names, efforts = table.set_index(CONFIGURATION), found.by_configuration()
    rows = [
        [
            *named(names.loc[row[CONFIGURATION]]),
            f"{row['reached']:.0f} of {row['n']:.0f}",
            *(_effort(row[name]) for name in ("epochs", "seconds", "images")),
            digits(row["area"]),
            *(f"{row[name]:.0f}" for name in ("diverged", "stuck", "rising")),
            _last_less_best(names.loc[row[CONFIGURATION]]),
        ]
        for _, row in efforts[efforts[CONFIGURATION].isin(names.index)].iterrows()
    ]
    columns = ["reached", "epochs", "seconds", "images", "area under curve", "diverged", "stuck", "still rising"]
    columns.append("last less best epoch")
    return Table(
        f"Effort to a validation IoU of {digits(found.target)}: medians over the repeats; one that missed it counts as "
        "infinitely slow.",
        [*left("architecture", "size"), *right(*columns)],
        rows,
        noted(
            f"It is {percent(TARGET_SHARE)} of the highest median, over configurations, of the best validation IoU.",
            "Seconds: training steps only. Diverged, stuck and still rising: runs.",
            _worth(summary),
            others,
        ),
    )


def _worth(summary: Summary) -> str:
    """What the choice of the best epoch is worth; empty where no run tested its last one."""
    runs = summary.runs
    gains = (runs[schema.TEST_IOU.name] - runs[schema.LAST_IOU.name]).dropna()
    if gains.empty:
        return ""
    return f"Best less last epoch, mean test IoU of {counted(len(gains), 'run')}: {signed(gains.mean())}."


def _last_less_best(row: pd.Series) -> str:
    """Mean over the repeats; runs of before version 8 did not test their last epoch."""
    last, best = (row[statistic(metric, "mean")] for metric in (schema.LAST_IOU, schema.TEST_IOU))
    return DASH if pd.isna(last) else signed(last - best)


def _effort(value: float) -> str:
    return MISSED if math.isinf(value) or pd.isna(value) else significant(value)
