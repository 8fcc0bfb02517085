"""The table of a search: the trials on the Pareto front of each architecture."""

from reports import style
from reports.analysis.search import fronts, search_points
from reports.analysis.summary import Summary, channels
from reports.tables.base import Table, left, memory_note, noted, right
from reports.text import DASH, digits, significant


def front(summary: Summary) -> Table:
    """Every trial on a front, the cheapest of each architecture first."""
    rows = [
        [
            style.look(name).label,
            point["trial"],
            digits(point["val_iou"]),
            significant(point["memory_mb"]),
            str(point["depth"]),
            channels(point["channels"]),
            point["norm"] if isinstance(point["norm"], str) else DASH,
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
