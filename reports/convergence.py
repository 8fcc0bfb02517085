"""How fast trainings learn: epochs, seconds and images to a target, area under the curve, and who never learnt.

A run that misses the target counts as infinitely slow; it is not dropped.
"""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd

from bench import schema
from bench.base_rate import BaseRate
from reports.load import RUN
from reports.summary import CONFIGURATION, Summary, comparable

TARGET_SHARE = 0.9
"""The target as a share of the highest median, over configurations, of the seeds' best validation IoU: no single lucky
run sets it."""
RISING = 0.01
"""A validation IoU that gained more than this over the last fifth of the epochs was still rising."""


class Convergence(NamedTuple):
    """A row per configuration."""

    target: float
    """Validation IoU; NaN if no run completed."""
    runs: pd.DataFrame
    """run_id, configuration, epochs, seconds, images (infinite where missed), area, diverged, stuck, rising."""

    def by_configuration(self) -> pd.DataFrame:
        """Medians of the efforts, mean of the area, counts of the rest; `n` and `reached` beside them."""
        groups = self.runs.groupby(CONFIGURATION)
        efforts = groups[["epochs", "seconds", "images"]].median()
        counts = groups[["diverged", "stuck", "rising"]].sum().astype("int64")
        reached = groups["epochs"].agg(reached=lambda epochs: int(np.isfinite(epochs).sum()), n="size")
        return efforts.join(groups["area"].mean()).join(counts).join(reached).reset_index()


TRIED = ("complete", "diverged", "out_of_memory")
"""States of runs that trained until they were done or could not go on."""


def convergence(of: Summary) -> Convergence:
    """Of every run of the comparison that trained, however soon it ended."""
    target = TARGET_SHARE * _highest_median(of)
    points = of.study.curves.set_index([RUN, "epoch", "metric"])["value"].unstack("metric")
    points = points.reindex(columns=[schema.VAL_IOU.name, schema.VAL_BCE.name, schema.EPOCH_SECONDS.name])
    curves, none = dict(iter(points.groupby(RUN))), points.iloc[:0]
    rows = [
        {**run[[RUN, CONFIGURATION]], **_measure(curves.get(run[RUN], none), run, target)}
        for _, run in of.runs[of.runs[schema.STATE].isin(TRIED)].iterrows()
    ]
    columns = [RUN, CONFIGURATION, "epochs", "seconds", "images", "area", "diverged", "stuck", "rising"]
    return Convergence(target, pd.DataFrame(rows, columns=columns))


def _highest_median(of: Summary) -> float:
    complete = comparable(of.runs[of.runs[schema.STATE] == "complete"])
    return float(complete.groupby(CONFIGURATION)[schema.BEST_VAL_IOU.name].median().max())


def _measure(curve: pd.DataFrame, run: pd.Series, target: float) -> dict[str, float | bool]:
    iou, seconds = curve[schema.VAL_IOU.name], curve[schema.EPOCH_SECONDS.name].cumsum()
    reached = np.flatnonzero(iou >= target)
    first = reached[0] if len(reached) else None
    epochs = math.inf if first is None else float(first + 1)
    stuck = is_stuck(curve, float(run[schema.FOREGROUND_SHARE.name]), float(run[schema.ALL_FOREGROUND_IOU.name]))
    return {
        "epochs": epochs,
        "seconds": math.inf if first is None else float(seconds.iloc[first]),
        "images": math.inf if first is None else epochs * float(run[schema.EPOCH_IMAGES.name]),
        "area": float(iou.mean()),
        "diverged": run[schema.STATE] == "diverged" and not stuck,
        "stuck": stuck,
        "rising": bool(iou.iloc[-1] - iou.iloc[-1 - math.ceil(len(iou) / 5)] > RISING) if len(iou) > 1 else False,
    }


def is_stuck(curve: pd.DataFrame, share: float, all_foreground: float) -> bool:
    """Whether there were epochs and none was better than a constant (`bench.base_rate`).

    Constants are the foreground's share, by cross-entropy, and foreground everywhere, by IoU.
    """
    rate = BaseRate(share, all_foreground)
    if curve.empty or not 0 < share < 1:
        return False
    epochs = zip(curve[schema.VAL_BCE.name], curve[schema.VAL_IOU.name], strict=True)
    return not any(rate.is_better(bce, iou) for bce, iou in epochs)
