"""The table of a search: the trials on the Pareto front of each architecture."""

import pandas as pd

from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.search import fronts, search_points
from hourglass_bench.reports.analysis.summary import Summary
from hourglass_bench.reports.store.load import ABSENT
from hourglass_bench.reports.tables.base import Table, encoder_widths, left, memory_note, noted, right
from hourglass_bench.reports.text import DASH, digits, parted, significant


def front(summary: Summary) -> Table:
    """Every trial on a front, the cheapest of each architecture first; networks from elsewhere by their own options."""
    points = search_points(summary)
    own = points["depth"].isna()
    rows = [
        [
            style.look(name).label,
            point["trial"],
            digits(point["val_iou"]),
            significant(point["memory_mb"]),
            DASH if pd.isna(point["depth"]) else str(point["depth"]),
            encoder_widths(point["channels"]),
            DASH if point["norm"] == ABSENT else point["norm"],
            *([_options(point)] if own.any() else []),
            significant(point["lr"]),
        ]
        for name, points in fronts(points).items()
        for _, point in points.iterrows()
    ]
    return Table(
        "The Pareto front of each architecture in validation IoU and peak memory: trials, each of one run.",
        [
            *left("architecture", "trial"),
            *right("validation IoU", "peak memory (MB)", "depth"),
            *left("encoder widths", "normalisation", *(["other options"] if own.any() else [])),
            *right("learning rate"),
        ],
        rows,
        noted("Learning rate: the peak of its schedule.", memory_note(summary)),
    )


def _options(point: pd.Series) -> str:
    """Those that differ, where an architecture has no depth; its trial's label has its name before them."""
    return parted(point["label"].partition(", ")[2]) if pd.isna(point["depth"]) else DASH
