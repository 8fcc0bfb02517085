"""Test IoU against tensor peak memory: what a memory budget buys."""

import math
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from reports import style
from reports.analysis.choices import choices
from reports.analysis.search import with_front
from reports.analysis.summary import CONFIGURATION, Summary
from reports.figures.base import (
    NoDataError,
    Plot,
    Whiskers,
    by_architecture,
    cropped,
    crowded,
    draw_whiskers,
    marks_are,
    measured_points,
    ranges,
    score_limits,
)
from reports.text import round_number

MOST_LABELS = 16


class IouMemory(NamedTuple):
    """One row per configuration, and what to take."""

    points: pd.DataFrame
    """Columns as `measured_points`, and `front`: no cheaper configuration of its architecture has a higher mean."""
    choices: pd.DataFrame
    """budget_mb and the number of the configuration that validation puts first within it."""


def record(summary: Summary) -> IouMemory:
    """Configurations with a test IoU and a tensor peak, cheapest first within their architecture."""
    points = measured_points(summary).dropna(subset="memory_mb")
    if points.empty:
        raise NoDataError("no complete run logged its tensor peak memory.")
    made = [{"budget_mb": choice.budget_mb, "number": int(choice.row[CONFIGURATION])} for choice in choices(summary)]
    return IouMemory(with_front(points, "mean"), pd.DataFrame(made))


def draw(shown: IouMemory) -> Figure:
    """Marks with whiskers, the front of each architecture as a step line, and the budgets."""
    figure, ((axis,),) = style.panels(1, height=3.2)
    for own in by_architecture(shown.points):
        _draw_front(axis, own)
        draw_whiskers(axis, own, "memory_mb", bare=crowded(shown.points))
    axis.set_ylim(*score_limits(shown.points))
    _draw_budgets(axis, shown)
    style.binary_axis(axis)
    _draw_labels(figure, axis, shown)
    axis.set(xlabel="tensor peak memory of a training step in MB (1 MB = 1,000,000 bytes)", ylabel="test IoU")
    style.architecture_legend(figure, axis, style.in_order(shown.points["architecture"]))
    return figure


def _draw_front(axis: Axes, marks: Whiskers) -> None:
    look, front = style.look(marks.architecture), marks.points[marks.points["front"]]
    axis.step(front["memory_mb"], front["mean"], where="post", color=look.colour, linestyle=look.line, linewidth=0.9)


def _draw_budgets(axis: Axes, shown: IouMemory) -> None:
    """A line for each budget, and a ring around what to take within it."""
    taken = shown.points.set_index("number").reindex(shown.choices["number"])
    axis.plot(taken["memory_mb"], taken["mean"], "o", markersize=10, markerfacecolor="none", color="black", zorder=4)
    for budget in shown.choices["budget_mb"]:
        axis.axvline(budget, color="black", linewidth=0.7, linestyle=(0, (1, 2)))
        axis.annotate(
            f"{round_number(budget)} MB",
            (budget, 0.01),
            xycoords=("data", "axes fraction"),
            xytext=(-1.5, 0),
            textcoords="offset points",
            ha="right",
            va="bottom",
            rotation=90,
            fontsize=6,
            bbox={"facecolor": "white", "alpha": 0.8, "pad": 0.3, "linewidth": 0},
        )


def _draw_labels(figure: Figure, axis: Axes, shown: IouMemory) -> None:
    """Depth/base width beside each mark; a label that would lie on another one is left out, those on a front last."""
    figure.canvas.draw()  # so that places are known
    taken: list[Bbox] = []
    for point in _named(shown).itertuples():
        for offset in ((5, -9), (5, 4), (-16, 4), (-16, -9)):
            label = axis.annotate(
                f"{point.depth}/{point.width}",
                (point.memory_mb, point.mean),
                xytext=offset,
                textcoords="offset points",
                fontsize=6,
                color="#404040",
                bbox={"facecolor": "white", "alpha": 0.7, "pad": 0.3, "linewidth": 0},
            )
            box = label.get_window_extent()
            if not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            label.remove()


def _named(shown: IouMemory) -> pd.DataFrame:
    """The marks with labels, the most important first; of too many those to take, and some of the front."""
    points = shown.points.sort_values("front", ascending=False, kind="stable")
    if len(points) <= MOST_LABELS:
        return points
    ringed = points["number"].isin(shown.choices["number"])
    front = points[points["front"] & ~ringed]
    return pd.concat([points[ringed], front.iloc[:: math.ceil(len(front) / MOST_LABELS) or 1]])


def caption(shown: IouMemory) -> str:
    """What the marks, lines and labels are."""
    return (
        f"Test IoU against tensor peak memory, a mark for each configuration. {marks_are(shown.points)}. "
        "Step line: highest mean up to that memory, for each architecture. Label: depth/base width. Ring: what "
        f"validation puts first within the memory budget of a dotted line. {cropped(shown.points)}"
    )


def alt(shown: IouMemory) -> str:
    """Ranges of IoU and memory."""
    memory = shown.points["memory_mb"]
    return (
        f"Scatter plot of mean test IoU against tensor peak memory between {memory.min():.3g} and "
        f"{memory.max():.3g} MB. Mean test IoU: {ranges(shown.points)}."
    )


PLOT = Plot(section="answer", record=record, draw=draw, caption=caption, alt=alt)
