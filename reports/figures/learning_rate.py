"""Best validation IoU against the learning rate, over all other hyperparameters: is the best rate inside the range?"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from hourglass_bench.bench import schema
from hourglass_bench.reports import style, text
from hourglass_bench.reports.analysis.summary import Summary
from hourglass_bench.reports.figures.base import NoDataError, Plot, by_architecture, lack, numbers, span, told
from hourglass_bench.reports.store.load import ARCHITECTURE, LR

HALF = 3
"""Decades are halved here, where people halve them: 0.001, 0.003, 0.01."""
SIZES = (2.5, 6.0)
"""Of the marks of the shallowest and the deepest networks."""
ENDED = {"pruned": "pruned", "diverged": "diverged", "out_of_memory": "out of memory", "failed": "failed"}
"""States of trials that were started and did not complete."""


class LearningRate(NamedTuple):
    """The search trials that were started."""

    trials: pd.DataFrame
    """architecture, trial, lr, depth, state, val_iou (NaN unless complete)."""
    best: pd.DataFrame
    """architecture, low, high (of a bin of learning rates), n complete trials in it, val_iou: the highest of them."""


def record(summary: Summary) -> LearningRate:
    """All trials that were started, and the best of each half decade of learning rates."""
    started = summary.search[summary.search[schema.STATE].isin(["complete", *ENDED])]
    logged = [ARCHITECTURE, schema.UNIT, LR, schema.DEPTH, schema.STATE, schema.BEST_VAL_IOU.name]
    trials = started[logged].set_axis(["architecture", "trial", "lr", "depth", "state", "val_iou"], axis=1)
    trials = trials.assign(val_iou=trials["val_iou"].where(trials["state"] == "complete")).astype({"lr": "float64"})
    trials = trials[trials["lr"] > 0].reset_index(drop=True)
    if trials["val_iou"].isna().all():
        raise NoDataError("no complete run of the search logged its learning rate and best validation IoU.")
    return LearningRate(trials, _best(trials.dropna(subset="val_iou")))


def _best(complete: pd.DataFrame) -> pd.DataFrame:
    rates = complete["lr"].to_numpy(np.float64)
    decade = 10 ** np.floor(np.log10(rates))
    upper = rates >= HALF * decade
    bins = complete.assign(low=np.where(upper, HALF, 1) * decade, high=np.where(upper, 10, HALF) * decade)
    best = bins.groupby(["architecture", "low", "high"])["val_iou"].agg(n="size", val_iou="max")
    return best.reset_index()


def draw(shown: LearningRate) -> Figure:
    """A mark per complete trial, the larger the deeper; a step line at the best of each bin; ticks for the others."""
    figure, ((axis,),) = style.panels(1, height=2.2, width=style.HALF_WIDTH)
    # Backwards: where lines coincide, the solid one of U-Net lies below the broken ones.
    for row, (name, own) in reversed(list(enumerate(by_architecture(shown.trials)))):
        look, done = style.look(name), own["val_iou"].notna()
        sizes = _sizes(shown.trials["depth"], own["depth"])
        marks: dict[str, Any] = {"color": look.colour, "marker": look.marker, "alpha": 0.6, "linewidth": 0}
        axis.scatter(own.loc[done, "lr"], own.loc[done, "val_iou"], s=sizes[done], **marks)
        # A bin without a trial leaves a gap.
        best = shown.best[shown.best["architecture"] == name]
        axis.hlines(best["val_iou"], best["low"], best["high"], **look.lined, linewidth=1.2)
        ticks: dict[str, Any] = {**look.marked, "marker": "|", "markersize": 4, "markeredgewidth": 0.8}
        heights = [0.025 + 0.045 * row] * (~done).sum()
        axis.plot(own.loc[~done, "lr"], heights, **ticks, transform=axis.get_xaxis_transform())
    _scale(axis, shown)
    axis.set(xlabel="learning rate", ylabel="best validation IoU")
    style.architecture_legend(figure, shown.trials["architecture"])
    return figure


def _sizes(depths: pd.Series, own: pd.Series) -> pd.Series:
    """Areas of marks, by depth among all `depths`; in the middle without one."""
    least, most = depths.astype("float64").agg(["min", "max"])
    radii = np.interp(own.astype("float64"), (least, max(least + 1, most)), SIZES)
    return pd.Series(radii, own.index).fillna(np.mean(SIZES)) ** 2


def _scale(axis: Axes, shown: LearningRate) -> None:
    """Whole bins, so that there is a tick however few rates were tried, and room for the ticks of trials below."""
    axis.set_xscale("log")
    rates = shown.trials["lr"]
    axis.set_xlim(min(rates.min(), shown.best["low"].min()) / 1.1, max(rates.max(), shown.best["high"].max()) * 1.1)
    axis.xaxis.set_major_locator(LogLocator(subs=(1, HALF)))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:g}"))
    axis.xaxis.set_minor_locator(NullLocator())
    low, high = axis.get_ylim()
    axis.set_ylim(low - 0.12 * (high - low), high)


def caption(shown: LearningRate) -> str:
    """What marks, steps and ticks are."""
    flat = shown.trials[shown.trials["depth"].isna()]
    deeper = "" if len(flat) == len(shown.trials) else ", larger if deeper"
    ticks = "; ticks: those that did not complete" if shown.trials["val_iou"].isna().any() else ""
    return (
        f"Best validation IoU by learning rate: a mark for each complete search trial{deeper}; line: the "
        f"best of each half decade{ticks}.{lack(set(flat['architecture']) if deeper else (), 'depth')}"
    )


def alt(shown: LearningRate) -> str:
    """The range of learning rates, and where each architecture's best trial lies."""

    def best(own: pd.DataFrame) -> str:
        first = own.sort_values("val_iou").iloc[-1]
        return f"{text.digits(first['val_iou'])} at {text.significant(first['lr'])}, tried {span(own['lr'])}"

    complete = shown.trials.dropna(subset="val_iou")
    counts = numbers(complete["architecture"].value_counts())
    states = shown.trials.loc[shown.trials["val_iou"].isna(), "state"].value_counts()
    ended = "".join(f", {states[state]} {label}" for state, label in ENDED.items() if state in states)
    return (
        f"Scatter plot of best validation IoU against the learning rate, complete trials: {counts}{ended}. "
        f"Best: {told(complete, best)}."
    )


PLOT = Plot(section="search", stage="search", width="half", record=record, draw=draw, caption=caption, alt=alt)
