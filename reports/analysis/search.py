"""What a search found: its trials, and the Pareto front of each architecture."""

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports import style
from hourglass_bench.reports.analysis.summary import LABEL, Summary, tensor_peaks
from hourglass_bench.reports.store.load import ARCHITECTURE, CHANNELS, LR, NORM, RUN
from hourglass_bench.reports.text import MEGABYTE


def with_front(points: pd.DataFrame, value: str) -> pd.DataFrame:
    """Points by architecture, cheapest first, with the column `front`: none as cheap or cheaper reaches that value.

    Of points that are equal in both, the first is on the front.
    """
    points = points.sort_values(
        ["architecture", "memory_mb", value], ascending=[True, True, False], ignore_index=True, kind="stable"
    )
    best_so_far = points.groupby("architecture")[value].cummax()
    before = best_so_far.groupby(points["architecture"]).shift(fill_value=float("-inf"))
    return points.assign(front=points[value] > before)


def search_points(summary: Summary) -> pd.DataFrame:
    """The complete search trials of which both are known, by architecture, cheapest first."""
    done = summary.search[summary.search[schema.STATE] == "complete"]
    points = pd.DataFrame(
        {
            "architecture": done[ARCHITECTURE],
            "trial": done[schema.UNIT],
            "label": done[LABEL],
            "run_id": done[RUN],
            "val_iou": done[schema.BEST_VAL_IOU.name],
            "memory_mb": tensor_peaks(done) / MEGABYTE,
            "depth": done[schema.DEPTH],
            "channels": done[CHANNELS],
            "norm": done[NORM],
            "lr": done[LR].astype("float64"),
        }
    )
    return with_front(points.dropna(subset=["val_iou", "memory_mb"]), "val_iou")


def fronts(points: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The front of each architecture, in the fixed order."""
    front = points[points["front"]]
    return {name: front[front["architecture"] == name] for name in style.in_order(front["architecture"])}
