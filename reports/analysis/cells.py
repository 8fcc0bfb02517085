"""Cells of depth and base width: the configuration in each, and how two architectures differ there."""

import pandas as pd

from bench import schema
from reports.analysis.claims import Claim, arms
from reports.analysis.statistics import compare
from reports.analysis.summary import CONFIGURATION, IDENTITY, Summary, ranked
from reports.store.load import ARCHITECTURE, DATA_FOLDS, EPOCHS, SPLIT

DIFFERENCES = ["depth", "width", "difference", "low", "high", "over", "repeats", "clear"]


def best_cells(summary: Summary, numbers: pd.Series) -> pd.DataFrame:
    """Of these configurations the one that is highest by validation, for each architecture, depth and base width."""
    rows = summary.configurations[summary.configurations[CONFIGURATION].isin(numbers)]
    return ranked(rows).drop_duplicates(IDENTITY)


def cell_differences(summary: Summary, best: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Test IoU of one architecture less the other's in the cells that both have on the same frames.

    Columns DIFFERENCES; low and high are of the primary interval, `clear` is whether it excludes 0.
    """
    firsts, seconds = (
        {_place(row): row for _, row in best[best[ARCHITECTURE] == name].sort_values(IDENTITY).iterrows()}
        for name in (first, second)
    )
    rows = []
    for place, a in firsts.items():
        b = seconds.get(place)
        if b is not None and all(a[name] == b[name] for name in (SPLIT, DATA_FOLDS, EPOCHS)):
            rows += _difference(summary, Claim("equal depth and base width", a, b, 1.0))
    return pd.DataFrame(rows, columns=DIFFERENCES)


def _place(row: pd.Series) -> tuple[int, int]:
    return int(row[schema.DEPTH]), int(row[schema.BASE_WIDTH])


def _difference(summary: Summary, cell: Claim) -> list[tuple[object, ...]]:
    a, b = arms(summary, cell, schema.TEST_IOU)
    if a.empty:
        return []
    found = compare(a, b, folds=int(cell.a[DATA_FOLDS]))
    low, high = found.interval
    return [(*_place(cell.a), found.difference, low, high, found.over, found.repeats, low > 0 or high < 0)]
