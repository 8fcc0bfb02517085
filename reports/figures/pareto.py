"""What a search found: best validation IoU of every trial against its tensor peak memory."""

import math
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports import style, text
from reports.analysis.search import fronts, search_points
from reports.analysis.summary import Summary
from reports.figures.base import NoDataError, Plot

NEAR = 2.0
"""A budget within this factor of the trials' memory is drawn; a farther one would push them into a corner."""


class Pareto(NamedTuple):
    """One row per complete search trial."""

    points: pd.DataFrame
    """architecture, trial, label, val_iou, memory_mb, depth, channels, norm, lr, front."""
    budget_mb: float
    """The study's memory budget; NaN if it has none."""

    @property
    def budget_in_range(self) -> bool:
        """Whether the budget is near the trials' memory."""
        memory = self.points["memory_mb"]
        return bool(memory.min() / NEAR <= self.budget_mb <= memory.max() * NEAR)


def record(summary: Summary) -> Pareto:
    """Every complete trial with a validation IoU and a tensor peak."""
    points = search_points(summary)
    if points.empty:
        raise NoDataError("no complete run of the search logged its validation IoU and tensor peak memory.")
    budget = summary.study.memory_budget
    return Pareto(points, math.nan if budget is None else budget / text.MEGABYTE)


def draw(shown: Pareto) -> Figure:
    """A mark for each trial, the front of each architecture as a step line."""
    figure, ((axis,),) = style.panels(1, height=3.4)
    names = style.in_order(shown.points["architecture"])
    for name, front in fronts(shown.points).items():
        _draw_trials(axis, name, shown.points[shown.points["architecture"] == name], front)
    if shown.budget_in_range:
        _draw_budget(axis, shown.budget_mb)
    style.binary_axis(axis)
    axis.set(
        xlabel="tensor peak memory of a training step in MB (1 MB = 1,000,000 bytes)", ylabel="best validation IoU"
    )
    style.architecture_legend(figure, axis, names)
    return figure


def _draw_trials(axis: Axes, name: str, points: pd.DataFrame, front: pd.DataFrame) -> None:
    look = style.look(name)
    beaten = points[~points["front"]]
    marks: dict[str, Any] = {"color": look.colour, "linestyle": "none", "marker": look.marker}
    axis.plot(beaten["memory_mb"], beaten["val_iou"], **marks, markersize=3.5, alpha=0.45, markeredgewidth=0)
    axis.step(front["memory_mb"], front["val_iou"], where="post", color=look.colour, linestyle=look.line, linewidth=0.9)
    axis.plot(front["memory_mb"], front["val_iou"], **marks, markeredgecolor="white", markeredgewidth=0.5)


def _draw_budget(axis: Axes, budget: float) -> None:
    axis.axvline(budget, color="black", linewidth=0.8, linestyle=(0, (1, 1)))
    axis.annotate(
        f"memory budget {text.significant(budget)} MB",
        (budget, 0.02),
        xycoords=("data", "axes fraction"),
        xytext=(-3, 0),
        textcoords="offset points",
        ha="right",
        va="bottom",
        rotation=90,
        fontsize=6.5,
        bbox={"facecolor": "white", "alpha": 0.8, "pad": 0.5, "linewidth": 0},
    )


def caption(shown: Pareto) -> str:
    """What the marks and lines are."""
    budget = f"{text.significant(shown.budget_mb)} MB"
    limit = f"Dotted: the memory budget of {budget}. " if shown.budget_in_range else ""
    if not math.isnan(shown.budget_mb) and not shown.budget_in_range:
        limit = f"The memory budget of {budget} lies outside the axis. "
    return (
        "Best validation IoU against tensor peak memory, a mark for each complete search trial. Step line and large "
        "marks: the Pareto front of each architecture; no cheaper trial of it is as good. "
        f"{limit}The IoU axis spans the measured values only."
    )


def alt(shown: Pareto) -> str:
    """The ends of each front."""
    parts = [
        f"{style.look(name).label} from {text.digits(front['val_iou'].iloc[0])} at "
        f"{text.significant(front['memory_mb'].iloc[0])} MB to {text.digits(front['val_iou'].iloc[-1])} at "
        f"{text.significant(front['memory_mb'].iloc[-1])} MB"
        for name, front in fronts(shown.points).items()
    ]
    trials = text.counted(len(shown.points), "trial")
    return (
        f"Scatter plot of best validation IoU against tensor peak memory of {trials}. "
        f"Pareto fronts: {'; '.join(parts)}."
    )


PLOT = Plot(section="search", stage="search", record=record, draw=draw, caption=caption, alt=alt)
