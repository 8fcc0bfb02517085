"""What was chosen by validation, scored on test scenes that had no part in the choice.

With folds of scenes a repeat validates on the fold that another one tests, so that the mean validation IoU over all
repeats has seen test scenes: the highest of many means is optimistic there (the winner's curse). So each test fold's
configuration is chosen anew by the repeats that did not validate on that fold: nested cross-validation.
"""

from typing import NamedTuple

import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.reports.analysis.frame_tables import KEYS, bounded
from hourglass_bench.reports.analysis.statistics import estimate_means
from hourglass_bench.reports.analysis.summary import CONFIGURATION, Summary, by_validation, statistic
from hourglass_bench.reports.store.checks import HOLDOUTS
from hourglass_bench.reports.store.load import DATA_FOLDS, REPEAT, SPLIT

VAL = schema.BEST_VAL_IOU


class Nested(NamedTuple):
    """Test IoU of what the other folds' validation chooses."""

    iou: float
    low: float
    """Of the 95 % interval over folds, as `analysis.estimates`; NaN where there is none."""
    high: float
    folds: int
    changed: int
    """Folds for which it is another configuration than the one that all of validation chooses."""


def val_fold(repeat: pd.Series, folds: int) -> pd.Series:
    """The fold that chooses the epoch, as `bench.config.DataConfig.val_fold` of `scene_folds`."""
    return (repeat + 1) % folds


def nested(summary: Summary, row: pd.Series, candidates: pd.DataFrame) -> Nested | None:
    """Of the choice `row` among `candidates`, all rows of `Summary.configurations`; None without its frame tables."""
    number, folds = int(row[CONFIGURATION]), int(row[DATA_FOLDS])
    scenes = summary.scenes[summary.scenes[CONFIGURATION].isin(candidates[CONFIGURATION])]
    tested = sorted(scenes.loc[scenes[CONFIGURATION] == number, schema.FOLD].unique())
    if not tested:
        return None
    chosen = dict.fromkeys(tested, number)
    for fold in tested if row[SPLIT] not in HOLDOUTS else ():
        there = candidates[CONFIGURATION].isin(scenes.loc[scenes[schema.FOLD] == fold, CONFIGURATION])
        chosen[fold] = _choose(summary, candidates[there], fold, folds)
    parts = [scenes[(scenes[CONFIGURATION] == one) & (scenes[schema.FOLD] == fold)] for fold, one in chosen.items()]
    cells = pd.concat(parts)[[*KEYS, schema.TEST_IOU.column]].rename(columns={schema.TEST_IOU.column: "value"})
    score = bounded(estimate_means(cells.assign(all=0), "all"))
    mean, low, high = (float(score[name].iloc[0]) for name in ("mean", "low", "high"))
    return Nested(mean, low, high, len(tested), sum(one != number for one in chosen.values()))


def _choose(summary: Summary, candidates: pd.DataFrame, fold: int, folds: int) -> int:
    """What validation on the other folds puts first of the candidates, which all were tested on this one."""
    runs = summary.runs[
        (summary.runs[schema.STATE] == "complete") & summary.runs[CONFIGURATION].isin(candidates[CONFIGURATION])
    ]
    # Each candidate has some: no repeat validates on the fold that it tests.
    means = runs[val_fold(runs[REPEAT], folds) != fold].groupby(CONFIGURATION)[VAL.name].mean()
    rows = candidates.assign(**{statistic(VAL, "mean"): candidates[CONFIGURATION].map(means)})
    return int(by_validation(rows)[CONFIGURATION].iloc[0])
