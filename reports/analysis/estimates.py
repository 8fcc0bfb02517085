"""Means of configurations on the test scenes, with their intervals."""

from functools import lru_cache

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.frame_tables import KEYS, bounded
from hourglass_bench.reports.analysis.statistics import estimate_means
from hourglass_bench.reports.analysis.summary import CONFIGURATION, Summary, statistic


@lru_cache(maxsize=len(schema.TEST_METRICS))
def estimates(summary: Summary, metric: schema.Metric) -> pd.DataFrame:
    """Columns mean, low and high of a test metric by the configuration's number: a mean with its 95 % interval.

    A single run has its scenes as units. Where no frame table is left the mean is that of the logged values, without
    an interval (NaN). What Student's t adds beyond the metric's bounds is cut off.
    """
    cells = summary.scenes[[CONFIGURATION, *KEYS, metric.column]].rename(columns={metric.column: "value"})
    cells = cells.dropna(subset="value")
    found = {} if cells.empty else estimate_means(cells, CONFIGURATION)
    logged = summary.configurations.set_index(CONFIGURATION)[statistic(metric, "mean")]
    table = bounded(found, metric.lower, metric.upper).reindex(logged.index)
    return table.assign(mean=table["mean"].fillna(logged))
