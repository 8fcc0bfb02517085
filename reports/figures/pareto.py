"""What a search found: best validation IoU of every trial against its tensor peak memory."""

import math
from functools import lru_cache
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from hourglass_bench.reports import style, text
from hourglass_bench.reports.analysis.search import search_points
from hourglass_bench.reports.analysis.summary import Summary, precision
from hourglass_bench.reports.figures.base import NoDataError, Plot, by_architecture, told

NEAR = 2.0
"""A budget within this factor of the trials' memory is drawn; a farther one would push them into a corner."""


class Pareto(NamedTuple):
    """One row per complete search trial."""

    points: pd.DataFrame
    """architecture, trial, label, val_iou, memory_mb, depth, channels, norm, lr, front."""
    budget_mb: float
    """The study's memory budget; NaN if it has none."""
    precision: str
    """Arithmetic in which the memory was measured."""

    @property
    def budget_in_range(self) -> bool:
        """Whether the budget is near the trials' memory."""
        memory = self.points["memory_mb"]
        return bool(memory.min() / NEAR <= self.budget_mb <= memory.max() * NEAR)


@lru_cache(maxsize=1)
def record(summary: Summary) -> Pareto:
    """Every complete trial with a validation IoU and a tensor peak."""
    points = search_points(summary)
    if points.empty:
        raise NoDataError("no complete run of the search logged its validation IoU and tensor peak memory.")
    budget = summary.study.memory_budget
    return Pareto(points, math.nan if budget is None else budget / text.MEGABYTE, precision(summary))


def draw(shown: Pareto) -> Figure:
    """A mark for each trial, the front of each architecture as a step line."""
    figure, ((axis,),) = style.panels(1, height=3.4)
    for name, own in by_architecture(shown.points):
        look, beaten, front = style.look(name), own[~own["front"]], own[own["front"]]
        axis.plot(beaten["memory_mb"], beaten["val_iou"], **look.marked, markersize=3.5, alpha=0.45, markeredgewidth=0)
        axis.step(front["memory_mb"], front["val_iou"], where="post", **look.lined, linewidth=0.9)
        axis.plot(front["memory_mb"], front["val_iou"], **look.marked, **style.WHITE_EDGE)
    budget = {f"memory budget {text.significant(shown.budget_mb)} MB": shown.budget_mb}
    style.memory_axis(axis, budget if shown.budget_in_range else {}, shown.precision)
    axis.set_ylabel("best validation IoU")
    style.architecture_legend(figure, shown.points["architecture"])
    return figure


def caption(shown: Pareto) -> str:
    """What the marks and lines are."""
    budget = f"{text.significant(shown.budget_mb)} MB"
    limit = f"Dotted: the memory budget of {budget}. " if shown.budget_in_range else ""
    if not math.isnan(shown.budget_mb) and not shown.budget_in_range:
        limit = f"The memory budget of {budget} lies outside the axis. "
    return (
        "Best validation IoU against tensor peak memory, a mark for each complete search trial. Step line and large "
        "marks: the Pareto front of each architecture; no cheaper trial of it is as good. "
        f"{limit}"
    ).rstrip()


def alt(shown: Pareto) -> str:
    """The ends of each front."""

    def place(point: pd.Series) -> str:
        return f"{text.digits(point['val_iou'])} at {text.significant(point['memory_mb'])} MB"

    front = shown.points[shown.points["front"]]
    fronts = told(front, lambda own: f"from {place(own.iloc[0])} to {place(own.iloc[-1])}")
    trials = text.counted(len(shown.points), "trial")
    return f"Scatter plot of best validation IoU against tensor peak memory of {trials}. Pareto fronts: {fronts}."


PLOT = Plot(section="search", stage="search", record=record, draw=draw, caption=caption, alt=alt)
