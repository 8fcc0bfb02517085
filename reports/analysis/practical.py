"""The study `practical`: its four networks, and which configurations answer what it asks.

Differences between two configurations have interval and verdict: those of the first page for a pair that stands there,
the others are one family of claims.
"""

from typing import NamedTuple

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.claims import (
    HEADLINE_METRICS,
    Claim,
    Judged,
    by_pair,
    judge,
    judge_headline,
    pair_key,
)
from hourglass_bench.reports.analysis.convergence import Convergence, convergence
from hourglass_bench.reports.analysis.summary import CONFIGURATION, N, Summary, comparable, map_shape, statistic
from hourglass_bench.reports.store.load import ARCHITECTURE, NORM
from hourglass_bench.reports.style import PRESETS

PRACTICAL = "practical"
*_, WITHOUT_SKIPS, WITH_SKIPS = PRESETS
"""The two of the practical's networks that are varied, by preset and architecture."""
VARIED = {"depth": schema.DEPTH, "features": schema.BASE_WIDTH, "bottleneck": schema.BOTTLENECK_MEASURED}
"""What is varied, and the column that has it."""
KEPT: dict[str, list[str]] = {"depth": [schema.BASE_WIDTH], "features": [schema.DEPTH], "bottleneck": []}
"""What stays equal meanwhile, beside the normalisation."""


class Networks(NamedTuple):
    """What the answers look up."""

    presets: dict[str, pd.Series]
    """Rows of `Summary.configurations` of the presets that were tried."""
    complete: set[str]
    """The presets with a complete run."""
    efforts: Convergence
    judged: dict[str, list[Judged]]
    """The claims of this study's page, by name."""

    def attempts(self, name: str) -> pd.DataFrame:
        """What each run of a preset took to reach the target, as `Convergence.runs`."""
        runs = self.efforts.runs
        own: pd.Series = runs[CONFIGURATION] == self.presets[name][CONFIGURATION]
        return runs[own]

    def ratio(self, metric: schema.Metric, first: str, second: str) -> tuple[float, float, float]:
        """Of the means of two presets, and the least and the most that their attempts leave to it."""
        a, b = self.presets[first], self.presets[second]
        mean, least, most = (
            float(a[statistic(metric, one)] / b[statistic(metric, other)])
            for one, other in (("mean", "mean"), ("min", "max"), ("max", "min"))
        )
        return mean, least, most


def networks(summary: Summary) -> Networks:
    """The presets, what the study found of their training, and the claims about them."""
    tried = comparable(summary.configurations)
    table = tried[tried[N] > 0]
    presets = {str(name): rows.iloc[0] for name, rows in tried.groupby(schema.PRESET) if name in PRESETS}
    complete = {name for name, row in presets.items() if row[N]}
    made: dict[str, Claim] = {}
    if {WITH_SKIPS, WITHOUT_SKIPS} <= complete:
        made[WITH_SKIPS] = Claim("presets", presets[WITH_SKIPS], presets[WITHOUT_SKIPS], 1.0)
    for name in (WITHOUT_SKIPS, WITH_SKIPS):
        for what in VARIED:
            made |= _extremes(table[table[ARCHITECTURE] == name], f"{what}.{name}", what)
    # A pair that the first page judges keeps that verdict; the others are one family.
    headline = {
        frozenset(key): judged[: len(HEADLINE_METRICS)] for key, judged in by_pair(judge_headline(summary)).items()
    }
    apart = [claim for claim in made.values() if frozenset(pair_key(claim)) not in headline]
    others = judge(summary, apart, HEADLINE_METRICS)
    judged = {
        name: headline.get(frozenset(pair_key(claim))) or [one for one in others if one.claim is claim]
        for name, claim in made.items()
    }
    return Networks(presets, complete, convergence(summary), judged)


def _extremes(table: pd.DataFrame, name: str, what: str) -> dict[str, Claim]:
    """The configuration with the most of something less the one with the least, where it is varied the most."""
    amount: pd.Series = elements(table) if what == "bottleneck" else table[VARIED[what]]
    groups: list[pd.Series] = [amount.loc[rows.index] for _, rows in table.groupby([NORM, *KEPT[what]])]
    varied = [group for group in groups if group.nunique() > 1]
    if not varied:
        return {}
    most = max(varied, key=lambda group: int(group.nunique()))
    last, first = (table.loc[[place]].iloc[0] for place in (most.idxmax(), most.idxmin()))
    return {name: Claim(what, last, first, 1.0)}


def elements(table: pd.DataFrame) -> pd.Series:
    """Elements of the bottleneck of each configuration; NaN where its runs logged none, or several."""
    product: pd.Series = map_shape(table[schema.BOTTLENECK_MEASURED]).prod(axis=1, skipna=False)
    return product
