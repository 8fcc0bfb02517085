"""What skip connections are worth at each difficulty of the drawn dancers, and whether they are worth more as it rises.

A difficulty is a share of what is behind them in the dancers' colours. Scores at different ones are of different data:
configurations are compared within each, and only their differences from one to the next.
"""

import json
import math
from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.claims import HEADLINE_METRICS, Claim, arms
from hourglass_bench.reports.analysis.estimates import estimates
from hourglass_bench.reports.analysis.skips import with_and_without
from hourglass_bench.reports.analysis.statistics import (
    Interval,
    Verdict,
    compare,
    holm_steps,
    interval,
    paired,
    verdict,
)
from hourglass_bench.reports.analysis.summary import CONFIGURATION, Summary, varying
from hourglass_bench.reports.store.load import ARCHITECTURE, BLEND, DATA_FOLDS, LR, SKIPS

MATCHING = "equal but for skip connections"
WORDS: dict[Verdict, str] = {
    "better": "they matter more",
    "worse": "they matter less",
    "ahead": "a first look: they matter more",
    "behind": "a first look: they matter less",
    "inconclusive": "no trend shown",
    "equivalent": "no trend shown",
    "refused": "no verdict",
}
"""Of skip connections as the task gets harder, by the verdict on the slope; no margin makes it equivalent."""


class Trend(NamedTuple):
    """How a difference changes with the blend: a line through each fold's differences, their slopes over folds."""

    metric: schema.Metric
    slope: float
    """Change of the difference per unit of blend."""
    error: float
    """Standard error of the slope; infinite for a single fold."""
    folds: int
    repeats: int
    blends: tuple[float, float]
    """The least and the largest that the line goes through."""
    claims: int = 1
    """That share the 5 % at the step at which Holm's rule decides on it."""

    @property
    def freedom(self) -> float:
        """Degrees of freedom of the error; any number does for a single fold."""
        return max(1, self.folds - 1)

    @property
    def interval(self) -> Interval:
        """Student's t over folds."""
        return interval(self.slope, self.error, self.freedom, self.claims)

    @property
    def p(self) -> float:
        """Two-sided, that there is no trend."""
        if self.error == 0:
            return float(self.slope == 0)
        return float(2 * stats.t.sf(abs(self.slope) / self.error, self.freedom))

    @property
    def word(self) -> str:
        """What may be said of skip connections as the task gets harder."""
        return WORDS[verdict(self.interval, repeats=self.repeats, margin=0, direction="higher")]


class Texture(NamedTuple):
    """Networks that are equal but for their skip connections, at several difficulties."""

    differences: pd.DataFrame
    """Columns metric, blend, dose (number of skip connections), levels (which; 1 is the outermost), mean (score), and
    difference, low, high, folds, repeats of the difference from the network without any: its primary interval."""
    trends: pd.DataFrame
    """Columns metric, dose, levels, slope, low, high, folds, repeats: see `Trend`, each for itself."""
    claims: list[Trend]
    """Of the most skip connections, in IoU and Boundary IoU, adjusted for each other by Holm's rule."""


DIFFERENCE = ["difference", "low", "high", "folds", "repeats"]


@lru_cache(maxsize=1)
def texture(summary: Summary) -> Texture | None:
    """None unless the study varies the difficulty and, beside it, skip connections alone.

    Learning rates may differ: each network has its own where rates are tuned.
    """
    names = with_and_without(summary)
    runs = summary.runs[summary.runs[ARCHITECTURE].isin(names) & (summary.runs[schema.STATE] == "complete")]
    if runs[BLEND].nunique() < 2 or set(varying(runs)) - {ARCHITECTURE, SKIPS, BLEND, LR}:
        return None
    networks = _networks(runs)
    rows, trends = [], []
    for metric, (levels, own) in product(HEADLINE_METRICS, networks.groupby("levels", sort=False)):
        dose = int(own["dose"].iloc[0])
        found = {network.blend: _difference(summary, metric, network, networks) for network in own.itertuples()}
        rows += [(metric.column, blend, dose, levels, *one[0]) for blend, one in found.items()]
        known = {blend: one for blend, one in found.items() if len(one[1])}
        units = pd.DataFrame({blend: folds for blend, (_, folds) in known.items()}).dropna()
        if units.size and units.shape[1] > 1:
            trends.append((dose, levels, _trend(metric, units, min(one[0][-1] for one in known.values()))))
    if not trends:
        return None
    most = max(dose for dose, _, _ in trends)
    full = [trend for dose, _, trend in trends if dose == most]
    steps = holm_steps([trend.p for trend in full])
    table = [(one.metric.column, dose, levels, *one[1:2], *one.interval, *one[3:5]) for dose, levels, one in trends]
    return Texture(
        pd.DataFrame(rows, columns=["metric", "blend", "dose", "levels", "mean", *DIFFERENCE]),
        pd.DataFrame(table, columns=["metric", "dose", "levels", "slope", "low", "high", "folds", "repeats"]),
        [trend._replace(claims=step) for trend, step in zip(full, steps, strict=True)],
    )


def _networks(runs: pd.DataFrame) -> pd.DataFrame:
    """Columns number, blend, dose and levels of every configuration, by rising blend and dose."""
    own = runs.drop_duplicates(CONFIGURATION)
    levels = own[SKIPS].map(json.loads)
    networks = pd.DataFrame(
        {
            "number": own[CONFIGURATION],
            "blend": own[BLEND],
            "dose": levels.map(len),
            "levels": levels.map(lambda some: ",".join(map(str, some))),
        }
    )
    return networks.sort_values(["dose", "levels", "blend"], ignore_index=True)


def _difference(
    summary: Summary, metric: schema.Metric, network: Any, networks: pd.DataFrame
) -> tuple[tuple[Any, ...], pd.Series]:
    """Score, and the difference from the network without skip connections at this blend: its values, and by fold."""
    score = float(estimates(summary, metric).loc[network.number, "mean"])
    plain = networks.loc[(networks["blend"] == network.blend) & (networks["dose"] == 0), "number"]
    table = summary.configurations.set_index(CONFIGURATION, drop=False)
    if network.dose and len(plain):
        claim = Claim(MATCHING, table.loc[network.number], table.loc[plain.iloc[0]], 1.0)
        a, b = arms(summary, claim, metric)
        if len(a):
            found = compare(a, b, folds=int(claim.a[DATA_FOLDS]))
            by_fold = paired(a, b).groupby("fold")["value"].mean()
            return (score, found.difference, *found.interval, len(by_fold), found.repeats), by_fold
    return (score, math.nan, math.nan, math.nan, 0, 0), pd.Series(dtype="float64")


def _trend(metric: schema.Metric, units: pd.DataFrame, repeats: int) -> Trend:
    """Of differences by fold (rows) and blend (columns)."""
    apart = units.columns.to_numpy(np.float64) - np.mean(units.columns)
    slopes = units.to_numpy(np.float64) @ apart / (apart @ apart)
    error = float(slopes.std(ddof=1)) / math.sqrt(len(slopes)) if len(slopes) > 1 else math.inf
    blends = float(units.columns.min()), float(units.columns.max())
    return Trend(metric, float(slopes.mean()), error, len(slopes), repeats, blends)
