"""Which architectures show what skip connections are worth: alike, the one with and the other without."""

import json

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.summary import Summary, map_shape
from hourglass_bench.reports.store.load import ABSENT, ARCHITECTURE, SIZE, SKIPS


def with_and_without(summary: Summary) -> list[str]:
    """The first architecture that has skip connections in some run and the first that has none, those that there are.

    Of those that can be configured with some and whose maps get smaller on the way to the bottleneck, which is what
    skip connections lead past.
    """
    runs = summary.runs[summary.runs[SKIPS] != ABSENT]
    runs = runs[_narrows(runs)]
    connected = set(runs.loc[runs[SKIPS] != "[]", ARCHITECTURE])
    groups = connected, set(runs[ARCHITECTURE]) - connected
    return [name for group in groups for name in style.in_order(group)[:1]]


def without_option(summary: Summary) -> list[str]:
    """Architectures with complete runs of which no skip connections can be asked."""
    complete = summary.runs[summary.runs[schema.STATE] == "complete"]
    return style.in_order(complete.loc[complete[SKIPS] == ABSENT, ARCHITECTURE])


def _narrows(runs: pd.DataFrame) -> pd.Series:
    sides = map_shape(runs[schema.BOTTLENECK_PREDICTED])[["height", "width"]].min(axis=1)
    return sides < runs[SIZE].map(lambda size: min(json.loads(size))).astype("float64")
