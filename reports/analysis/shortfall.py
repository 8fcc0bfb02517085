"""What a configuration lacks that is not shown to beat the rules without a network: learning, repeats, scenes."""

from typing import NamedTuple

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.bench.metrics.base_rate import STUCK_EPOCHS
from hourglass_bench.reports.analysis.components import estimate
from hourglass_bench.reports.analysis.convergence import convergence
from hourglass_bench.reports.analysis.gate import beside_rule
from hourglass_bench.reports.analysis.planning import Shape, needed, shape_of
from hourglass_bench.reports.analysis.statistics import Comparison
from hourglass_bench.reports.analysis.summary import CONFIGURATION, Summary
from hourglass_bench.reports.store.load import BATCH_SIZE, EPOCHS


class Learning(NamedTuple):
    """How the complete runs of a configuration learnt."""

    runs: int
    rising: int
    """Runs whose validation IoU still rose in the last fifth of the epochs."""
    stuck: int
    """Runs of which no epoch was better than a constant prediction."""
    epochs: int
    steps: float
    """Optimiser steps of each."""

    @property
    def short(self) -> bool:
        """Whether they had too few epochs to tell if they had learnt all that they could."""
        return self.epochs < STUCK_EPOCHS


class Truth(NamedTuple):
    """Where the test masks hold any foreground."""

    folds: int
    with_foreground: int


class Shortfall(NamedTuple):
    """Of one configuration beside the best rule."""

    comparison: Comparison
    learning: Learning
    shape: Shape
    needed: Shape | None
    """The size at which a true difference as large as the measured one is found; None where it is not above zero, where
    a single repeat tells nothing of spread, or where no size is large enough."""


def find_shortfall(summary: Summary, row: pd.Series) -> Shortfall | None:
    """None without frame tables."""
    beside = beside_rule(summary, row)
    if beside is None:
        return None
    found, shape = beside.comparison, shape_of(row, beside.of_network)
    spread = shape.repeats >= 2 and found.difference > 0
    size = needed(shape, estimate(beside.of_network, beside.of_rule), found.difference) if spread else None
    return Shortfall(found, _learning(summary, row), shape, size)


def _learning(summary: Summary, row: pd.Series) -> Learning:
    trained = convergence(summary).runs
    own = trained[trained[CONFIGURATION] == row[CONFIGURATION]]
    runs = summary.runs[
        (summary.runs[CONFIGURATION] == row[CONFIGURATION]) & (summary.runs[schema.STATE] == "complete")
    ]
    epochs = int(row[EPOCHS])
    batches = runs[schema.EPOCH_IMAGES.name] / pd.to_numeric(runs[BATCH_SIZE], errors="coerce")
    steps = float(epochs * batches.median())
    return Learning(len(own), int(own["rising"].sum()), int(own["stuck"].sum()), epochs, steps)


def find_truth(summary: Summary, row: pd.Series) -> Truth:
    """Of the folds that a configuration was tested on.

    Marking everything as foreground scores the share of the foreground: nothing where there is none.
    """
    cells = summary.scenes[summary.scenes[CONFIGURATION] == row[CONFIGURATION]]
    shares = cells.groupby(schema.FOLD)[schema.baseline_column("all_foreground")].max().dropna()
    return Truth(len(shares), int((shares > 0).sum()))
