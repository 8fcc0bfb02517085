"""The table of how fast configurations learn."""

import math

import pandas as pd

from reports import style
from reports.analysis.convergence import RISING, TARGET_SHARE, convergence
from reports.analysis.summary import CONFIGURATION, LABEL, Summary, comparable
from reports.store.load import ARCHITECTURE
from reports.tables.base import Table, left, right, shortened
from reports.text import digits, significant

MISSED = "not reached"


def efforts(summary: Summary) -> Table | None:
    """Medians of what it took to reach the target, misses counted as infinite."""
    found = convergence(summary)
    if math.isnan(found.target):
        return None
    table, note = shortened(comparable(summary.configurations))
    names, efforts = table.set_index(CONFIGURATION), found.by_configuration()
    rows = [
        [
            style.look(names.loc[row[CONFIGURATION], ARCHITECTURE]).label,
            names.loc[row[CONFIGURATION], LABEL],
            f"{row['reached']:.0f} of {row['n']:.0f}",
            *(_effort(row[name]) for name in ("epochs", "seconds", "images")),
            digits(row["area"]),
            *(f"{row[name]:.0f}" for name in ("diverged", "stuck", "rising")),
        ]
        for _, row in efforts[efforts[CONFIGURATION].isin(names.index)].iterrows()
    ]
    columns = ["reached", "epochs", "seconds", "images", "area", "diverged", "stuck", "still rising"]
    return Table(
        f"Effort to a validation IoU of {digits(found.target)} ({TARGET_SHARE:.0%} of the highest median, over "
        "configurations, of the best validation IoU): medians over the repeats, in which a run that missed it counts "
        "as infinitely slow. Seconds: training steps only. Area: mean validation IoU over the epochs. Diverged: loss "
        "not finite; stuck: never better than a constant prediction; still rising: gained more than "
        f"{RISING:g} over the last fifth of the epochs.{note}",
        [*left("architecture", "configuration"), *right(*columns)],
        rows,
    )


def _effort(value: float) -> str:
    return MISSED if math.isinf(value) or pd.isna(value) else significant(value)
