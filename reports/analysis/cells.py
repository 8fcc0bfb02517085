"""Cells of depth and base width: the configuration in each, and how two architectures differ there."""

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.claims import Claim, arms
from hourglass_bench.reports.analysis.statistics import compare
from hourglass_bench.reports.analysis.summary import CONFIGURATION, IDENTITY, Summary, has_sizes, ranked
from hourglass_bench.reports.store.load import ARCHITECTURE, DATA_FOLDS, EPOCHS, SPLIT

DIFFERENCES = ["depth", "width", "difference", "low", "high", "over", "repeats", "clear"]


def best_cells(summary: Summary, numbers: pd.Series) -> pd.DataFrame:
    """Of these configurations the one that is highest by validation, for each architecture, depth and base width.

    Those without depth and width have no cell.
    """
    rows = summary.configurations[summary.configurations[CONFIGURATION].isin(numbers)]
    return ranked(rows[has_sizes(rows)]).drop_duplicates(IDENTITY)


def cell_differences(summary: Summary, best: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Test IoU of one architecture less the other's in the cells that both have on the same frames.

    Columns DIFFERENCES; low and high are of the primary interval, `clear` is whether it excludes 0.
    """
    firsts, seconds = (
        {
            (int(row[schema.DEPTH]), int(row[schema.BASE_WIDTH])): row
            for _, row in best[best[ARCHITECTURE] == name].sort_values(IDENTITY).iterrows()
        }
        for name in (first, second)
    )
    rows = []
    for place, a in firsts.items():
        b = seconds.get(place)
        if b is None or any(a[name] != b[name] for name in (SPLIT, DATA_FOLDS, EPOCHS)):
            continue
        values, others = arms(summary, Claim("equal depth and base width", a, b, 1.0), schema.TEST_IOU)
        if len(values):
            found = compare(values, others, folds=int(a[DATA_FOLDS]))
            low, high = found.interval
            rows.append((*place, found.difference, low, high, found.over, found.repeats, low > 0 or high < 0))
    return pd.DataFrame(rows, columns=DIFFERENCES)
