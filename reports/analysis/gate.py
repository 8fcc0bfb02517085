"""Has a configuration learnt anything? Its test IoU less that of the best rule without a network on the same scenes."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.frame_tables import KEYS
from hourglass_bench.reports.analysis.statistics import MIN_REPEATS, Comparison, compare, estimate_means
from hourglass_bench.reports.analysis.summary import CONFIGURATION, Summary
from hourglass_bench.reports.store.load import DATA_FOLDS

RULES = {schema.baseline_column(name): name for name in schema.BASELINES}
"""Columns of `Summary.scenes` with the IoU of the rules without a network, by their names."""


@lru_cache(maxsize=4)
def gates(summary: Summary) -> pd.DataFrame:
    """By the number of every configuration with frame tables: rule, and whether it passes.

    `rule` is the baseline with the highest mean IoU over the same folds, of those that all its runs logged. A
    configuration passes if the primary 95 % interval of its difference to that rule is above zero, with as many repeats
    as a verdict needs.
    """
    cells = summary.scenes[[CONFIGURATION, *KEYS, schema.TEST_IOU.column, *RULES]].astype(dict.fromkeys(RULES, float))
    scores = cells.groupby([CONFIGURATION, "fold", "scene"])[list(RULES)].mean().groupby([CONFIGURATION, "fold"]).mean()
    everywhere = cells[list(RULES)].notna().groupby(cells[CONFIGURATION]).all()
    means = scores.groupby(CONFIGURATION).mean().where(everywhere).dropna(how="all")
    best = means.idxmax(axis=1)
    cells = cells[cells[CONFIGURATION].isin(best.index)].reset_index(drop=True)
    places = cells[CONFIGURATION].map(best).map(list(RULES).index).to_numpy(np.int64)
    of_rule = cells[list(RULES)].to_numpy(np.float64)[np.arange(len(cells)), places]
    differences = cells.assign(value=cells[schema.TEST_IOU.column] - of_rule)
    found = {} if differences.empty else estimate_means(differences, CONFIGURATION)
    passes = {key: one.interval.low > 0 and one.repeats >= MIN_REPEATS for key, one in found.items()}
    return pd.DataFrame({"rule": best.map(RULES), "passes": pd.Series(passes, dtype="bool")})


def passes(summary: Summary, number: int) -> bool:
    """Whether the configuration is shown to beat the best rule; not where no frame table of it is left."""
    found = gates(summary)
    return bool(number in found.index and found.loc[number, "passes"])


class BesideRule(NamedTuple):
    """A configuration beside its best rule; values as `analysis.statistics` has them."""

    rule: str
    """Name of the baseline."""
    of_network: pd.DataFrame
    of_rule: pd.DataFrame
    comparison: Comparison
    """The configuration less the rule, with the interval that `gates` judges."""


def beside_rule(summary: Summary, row: pd.Series) -> BesideRule | None:
    """Of a row of `Summary.configurations`; None without frame tables."""
    number = row[CONFIGURATION]
    if number not in gates(summary).index:
        return None
    rule = str(gates(summary).loc[number, "rule"])
    cells = summary.scenes[summary.scenes[CONFIGURATION] == number].reset_index(drop=True)
    columns = schema.TEST_IOU.column, schema.baseline_column(rule)
    of_network, of_rule = (cells[KEYS].assign(value=cells[name].astype(float)) for name in columns)
    return BesideRule(rule, of_network, of_rule, compare(of_network, of_rule, folds=int(row[DATA_FOLDS])))
