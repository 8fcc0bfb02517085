"""Test IoU against tensor peak memory: what a memory budget buys."""

import math
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from reports import style
from reports.analysis.choices import choices
from reports.analysis.search import fronts, with_front
from reports.analysis.summary import CONFIGURATION, Summary
from reports.figures.base import NoDataError, Plot, cropped, draw_scores, marks_are, measured_points, ranges
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
    for name, front in fronts(shown.points).items():
        axis.step(front["memory_mb"], front["mean"], where="post", **style.look(name).lined, linewidth=0.9)
    draw_scores(axis, shown.points, "memory_mb")
    # A ring around what to take within each budget.
    taken = shown.points.set_index("number").reindex(shown.choices["number"])
    axis.plot(taken["memory_mb"], taken["mean"], "o", markersize=10, markerfacecolor="none", color="black", zorder=4)
    style.memory_axis(axis, {f"{round_number(budget)} MB": budget for budget in shown.choices["budget_mb"]})
    _draw_labels(figure, axis, shown)
    axis.set_ylabel("test IoU")
    style.architecture_legend(figure, shown.points["architecture"])
    return figure


def _draw_labels(figure: Figure, axis: Axes, shown: IouMemory) -> None:
    """Depth/base width beside each mark; a label that would lie on another one is left out, those on a front last."""
    figure.canvas.draw()  # so that places are known
    taken: list[Bbox] = []
    for point in _named(shown).itertuples():
        for offset in ((5, -9), (5, 4), (-16, 4), (-16, -9)):
            size = f"{point.depth}/{point.width}"
            label = style.name_mark(axis, size, point.memory_mb, point.mean, offset, bbox=style.PAPER)
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
