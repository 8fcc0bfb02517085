"""Means of configurations on the test scenes, with their intervals."""

import math
from functools import lru_cache

import pandas as pd

from bench import schema
from reports.load import SEED
from reports.scenes import SCENE
from reports.statistics import estimate_means
from reports.summary import CONFIGURATION, Summary

COLUMNS = {SEED: "seed", schema.FOLD: "fold", SCENE: "scene"}
"""Columns of `Summary.scenes` and what `reports.statistics` calls them."""


@lru_cache(maxsize=len(schema.TEST_METRICS))
def intervals(of: Summary, metric: schema.Metric) -> pd.DataFrame:
    """Columns low and high of the 95 % interval of each configuration's mean, by the configuration's number.

    A single run has its scenes as units; NaN where a single unit has no interval, or the frame tables are gone. What
    Student's t adds beyond the metric's bounds is cut off.
    """
    names = {**COLUMNS, metric.column: "value"}
    cells = of.scenes[[CONFIGURATION, *names]].rename(columns=names)
    found = {} if cells.empty else estimate_means(cells, CONFIGURATION)
    bounds = pd.DataFrame({number: estimate.interval for number, estimate in found.items()}, index=["low", "high"]).T
    bounds = bounds.astype("float64").replace([math.inf, -math.inf], math.nan)
    return bounds.clip(metric.lower, metric.upper).reindex(of.configurations[CONFIGURATION])
