"""Best validation IoU against the learning rate, over all other hyperparameters: is the best rate inside the range?"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from bench import schema
from reports import style, text
from reports.analysis.summary import Summary
from reports.figures.base import NoDataError, Plot
from reports.store.load import ARCHITECTURE, LR

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
    complete = started[schema.STATE] == "complete"
    trials = pd.DataFrame(
        {
            "architecture": started[ARCHITECTURE],
            "trial": started[schema.UNIT],
            "lr": started[LR].astype("float64"),
            "depth": started[schema.DEPTH],
            "state": started[schema.STATE],
            "val_iou": started[schema.BEST_VAL_IOU.name].where(complete),
        }
    )
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
    names = style.in_order(shown.trials["architecture"])
    # Backwards: where lines coincide, the solid one of U-Net lies below the broken ones.
    for row, name in reversed(list(enumerate(names))):
        own = shown.trials[shown.trials["architecture"] == name]
        _draw_trials(axis, name, own.dropna(subset="val_iou"), shown.trials["depth"])
        _draw_best(axis, name, shown.best[shown.best["architecture"] == name])
        _draw_ended(axis, name, own.loc[own["val_iou"].isna(), "lr"], row)
    _scale(axis, shown)
    axis.set(xlabel="learning rate", ylabel="best validation IoU")
    style.architecture_legend(figure, axis, names)
    return figure


def _draw_trials(axis: Axes, name: str, complete: pd.DataFrame, depths: pd.Series) -> None:
    look = style.look(name)
    smallest, largest = SIZES
    shares = (complete["depth"] - depths.min()) / max(1, depths.max() - depths.min())
    axis.scatter(
        complete["lr"],
        complete["val_iou"],
        s=(smallest + (largest - smallest) * shares) ** 2,
        color=look.colour,
        marker=look.marker,
        alpha=0.6,
        linewidth=0,
    )


def _draw_best(axis: Axes, name: str, best: pd.DataFrame) -> None:
    """A bin without a trial leaves a gap."""
    look = style.look(name)
    axis.hlines(best["val_iou"], best["low"], best["high"], color=look.colour, linestyle=look.line, linewidth=1.2)


def _draw_ended(axis: Axes, name: str, rates: pd.Series, row: int) -> None:
    look = style.look(name)
    axis.plot(
        rates,
        [0.025 + 0.045 * row] * len(rates),
        transform=axis.get_xaxis_transform(),
        color=look.colour,
        linestyle="none",
        marker="|",
        markersize=4,
        markeredgewidth=0.8,
    )


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
    complete = shown.trials.dropna(subset="val_iou")
    counts = complete["architecture"].value_counts()
    each = text.listed([f"{counts[name]} of {style.look(name).label}" for name in style.in_order(counts.index)])
    states = shown.trials.loc[shown.trials["val_iou"].isna(), "state"]
    ended = text.listed([label for state, label in ENDED.items() if state in set(states)])
    ticks = f" Ticks at the bottom: trials that did not complete ({ended})." if ended else ""
    return (
        f"Best validation IoU against the learning rate, a mark for each complete search trial ({each}), the larger "
        "the deeper. Line: the best trial between two grid lines, over all other hyperparameters; where there are more "
        f"trials, their highest value is higher by chance as well.{ticks}"
    )


def alt(shown: LearningRate) -> str:
    """The range of learning rates, and where each architecture's best trial lies."""
    complete = shown.trials.dropna(subset="val_iou")
    each = []
    for name in style.in_order(complete["architecture"]):
        own = complete[complete["architecture"] == name].sort_values("val_iou")
        best = own.iloc[-1]
        each.append(
            f"{style.look(name).label} {text.digits(best['val_iou'])} at {text.significant(best['lr'])}, tried "
            f"{text.significant(own['lr'].min())} to {text.significant(own['lr'].max())}"
        )
    return f"Scatter plot of best validation IoU against the learning rate. Best: {'; '.join(each)}."


PLOT = Plot(section="search", stage="search", width="half", record=record, draw=draw, caption=caption, alt=alt)
