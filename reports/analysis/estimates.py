"""Means of configurations on the test scenes, with their intervals."""

from functools import lru_cache

import pandas as pd

from bench import schema
from reports.analysis.frame_tables import bounded
from reports.analysis.scenes import SCENE
from reports.analysis.statistics import estimate_means
from reports.analysis.summary import CONFIGURATION, Summary, statistic
from reports.store.load import REPEAT

COLUMNS = {REPEAT: "repeat", schema.FOLD: "fold", SCENE: "scene"}
"""Columns of `Summary.scenes` and what `reports.analysis.statistics` calls them."""


@lru_cache(maxsize=len(schema.TEST_METRICS))
def estimates(summary: Summary, metric: schema.Metric) -> pd.DataFrame:
    """Columns mean, low and high of a test metric by the configuration's number: a mean with its 95 % interval.

    A single run has its scenes as units. Where no frame table is left the mean is that of the logged values, without
    an interval (NaN). What Student's t adds beyond the metric's bounds is cut off.
    """
    names = {**COLUMNS, metric.column: "value"}
    cells = summary.scenes[[CONFIGURATION, *names]].rename(columns=names).dropna(subset="value")
    found = {} if cells.empty else estimate_means(cells, CONFIGURATION)
    logged = summary.configurations.set_index(CONFIGURATION)[statistic(metric, "mean")]
    table = bounded(found, metric.lower, metric.upper).reindex(logged.index)
    return table.assign(mean=table["mean"].fillna(logged))
