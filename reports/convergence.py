"""How fast trainings learn: epochs, seconds and images to a target, area under the curve, and who never learnt.

A run that misses the target counts as infinitely slow; it is not dropped.
"""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd

from bench import schema
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


def convergence(of: Summary) -> Convergence:
    """Of every run of the comparison that logged at least one epoch."""
    target = TARGET_SHARE * _highest_median(of)
    curves = of.study.curves.pivot_table(index=[RUN, "epoch"], columns="metric", values="value", dropna=False)
    curves = curves.reindex(columns=[schema.VAL_IOU.name, schema.VAL_BCE.name, schema.EPOCH_SECONDS.name])
    rows = [
        {RUN: run[RUN], CONFIGURATION: run[CONFIGURATION], **_measure(curves.loc[run[RUN]], run, target)}
        for _, run in of.runs.iterrows()
        if run[RUN] in curves.index.get_level_values(RUN)
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
    stuck = is_stuck(curve, float(run[schema.FOREGROUND_SHARE.name]))
    return {
        "epochs": epochs,
        "seconds": math.inf if first is None else float(seconds.iloc[first]),
        "images": epochs * float(run[schema.EPOCH_IMAGES.name]),
        "area": float(iou.mean()),
        "diverged": run[schema.STATE] == "diverged" and not stuck,
        "stuck": stuck,
        "rising": bool(iou.iloc[-1] - iou.iloc[-1 - math.ceil(len(iou) / 5)] > RISING) if len(iou) > 1 else False,
    }


def is_stuck(curve: pd.DataFrame, share: float) -> bool:
    """Whether no epoch was better than a constant: neither in cross-entropy nor in overlap (`schema.STUCK_SHARE`)."""
    if not 0 < share < 1:
        return False
    entropy = -share * math.log(share) - (1 - share) * math.log(1 - share)
    learnt = (curve[schema.VAL_BCE.name] <= schema.STUCK_SHARE * entropy) | (curve[schema.VAL_IOU.name] > share)
    return not learnt.any()
