"""What to take under a memory budget: of the configurations that fit, the one that validation puts first."""

import math
from itertools import count
from typing import NamedTuple

import numpy as np
import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.summary import CONFIGURATION, N, Summary, by_validation, comparable, statistic
from hourglass_bench.reports.store.load import (
    ARCHITECTURE,
    BLEND,
    DATA_FOLDS,
    EPOCHS,
    LABELLED_SCENES,
    PRETRAIN_EPOCHS,
    SPLIT,
)
from hourglass_bench.reports.text import MEGABYTE

ROUND = (1, 2, 5)
"""First digits of the budgets that are looked at."""
MOST_CHOICES = 4
ALIKE = [SPLIT, DATA_FOLDS, EPOCHS, PRETRAIN_EPOCHS, LABELLED_SCENES, BLEND]
"""What configurations must have in common to be compared."""

PEAK = statistic(schema.TENSOR_PEAK, "mean")


class Choice(NamedTuple):
    """The configuration to take."""

    budget_mb: float
    """Smallest round budget at which it is the choice, in MB of tensor peak memory of a training step."""
    row: pd.Series
    """Of `Summary.configurations`."""


def tested(summary: Summary) -> pd.DataFrame:
    """Configurations that can be compared and have a test IoU."""
    return comparable(summary.configurations).dropna(subset=statistic(schema.TEST_IOU, "mean"))


def alike(table: pd.DataFrame, row: pd.Series) -> pd.DataFrame:
    """The configurations of a table that can be compared with one."""
    return table[(table[ALIKE] == row[ALIKE]).all(axis=1)]


def candidates(summary: Summary) -> pd.DataFrame:
    """The configurations that validation chooses among.

    One with fewer repeats than `least_repeats` is left out: they may be the easy ones, or those that survived.
    """
    table = tested(summary).dropna(subset=PEAK)
    return table[table[N] >= least_repeats(summary)]


def choices(summary: Summary) -> list[Choice]:
    """By rising budget, each configuration once; the last one is the best of all. Empty if no memory was measured."""
    table = candidates(summary)
    found: dict[int, Choice] = {}
    for budget in _round_budgets(table[PEAK] / MEGABYTE):
        row = by_validation(within(table, budget)).iloc[0]
        found.setdefault(int(row[CONFIGURATION]), Choice(budget, row))
    every = list(found.values())
    kept = np.linspace(0, len(every) - 1, min(len(every), MOST_CHOICES)).round().astype(int)
    return [every[place] for place in kept]


def least_repeats(summary: Summary) -> int:
    """The most complete repeats that every architecture has of some configuration.

    In a study half done one of them is ahead by a repeat, and must not win by that.
    """
    most = tested(summary).groupby(ARCHITECTURE)[N].max()
    return int(most.min()) if len(most) else 0


def within(table: pd.DataFrame, budget_mb: float) -> pd.DataFrame:
    """The configurations whose peak does not exceed a budget."""
    return table[table[PEAK] <= budget_mb * MEGABYTE]


def round_budget(memory_mb: float) -> float:
    """The smallest round budget, 1, 2, 5, 10, 20 ... MB, that so much memory fits."""
    power = math.floor(math.log10(memory_mb)) - 1
    # As a decimal text, since 2 * 10.0**-1 and 0.2 are not the same number.
    every = (float(f"{digit}e{more}") for more in count(power) for digit in ROUND)
    return next(budget for budget in every if budget >= memory_mb)


def _round_budgets(peaks: pd.Series) -> list[float]:
    """From the first in which something fits to the first in which all does."""
    return sorted({round_budget(peak) for peak in peaks})
