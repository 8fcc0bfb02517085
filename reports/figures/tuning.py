"""Isolation plot of the learning rate: validation IoU of every rate that a group of networks was tried at."""

import math
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from hourglass_bench.reports import style, text
from hourglass_bench.reports.analysis.summary import Summary
from hourglass_bench.reports.analysis.tuning import tuning
from hourglass_bench.reports.figures.base import NoDataError, Plot, by_architecture, told

MOST_IN_A_ROW = 4
MANY = 6
"""Groups of an architecture whose lines are drawn thin and whose marks are small."""


class Rates(NamedTuple):
    """What was tried and chosen, as `analysis.tuning.Tuning`."""

    rates: pd.DataFrame
    groups: pd.DataFrame


def record(summary: Summary) -> Rates:
    """Every rate of every group."""
    found = tuning(summary)
    if found.rates["val_iou"].isna().all():
        raise NoDataError("no complete run that tunes the learning rate logged its best validation IoU.")
    return Rates(*found)


def draw(shown: Rates) -> Figure:
    """A panel per architecture, a line per group and length of training: open marks the shorter, filled the longer."""
    drawn = shown.rates.dropna(subset="val_iou")
    panels = by_architecture(drawn)
    rows = math.ceil(len(panels) / MOST_IN_A_ROW)
    columns = math.ceil(len(panels) / rows)
    figure, table = style.panels(columns, rows=rows, height=2.3 * rows, sharey=True, sharex=True)
    every = [axis for row in table for axis in row]
    axes = every[: len(panels)]
    for axis in every[len(panels) :]:
        axis.set_axis_off()
    for axis, (name, own) in zip(axes, panels, strict=True):
        _draw_groups(axis, own, name)
        _ring(axis, own, shown.groups)
        axis.set_title(style.look(name).label)
    for axis in axes[-columns:]:
        axis.set_xlabel("learning rate")
        axis.tick_params(labelbottom=True)
    axes[0].set_xscale("log")
    ticks = sorted(shown.rates["rate"].unique())
    axes[0].set_xlim(ticks[0] / 1.4, ticks[-1] * 1.4)
    for axis in axes:
        axis.xaxis.set_major_locator(FixedLocator(ticks))
        axis.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:g}"))
        axis.xaxis.set_minor_locator(NullLocator())
    for row in table:
        row[0].set_ylabel("best validation IoU")
    return figure


def _draw_groups(axis: Axes, own: pd.DataFrame, name: str) -> None:
    look, longest = style.look(name), own["epochs"].max()
    thin = own["group"].nunique() > MANY
    for (_, epochs), line in own.groupby(["group", "epochs"]):
        colour = look.colour if epochs == longest else "white"
        marks: dict[str, Any] = {"markerfacecolor": colour, "markeredgecolor": look.colour, "markeredgewidth": 0.8}
        size: dict[str, Any] = {"linewidth": 0.4, "markersize": 2.5} if thin else {"linewidth": 0.9, "markersize": 4.5}
        axis.plot(line["rate"], line["val_iou"], **look.lined, marker=look.marker, **marks, **size)


def _ring(axis: Axes, own: pd.DataFrame, groups: pd.DataFrame) -> None:
    """Around what was chosen, of the longest training."""
    chosen = own.merge(groups[["group", "rate"]], on=["group", "rate"])
    chosen = chosen[chosen["epochs"] == chosen.groupby("group")["epochs"].transform("max")]
    ring: dict[str, Any] = {"marker": "o", "markersize": 9, "markerfacecolor": "none", "markeredgewidth": 0.7}
    axis.plot(chosen["rate"], chosen["val_iou"], color="black", linestyle="none", **ring)


def caption(shown: Rates) -> str:
    """What lines, marks and rings are."""
    epochs = sorted(shown.rates["epochs"].unique())
    first = f"after {text.counted(epochs[0], 'epoch')} (open marks)" if len(epochs) > 1 else ""
    last = f"after {text.counted(epochs[-1], 'epoch')}{' (filled)' if first else ''}"
    return (
        "Best validation IoU by learning rate, a line for each group of similar networks, whose largest was trained: "
        f"{' and '.join(filter(None, (first, last)))}. Circle: the rate at which the group is compared."
    )


def alt(shown: Rates) -> str:
    """The chosen rates of each architecture."""

    def chosen(own: pd.DataFrame) -> str:
        counts = own["rate"].value_counts().sort_index()
        groups = ", ".join(f"{rate:g} for {text.counted(int(count), 'group')}" for rate, count in counts.items())
        return groups or "none yet"

    return f"Lines of validation IoU over the learning rate. Chosen: {told(shown.groups, chosen)}."


PLOT = Plot(section="tuning", stage="tuning", record=record, draw=draw, caption=caption, alt=alt)
