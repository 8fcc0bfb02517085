"""How fast trainings learn: epochs, seconds and images to a target, area under the curve, and who never learnt.

A run that misses the target counts as infinitely slow; it is not dropped.
"""

import math
from collections.abc import Hashable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from hourglass_bench.bench import schema
from hourglass_bench.bench.metrics.base_rate import BaseRate
from hourglass_bench.reports.analysis.statistics import FloatArray
from hourglass_bench.reports.analysis.summary import CONFIGURATION, Summary, comparable
from hourglass_bench.reports.store.load import CURVES, RUN

TARGET_SHARE = 0.9
"""The target as a share of the highest median, over configurations, of the repeats' best validation IoU: no single
lucky run sets it."""
RISING = 0.01
"""A validation IoU that gained more than this over the last fifth of the epochs was still rising."""


Curve = dict[str, FloatArray]
"""Values of each of the read metrics by epoch."""


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


READ = [RUN, schema.STATE, schema.FOREGROUND_SHARE.name, schema.ALL_FOREGROUND_IOU.name, schema.EPOCH_IMAGES.name]
TRIED = ("complete", "diverged", "out_of_memory")
"""States of runs that trained until they were done or could not go on."""


@lru_cache(maxsize=1)
def convergence(summary: Summary) -> Convergence:
    """Of every run of the comparison that trained, however soon it ended; complete ones without curves lost them."""
    points, runs = summary.study.curves, summary.runs
    complete = runs[schema.STATE] == "complete"
    target = TARGET_SHARE * float(
        comparable(runs[complete]).groupby(CONFIGURATION)[schema.BEST_VAL_IOU.name].median().max()
    )
    curves, none = _curves(points), dict.fromkeys(CURVES, np.empty(0))
    followed = runs[RUN].isin(points.loc[points["metric"] == schema.VAL_IOU.name, RUN])
    runs = runs[runs[schema.STATE].isin(TRIED) & (followed | ~complete)]
    rows = [_measure(curves.get(run[RUN], none), run, target) for run in runs[READ].to_dict("records")]
    columns = ["epochs", "seconds", "images", "area", "diverged", "stuck", "rising"]
    measured = pd.DataFrame(rows, columns=columns, index=runs.index)
    return Convergence(target, runs[[RUN, CONFIGURATION]].join(measured).reset_index(drop=True))


def _curves(points: pd.DataFrame) -> dict[str, Curve]:
    """The curves of each run. Arrays: a table of its own for each of thousands of runs takes minutes."""
    if points.empty:
        return {}
    epochs = points.pivot(index=[RUN, "epoch"], columns="metric", values="value").reindex(columns=list(CURVES))
    runs, starts = np.unique(epochs.index.get_level_values(RUN), return_index=True)
    parts = zip(*(np.split(epochs[name].to_numpy(np.float64), starts[1:]) for name in CURVES), strict=True)
    return {str(run): dict(zip(CURVES, part, strict=True)) for run, part in zip(runs, parts, strict=True)}


def _measure(curve: Curve, run: dict[Hashable, Any], target: float) -> dict[str, float | bool]:
    iou, seconds = curve[schema.VAL_IOU.name], np.cumsum(curve[schema.EPOCH_SECONDS.name])
    reached = np.flatnonzero(iou >= target)
    first = int(reached[0]) if len(reached) else None
    stuck = is_stuck(curve, float(run[schema.FOREGROUND_SHARE.name]), float(run[schema.ALL_FOREGROUND_IOU.name]))
    return {
        "epochs": math.inf if first is None else first + 1.0,
        "seconds": math.inf if first is None else float(seconds[first]),
        "images": math.inf if first is None else (first + 1) * float(run[schema.EPOCH_IMAGES.name]),
        "area": math.nan if np.isnan(iou).all() else float(np.nanmean(iou)),
        "diverged": run[schema.STATE] == "diverged" and not stuck,
        "stuck": stuck,
        "rising": bool(iou[-1] - iou[-1 - math.ceil(len(iou) / 5)] > RISING) if len(iou) > 1 else False,
    }


def is_stuck(curve: Curve, share: float, all_foreground: float) -> bool:
    """Whether there were epochs and none was better than a constant (`bench.metrics.base_rate`).

    Constants are the foreground's share, by cross-entropy, and foreground everywhere, by IoU.
    """
    rate = BaseRate(share, all_foreground)
    epochs = list(zip(curve[schema.VAL_BCE.name], curve[schema.VAL_IOU.name], strict=True))
    return 0 < share < 1 and bool(epochs) and not any(rate.is_better(bce, iou) for bce, iou in epochs)
