"""Has a configuration learnt anything? Its test IoU less that of the best rule without a network on the same scenes."""

from functools import lru_cache

import numpy as np
import pandas as pd

from bench import schema
from reports.analysis.frame_tables import KEYS
from reports.analysis.statistics import MIN_REPEATS, Comparison, compare, estimate_means
from reports.analysis.summary import CONFIGURATION, Summary
from reports.store.load import DATA_FOLDS

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


def against_rule(summary: Summary, row: pd.Series) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """Values (see `analysis.statistics`) of a configuration and of its best rule; None without frame tables."""
    number = row[CONFIGURATION]
    if number not in gates(summary).index:
        return None
    column = schema.baseline_column(str(gates(summary).loc[number, "rule"]))
    cells = summary.scenes[summary.scenes[CONFIGURATION] == number].reset_index(drop=True)
    network, rule = (cells[KEYS].assign(value=cells[name].astype(float)) for name in (schema.TEST_IOU.column, column))
    return network, rule


def compare_with_rule(summary: Summary, row: pd.Series) -> Comparison | None:
    """A configuration less its best rule, by the interval that `gates` judges; None without frame tables."""
    arms = against_rule(summary, row)
    return None if arms is None else compare(*arms, folds=int(row[DATA_FOLDS]))
