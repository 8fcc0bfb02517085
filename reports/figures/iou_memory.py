"""Test IoU against tensor peak memory: what a memory budget buys."""

from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports import style
from reports.figures.base import (
    CROPPED,
    WHISKERS,
    NoDataError,
    Plot,
    Whiskers,
    by_architecture,
    draw_whiskers,
    measured_points,
    ranges,
    seeds,
)
from reports.search import with_front
from reports.summary import Summary

MOST_LABELS = 16


class IouMemory(NamedTuple):
    """One row per configuration."""

    points: pd.DataFrame
    """Columns as `measured_points`, and `front`: no cheaper configuration of its architecture has a higher mean."""


def record(of: Summary) -> IouMemory:
    """Configurations with a test IoU and a tensor peak, cheapest first within their architecture."""
    points = measured_points(of).dropna(subset="memory_mb")
    if points.empty:
        raise NoDataError("no complete run logged its tensor peak memory.")
    return IouMemory(with_front(points, "mean"))


def draw(shown: IouMemory) -> Figure:
    """Marks with whiskers, and the front of each architecture as a step line."""
    figure, ((axis,),) = style.panels(1, height=2.9)
    for marks in by_architecture(shown.points):
        _draw_front(axis, marks)
        draw_whiskers(axis, marks, "memory_mb")
    _draw_labels(axis, shown.points)
    style.binary_axis(axis)
    axis.set(xlabel="tensor peak memory of a training step in MB (1 MB = 1,000,000 bytes)", ylabel="test IoU")
    style.architecture_legend(figure, axis, style.in_order(shown.points["architecture"]))
    return figure


def _draw_front(axis: Axes, marks: Whiskers) -> None:
    look, front = style.look(marks.architecture), marks.points[marks.points["front"]]
    axis.step(front["memory_mb"], front["mean"], where="post", color=look.colour, linestyle=look.line, linewidth=0.9)


def _draw_labels(axis: Axes, points: pd.DataFrame) -> None:
    named = points if len(points) <= MOST_LABELS else points[points["front"]]
    for point in named.itertuples():
        axis.annotate(
            f"{point.depth}/{point.width}",
            (point.memory_mb, point.mean),
            xytext=(4, -8),
            textcoords="offset points",
            fontsize=6,
            color="#404040",
        )


def caption(shown: IouMemory) -> str:
    """What the marks, lines and labels are."""
    return (
        f"Test IoU against tensor peak memory, a mark for each configuration. {WHISKERS} ({seeds(shown.points)}). "
        "Step line: highest mean up to that memory, for each architecture. Label: depth/base width. " + CROPPED
    )


def alt(shown: IouMemory) -> str:
    """Ranges of IoU and memory."""
    memory = shown.points["memory_mb"]
    return (
        f"Scatter plot of mean test IoU against tensor peak memory between {memory.min():.3g} and "
        f"{memory.max():.3g} MB. Mean test IoU: {ranges(shown.points)}."
    )


PLOT = Plot(section="answer", record=record, draw=draw, caption=caption, alt=alt)
