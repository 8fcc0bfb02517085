"""Configurations of a stage with their latent and the mean of a metric, which figures of the latent space draw."""

import numpy as np
import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.estimates import estimates
from hourglass_bench.reports.analysis.frame_tables import bounded
from hourglass_bench.reports.analysis.statistics import estimate_means
from hourglass_bench.reports.analysis.summary import CONFIGURATION, LABEL, N, Summary, comparable, statistic
from hourglass_bench.reports.store.load import ARCHITECTURE, BETA, REPEAT

STAGE: schema.Stage = "generative"


def latent_points(summary: Summary | None, metric: schema.Metric) -> pd.DataFrame:
    """A row per configuration of one stage that has a mean of a metric; none if there is no such stage.

    Columns architecture, number, configuration, target, depth, width, latent (numbers of the bottleneck), beta (NaN but
    of VAEs), n, and of the metric mean, low and high: its 95 % interval.
    """
    if summary is None:
        return pd.DataFrame(columns=[*COLUMNS, "mean", "low", "high"])
    table = comparable(summary.configurations[summary.configurations[N] > 0])
    points = table[list(COLUMNS.values())].set_axis(list(COLUMNS), axis=1)
    points = points.assign(beta=points["beta"].astype("float64").where(points["number"].isin(vaes(summary))))
    return points.join(means(summary, metric), on="number").dropna(subset="mean").reset_index(drop=True)


COLUMNS = {
    "architecture": ARCHITECTURE,
    "number": CONFIGURATION,
    "configuration": LABEL,
    "target": schema.TARGET,
    "depth": schema.DEPTH,
    "width": schema.BASE_WIDTH,
    "latent": statistic(schema.BOTTLENECK_ELEMENTS, "mean"),
    "beta": BETA,
    "n": N,
}


def vaes(summary: Summary) -> set[int]:
    """Numbers of the configurations that are VAEs: their runs log a rate."""
    return set(summary.runs.loc[summary.runs[schema.TEST_RATE.name].notna(), CONFIGURATION])


def means(summary: Summary, metric: schema.Metric) -> pd.DataFrame:
    """Columns mean, low and high of a metric by the configuration's number, for those that logged it.

    They are those of `estimates` where that knows the metric. Others have one value per run: their units are folds,
    each the mean over its repeats, and a single one has no interval (NaN).
    """
    if metric in schema.TEST_METRICS:
        return estimates(summary, metric)
    complete = summary.runs[(summary.runs[schema.STATE] == "complete") & np.isfinite(summary.runs[metric.name])]
    runs = complete[[CONFIGURATION, REPEAT, schema.FOLD]].assign(scene="", value=complete[metric.name])
    found = {} if runs.empty else estimate_means(runs, CONFIGURATION)
    return bounded(found, metric.lower, metric.upper)
