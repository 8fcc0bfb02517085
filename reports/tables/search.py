"""The table of a search: the trials on the Pareto front of each architecture."""

import pandas as pd

from reports import style
from reports.analysis.search import fronts, search_points
from reports.analysis.summary import Summary
from reports.store.load import ABSENT
from reports.tables.base import Table, encoder_widths, left, memory_note, noted, right
from reports.text import DASH, digits, significant


def front(summary: Summary) -> Table:
    """Every trial on a front, the cheapest of each architecture first."""
    rows = [
        [
            style.look(name).label,
            point["trial"],
            digits(point["val_iou"]),
            significant(point["memory_mb"]),
            DASH if pd.isna(point["depth"]) else str(point["depth"]),
            encoder_widths(point["channels"]),
            DASH if point["norm"] == ABSENT else point["norm"],
            significant(point["lr"]),
        ]
        for name, points in fronts(search_points(summary)).items()
        for _, point in points.iterrows()
    ]
    return Table(
        "The Pareto front of each architecture in validation IoU and peak memory: trials, each of one run.",
        [
            *left("architecture", "trial"),
            *right("validation IoU", "peak memory (MB)", "depth"),
            *left("encoder widths", "normalisation"),
            *right("learning rate"),
        ],
        rows,
        noted("Learning rate: the peak of its schedule.", memory_note(summary)),
    )
